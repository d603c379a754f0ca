"""What rows side by side have to do with the states outside the subspace: `kernels.leave` and `kernels.reach_out`.

All in double precision, since the sums are what certificates state and gradients are made of.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.subspace.boundary import Boundary
from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.side_by_side.lanes import (
    empty_lanes,
    get,
    get_float,
    imaginary_parts,
    larger,
    put,
    real_parts,
    swapped,
    zero_like,
)
from hamiltonian_ml.subspace.side_by_side.passes import (
    clear_lanes,
    enter_elements,
    enter_vectors,
    row_sum,
    spread,
    take_vectors,
)
from hamiltonian_ml.subspace.side_by_side.room import ROWS, parts_of


class BoundaryBatch(NamedTuple):
    """The entries that lead out of a subspace, as a `Boundary` lists them, and the rows' tables and states.

    ``tables`` (n_rows, n_codes), ``diagonal_tables`` (n_rows, n_diagonal_codes), ``states`` (n_rows, 1, d).
    """

    starts: Any
    columns: Any
    codes: Any
    diagonal_codes: Any
    tables: Any
    diagonal_tables: Any
    states: Any


class BoundaryRoom(NamedTuple):
    """Room for one group at the boundary: elements by code, states, what comes back to them, and sums by code."""

    real: Any
    turning: Any
    diagonal_table: Any
    states: Any
    back: Any
    bins: Any
    sums: Any


def batch_at_boundary(
    boundary: Boundary, tables: NDArray[Any], diagonal_tables: NDArray[np.float64], states: NDArray[Any]
) -> BoundaryBatch:
    """Return what rows of states (n_rows, dimension) have to do with a boundary."""
    lists = boundary.starts, boundary.columns, boundary.codes, boundary.diagonal_codes
    return BoundaryBatch(*lists, tables, diagonal_tables, states[:, None])


def make_boundary_room(batch: BoundaryBatch) -> BoundaryRoom:
    """Return room for one group."""
    n_parts = parts_of(batch.tables)

    def lanes(n_items: int) -> Any:
        return empty_lanes(n_items, ROWS * n_parts, "double")

    n_codes, dimension = batch.tables.shape[1], batch.states.shape[2]
    turning = lanes(n_codes) if n_parts == 2 else None
    table = lanes(batch.diagonal_tables.shape[1])
    return BoundaryRoom(lanes(n_codes), turning, table, lanes(dimension), lanes(dimension), lanes(n_codes), lanes(6))


@compiled
def _enter(batch, rows, n_parts, room):
    for k in range(len(rows)):
        enter_elements(batch.tables[rows[k]], 1.0, k, n_parts, room.real, room.turning)
    enter_vectors(batch.states, 0, rows, n_parts, room.states)


@compiled
def reach_out_of_group(batch, totals, back, bins, rows, n_live, n_parts, room):
    """Do what `kernels.reach_out` does, for the first ``n_live`` of some rows.

    ``totals`` (n_rows,), ``back`` (n_rows, 1, d) and ``bins`` (n_rows, 1, n_codes) are those of all rows.
    """
    _enter(batch, rows, n_parts, room)
    clear_lanes(room.back)
    clear_lanes(room.bins)
    _reach_out(
        batch.starts, batch.columns, batch.codes, room.real, room.turning, room.states, room.back, room.bins, room.sums
    )
    for k in range(n_live):
        totals[rows[k]] = row_sum(room.sums, 0, k, n_parts)
    take_vectors(room.back, n_parts, rows, n_live, 0, back)
    take_vectors(room.bins, n_parts, rows, n_live, 0, bins)


@compiled
def _reach_out(starts, columns, codes, real, turning, states, back, bins, sums):
    total = zero_like(get(sums, 0))
    for a in range(len(starts) - 1):
        amplitude = zero_like(total)
        for k in range(starts[a], starts[a + 1]):
            at = np.uint64(k)  # an index that may be negative would cost a comparison
            code, state = np.uint64(codes[at]), get(states, np.uint64(columns[at]))
            share = get(real, code) * state
            if turning is not None:
                share = share + get(turning, code) * swapped(state)
            amplitude += share
        total += amplitude * amplitude
        turned, along, across = swapped(amplitude), real_parts(amplitude), imaginary_parts(amplitude)
        for k in range(starts[a], starts[a + 1]):
            at = np.uint64(k)
            code, column = np.uint64(codes[at]), np.uint64(columns[at])
            state, share = get(states, column), get(real, code) * amplitude
            if turning is None:
                put(bins, code, get(bins, code) + amplitude * state)
            else:
                share = share - get(turning, code) * turned
                put(bins, code, get(bins, code) + along * state + across * swapped(state))
            put(back, column, get(back, column) + share)
    put(sums, 0, total)


@compiled
def leave_group(batch, energies, found, rows, n_live, n_parts, room):
    """Do what `kernels.leave` does, for the first ``n_live`` of some rows; ``found`` (n_rows, 4) gets what it returns.

    That is not finite where a state outside has the energy of the row, or nearly so, and then not to be believed.
    """
    _enter(batch, rows, n_parts, room)
    for k in range(len(rows)):
        enter_elements(batch.diagonal_tables[rows[k]], 1.0, k, n_parts, room.diagonal_table, None)
    spread(energies[rows], 5, n_parts, room.sums)
    _leave(
        batch.starts, batch.columns, batch.codes, batch.diagonal_codes, room.real, room.turning, room.diagonal_table,
        room.states, room.sums,
    )  # fmt: skip
    for k in range(n_live):
        for place in range(3):
            found[rows[k], place] = row_sum(room.sums, place, k, n_parts)
        found[rows[k], 3] = -get_float(room.sums, 3, n_parts * k)


@compiled
def _leave(starts, columns, codes, diagonal_codes, real, turning, diagonal_table, states, sums):
    energy = get(sums, 5)
    norm = correction = weight = zero_like(energy)
    lowest = norm  # its negative, from the first state on
    for a in range(len(starts) - 1):
        amplitude, own = zero_like(energy), zero_like(energy)
        for k in range(starts[a], starts[a + 1]):
            at = np.uint64(k)
            code, state = np.uint64(codes[at]), get(states, np.uint64(columns[at]))
            share = get(real, code) * state
            if turning is not None:
                share = share + get(turning, code) * swapped(state)
            amplitude += share
        for c in range(diagonal_codes.shape[1]):
            own += get(diagonal_table, diagonal_codes[a, c])
        lowest = larger(lowest, zero_like(own) - own) if a > 0 else zero_like(own) - own
        size, below = amplitude * amplitude, energy - own
        rate = size / below
        norm += size
        correction += rate
        weight += rate / below
    put(sums, 0, norm)
    put(sums, 1, correction)
    put(sums, 2, weight)
    put(sums, 3, lowest)
