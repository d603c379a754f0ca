"""What a group of rows works on: Hamiltonians in both precisions, and room for vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import SMALLEST_COEFFICIENT
from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.kernels import floor_of
from hamiltonian_ml.subspace.side_by_side.lanes import empty_lanes, get, get_float
from hamiltonian_ml.subspace.side_by_side.passes import diagonals_of, enter_elements, shift_down, spread
from hamiltonian_ml.subspace.structure import SubspaceStructure

ROWS = 8  # of a group
_FEWER_ROWS = 4  # where the vectors of so many complex rows would not stay in a core's own cache
_CACHED_STATES = 5000  # of which they stay there: seven vectors of 64 bytes a state


class Batch(NamedTuple):
    """A structure's lists, and the tables of a batch of Hamiltonians (n_rows, n_codes).

    ``units`` (n_rows,) are positive and of the size of a row's largest coefficient: single precision has not got the
    digits of every unit of energy.
    """

    left: Any
    right: Any
    codes: Any
    diagonal_codes: Any
    tables: Any
    diagonal_tables: Any
    units: Any


class Group(NamedTuple):
    """Hamiltonians side by side: elements by code, and diagonals.

    ``turning`` holds the imaginary parts of the elements, once with each sign, or is None for real Hamiltonians.
    """

    real: Any
    turning: Any
    diagonal: Any


class Room(NamedTuple):
    """Room for one group, made by `make_room`; the Hamiltonians are entered by `enter_group`.

    In single precision: the Hamiltonians ``group``, the state ``x``, the last direction ``p``, the preconditioned
    residual ``w``, what H makes of these three, and ``other``, a state that is not to be changed. While the response is
    sought, ``w`` is the residual and ``hx`` the answer. In double precision: ``wide`` Hamiltonians, ``wide_x``, what H
    makes of it, and ``wide_source``. ``factors`` has thirteen items, ``wide_factors`` and ``sums``, which are of double
    precision, have twelve.
    """

    group: Group
    wide: Group
    diagonal_table: Any
    x: Any
    p: Any
    w: Any
    hx: Any
    hp: Any
    hw: Any
    other: Any
    wide_x: Any
    wide_image: Any
    wide_source: Any
    factors: Any
    wide_factors: Any
    sums: Any


def batch_of(
    structure: SubspaceStructure,
    tables: NDArray[Any],
    diagonal_tables: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Batch:
    """Return the Hamiltonians of some tables and largest coefficients (n_rows,); any unit fits where these vanish."""
    lists = structure.left, structure.right, structure.codes, structure.diagonal_codes
    return Batch(*lists, tables, diagonal_tables, np.where(scale > SMALLEST_COEFFICIENT, scale, 1.0))


def parts_of(tables: NDArray[Any]) -> int:
    """Return how many floats an amplitude has."""
    return 2 if np.iscomplexobj(tables) else 1


def rows_of_group(dimension: int, n_parts: int) -> int:
    """Return how many rows are solved side by side."""
    return ROWS if n_parts == 1 or dimension <= _CACHED_STATES else _FEWER_ROWS


def make_room(batch: Batch) -> Room:
    """Return room for one group of a batch."""
    n_parts, dimension = parts_of(batch.tables), len(batch.diagonal_codes)
    width = rows_of_group(dimension, n_parts) * n_parts

    def lanes(n_items: int, precision: str) -> Any:
        return empty_lanes(n_items, width, precision)

    def group(precision: str) -> Group:
        n_codes = batch.tables.shape[1]
        turning = lanes(n_codes, precision) if n_parts == 2 else None
        return Group(lanes(n_codes, precision), turning, lanes(dimension, precision))

    singles = [lanes(dimension, "single") for _ in range(7)]
    doubles = [lanes(dimension, "double") for _ in range(3)]
    scratch = (lanes(13, "single"), lanes(12, "double"), lanes(12, "double"))
    table = lanes(batch.diagonal_tables.shape[1], "double")
    return Room._make([group("single"), group("double"), table, *singles, *doubles, *scratch])


@compiled
def enter_group(batch, rows, floors, origins, n_parts, room):
    """Write the Hamiltonians of some rows into lanes.

    Those of single precision are in the rows' units, their diagonals counted from ``origins``: the lowest elements, so
    that the digits are spent on differences. ``floors`` gets what the preconditioners divide by at least, in the units.
    """
    for k in range(len(rows)):
        table = batch.tables[rows[k]]
        enter_elements(table, batch.units[rows[k]], k, n_parts, room.group.real, room.group.turning)
        enter_elements(table, 1.0, k, n_parts, room.wide.real, room.wide.turning)
        enter_elements(batch.diagonal_tables[rows[k]], 1.0, k, n_parts, room.diagonal_table, None)
    diagonals_of(batch.diagonal_codes, room.diagonal_table, room.wide.diagonal, room.wide_factors)
    for k in range(len(rows)):
        origins[k] = -get_float(room.wide_factors, 0, n_parts * k)
        floor = floor_of(batch.tables[rows[k]], origins[k], get_float(room.wide_factors, 1, n_parts * k))
        floors[k] = floor / batch.units[rows[k]]
    spread(origins, 2, n_parts, room.wide_factors)
    spread(batch.units[rows], 3, n_parts, room.wide_factors)
    shift_down(room.wide.diagonal, get(room.wide_factors, 2), get(room.wide_factors, 3), room.group.diagonal)
