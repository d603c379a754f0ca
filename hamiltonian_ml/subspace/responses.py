"""Responses of the ground states of many Hamiltonians to an objective for each.

In: a structure, coefficients, levels, and what the objectives make of the ground states. Out: the answers to the
adjoint equations. Rows are shared out over threads, side by side where that is faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.threads import map_blocks
from hamiltonian_ml.subspace.adjoint import (
    MAX_RESPONSE_PRODUCTS,
    NEAR_FLOOR,
    largest_residual,
    prepare_rows,
    respond_rows,
)
from hamiltonian_ml.subspace.lanczos import SolverError
from hamiltonian_ml.subspace.side_by_side.adjoint import Asked
from hamiltonian_ml.subspace.side_by_side.groups import responses_side_by_side
from hamiltonian_ml.subspace.side_by_side.room import batch_of
from hamiltonian_ml.subspace.structure import SubspaceStructure

if TYPE_CHECKING:
    from hamiltonian_ml.subspace.ground_state import Levels


def responses(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    sources: NDArray[Any],
    *,
    tol: float,
    min_gap: float,
) -> NDArray[Any]:
    """Return z (n_rows, dimension) with ``(H - E) z = -(G - <G>) psi``, orthogonal to psi.

    The sources ``G psi`` may be overwritten. ``tol`` and ``min_gap`` are those of `ground_state.coefficient_gradients`.

    Raises
    ------
    SolverError
        If a row is not solved to the tolerance.
    """
    tables, diagonal_tables = structure.element_tables(coefficients)
    kind = np.result_type(tables, sources)
    states = np.ascontiguousarray(levels.ground_states, dtype=kind)
    scale = np.abs(coefficients).max(axis=1, initial=0.0)
    floors = min_gap * scale
    shifts = np.maximum(floors - levels.gaps, 0.0)
    sources = sources.astype(kind, copy=False)
    sources[scale == 0.0] = 0.0  # any state is a ground state of H = 0, and no gap floor has a unit
    answers = np.zeros_like(states)
    residuals, products = np.zeros(len(states)), np.zeros(len(states), dtype=np.int64)
    energies = levels.energies[:, 0].copy()

    def prepare(block: range) -> None:
        prepare_rows(block.start, block.stop, states, sources)

    map_blocks(prepare, structure.row_blocks(len(states)))
    batch = batch_of(structure, tables.astype(kind, copy=False), diagonal_tables, scale)
    asked = Asked(
        energies - shifts, NEAR_FLOOR * floors, states[:, None], sources[:, None], answers[:, None], residuals,
        products, np.zeros(len(states), dtype=bool),
    )  # fmt: skip
    responses_side_by_side(batch, asked, tol)
    left = np.flatnonzero(~asked.solved)

    def respond(block: range) -> None:
        respond_rows(
            left[block.start : block.stop], *batch[:-1], sources, energies, shifts, floors, states, tol,
            MAX_RESPONSE_PRODUCTS, answers, residuals, products,
        )  # fmt: skip

    map_blocks(respond, structure.row_blocks(len(left)))
    _check_residuals(residuals, levels.gaps, tol)
    return answers


def _check_residuals(residuals: NDArray[np.float64], gaps: NDArray[np.float64], tol: float) -> None:
    """Raise SolverError if a row is not solved."""
    worst = int(np.argmax(residuals)) if len(residuals) else 0  # NaN counts as the largest
    if len(residuals) and not residuals[worst] <= largest_residual(tol):
        raise SolverError(
            f"the adjoint equation of row {worst} stopped at a relative residual of {residuals[worst]:.1e} instead of "
            f"{tol:.1e} (gap {gaps[worst]:.1e}); raise min_gap or tol."
        )
