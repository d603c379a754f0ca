"""Shares rows out to groups, and groups to threads; what a group leaves unsolved joins the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.threads import map_blocks, row_blocks
from hamiltonian_ml.subspace.side_by_side.adjoint import Asked, find_responses
from hamiltonian_ml.subspace.side_by_side.levels import Sought, find_lowest, find_second
from hamiltonian_ml.subspace.side_by_side.outside import BoundaryBatch, BoundaryRoom, make_boundary_room
from hamiltonian_ml.subspace.side_by_side.room import ROWS, Batch, Room, make_room, parts_of, rows_of_group

_FEWEST = 0.75  # of a group, from which on rows are faster side by side than one after the other
_STATES = (512, 1 << 17)  # from where on they are, and up to where a group takes no more than 128 MiB
_SWEEPS = 4
_COARSE = (2e-5, 3e-6)  # residuals in units of the largest coefficient that single precision reaches with ease
_FEWEST_ENTRIES = 4096  # to the states outside

Work = Callable[[NDArray[np.intp], int, int, Room], None]
BoundaryWork = Callable[[NDArray[np.intp], int, int, BoundaryRoom], None]


def levels_side_by_side(batch: Batch, sought: Sought) -> None:
    """Find the first one or two levels of the rows for which it is worth it, and tell which are solved.

    ``sought.n_known`` is raised where a state was found, to its tolerance or not.
    """
    n_rows, n_levels, dimension = sought.states.shape
    sought.solved[:] = False
    if not is_worth_it(n_rows, dimension, parts_of(batch.tables)):
        return
    todo = np.arange(n_rows)
    for level, find in enumerate((find_lowest, find_second)[:n_levels]):
        sought.solved[:], sought.unfinished[:] = False, True
        unsolved = todo
        for _ in range(_SWEEPS):
            tried = _side_by_side(batch, unsolved, lambda *group, find=find: find(batch, sought, *group))
            sought.n_known[tried] = np.maximum(sought.n_known[tried], level + 1)
            unsolved = unsolved[~sought.solved[unsolved] & sought.unfinished[unsolved]]
            if len(tried) == 0 or len(unsolved) == 0:
                break
        todo = np.flatnonzero(sought.solved)
    if n_levels > 2:
        sought.solved[:] = False


def aims_of(tolerances: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the residuals (n_rows, n_levels) to which single precision searches by itself."""
    coarse = np.full(tolerances.shape[1], _COARSE[1])
    coarse[0] = _COARSE[0]  # is corrected afterwards
    return np.maximum(0.7 * tolerances, coarse * scale[:, None])


def responses_side_by_side(batch: Batch, asked: Asked, tolerance: float) -> None:
    """Solve (H - energies) z = sources for the rows for which it is worth it, and tell which are solved."""
    n_rows, _, dimension = asked.states.shape
    asked.solved[:] = False
    if is_worth_it(n_rows, dimension, parts_of(batch.tables)):
        asked.residuals[:] = np.inf
        _side_by_side(batch, np.arange(n_rows), lambda *group: find_responses(batch, asked, tolerance, *group))


def boundary_side_by_side(batch: BoundaryBatch, work: BoundaryWork) -> NDArray[np.intp]:
    """Run `reach_out_of_group` or `leave_group` where it is worth it; return the rows that are left."""
    n_rows, _, dimension = batch.states.shape
    rows = np.arange(n_rows)
    if dimension > _STATES[1] or len(batch.columns) < _FEWEST_ENTRIES:
        return rows
    tried = _in_groups(rows, ROWS, lambda: make_boundary_room(batch), work, parts_of(batch.tables))
    return rows[len(tried) :]


def is_worth_it(n_rows: int, dimension: int, n_parts: int) -> bool:
    """Return whether rows of a batch are solved faster side by side; an amplitude has ``n_parts`` floats."""
    return n_rows >= _FEWEST * rows_of_group(dimension, n_parts) and _STATES[0] <= dimension <= _STATES[1]


def _side_by_side(batch: Batch, rows: NDArray[np.intp], work: Work) -> NDArray[np.intp]:
    n_parts = parts_of(batch.tables)
    return _in_groups(rows, rows_of_group(len(batch.diagonal_codes), n_parts), lambda: make_room(batch), work, n_parts)


def _in_groups(
    rows: NDArray[np.intp], size: int, make: Callable[[], Any], work: Callable[..., None], n_parts: int
) -> NDArray[np.intp]:
    """Run the work on groups of one size, over all threads; return the rows but for a last few that make no group."""
    rest = len(rows) % size
    whole = rows if rest >= _FEWEST * size else rows[: len(rows) - rest]

    def run(block: range) -> None:
        room = make()
        for group in block:
            some = whole[group * size : (group + 1) * size]
            filled = np.append(some, np.full(size - len(some), some[-1]))  # lanes without a row do as the last one
            work(filled, len(some), n_parts, room)

    map_blocks(run, row_blocks(-(-len(whole) // size)))
    return whole
