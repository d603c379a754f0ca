"""Lowest levels of many Hamiltonians on one structure, their expectation values, and the adjoint of both.

In: a `SubspaceStructure` and rows of coefficients. Out: energies, states and gaps with their residuals; the response of
the ground states to an objective. Rows are shared out over threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.checks import check_integer, check_scale
from hamiltonian_ml.bases.threads import map_blocks
from hamiltonian_ml.subspace import kernels
from hamiltonian_ml.subspace.adjoint import apply_rows
from hamiltonian_ml.subspace.guesses import enter_guesses
from hamiltonian_ml.subspace.lanczos import SolverError, lanczos_levels
from hamiltonian_ml.subspace.lobpcg import solve_rows
from hamiltonian_ml.subspace.responses import responses
from hamiltonian_ml.subspace.side_by_side.groups import aims_of, levels_side_by_side
from hamiltonian_ml.subspace.side_by_side.levels import Sought
from hamiltonian_ml.subspace.side_by_side.room import Batch, batch_of
from hamiltonian_ml.subspace.structure import SubspaceStructure

MAX_PRODUCTS = 400  # for each level
# Least residual asked for, over the summed size of a row's coefficients. Of rows of 3 to 14 qubits the compiled search
# stops above 16 times the precision in most, above 64 times in a tenth; Lanczos' method takes these to 32 times.
_ROUND_OFF = 64 * np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class Levels:
    """Lowest levels of a batch of projected Hamiltonians.

    Attributes
    ----------
    energies : (n_rows, n_levels) float
        In the units of the coefficients, ascending.
    residuals : (n_rows, n_levels) float
        ``||H psi - E psi||`` inside the subspace, same units.
    states : (n_rows, n_levels, dimension) float or complex
        Normalised amplitudes.
    products : (n_rows,) int
        Multiplications by H that each row took part in; those of rows side by side are mostly of single precision.
    fallback : (n_rows,) bool
        Rows that the conjugate-gradient search left unconverged and ARPACK's Lanczos iteration solved.
    """

    energies: NDArray[np.float64]
    residuals: NDArray[np.float64]
    states: NDArray[Any]
    products: NDArray[np.int64]
    fallback: NDArray[np.bool_]

    @property
    def ground_states(self) -> NDArray[Any]:
        """(n_rows, dimension) amplitudes of the lowest level."""
        return np.ascontiguousarray(self.states[:, 0])

    @property
    def gaps(self) -> NDArray[np.float64]:
        """(n_rows,) energy of the second level above the lowest; infinite in a subspace of one state."""
        if self.energies.shape[1] < 2:
            return np.full(len(self.energies), np.inf)
        return self.energies[:, 1] - self.energies[:, 0]


def lowest_levels(
    structure: SubspaceStructure,
    coefficients: ArrayLike,
    *,
    n_levels: int = 2,
    tol: float = 1e-8,
    gap_tol: float = 1e-2,
    guesses: NDArray[Any] | None = None,
) -> Levels:
    """Find the lowest levels of every row's Hamiltonian in the subspace.

    Parameters
    ----------
    structure : SubspaceStructure
        The strings in the subspace, from `restrict`.
    coefficients : (n_rows, n_terms) array_like of float
        One Hamiltonian a row.
    n_levels : int
        Levels to find, at least 1; no more than the subspace has.
    tol : float
        Largest residual of the lowest level, in units of a row's largest coefficient. What round-off leaves, 1.4e-14
        times the summed size of the coefficients, always passes.
    gap_tol : float
        The same for the levels above. The error of an energy is about the square of the residual over the distance to
        the next level, so the default gives the gap to two digits or so; a level can be taken for the one above it
        while the residual stays below. Ask for 1e-6 where the gap itself matters.
    guesses : (n_rows, n_levels, dimension) array, optional
        Start vectors, for instance the states of the last epoch. Those of another number of rows or states, and complex
        ones for a real Hamiltonian, are not used. Where the subspace falls apart, the strings leave a symmetry or
        coefficients are equal, a little of what guesses may miss is mixed in.

    Returns
    -------
    Levels

    Raises
    ------
    ValueError
        If coefficients do not fit the basis, are not finite or so small that squares of them vanish, if n_levels is
        below 1, or if guesses have not three axes.
    SolverError
        If a row reaches the tolerance neither by conjugate gradients nor by Lanczos' method.

    Notes
    -----
    Rows in 512 to 131,072 states are solved eight at a time, complex ones in more than 5,000 states four at a time, in
    single precision with corrections whose right-hand sides are of double precision; fewer than three quarters of
    such a group, and what it leaves unsolved, row by row in double precision.
    Residuals are measured in double precision either way. The last digits of a row depend on the rows beside it.
    """
    check_integer("n_levels", n_levels, at_least=1)
    rows = structure.basis.check_coefficients(coefficients, ndim=2)
    check_scale(rows)
    tables, diagonal_tables = structure.element_tables(rows)
    n_rows, d, n_levels = len(rows), structure.dimension, min(n_levels, structure.dimension)
    scale = np.abs(rows).max(axis=1, initial=1e-300)
    tolerances = level_tolerances(rows, scale, n_levels, tol=tol, gap_tol=gap_tol)
    energies, residuals = np.empty((n_rows, n_levels)), np.empty((n_rows, n_levels))
    states = np.zeros((n_rows, n_levels, d), dtype=tables.dtype)
    products = np.zeros(n_rows, dtype=np.int64)
    n_guesses = enter_guesses(structure, rows, guesses, states)
    batch = batch_of(structure, tables, diagonal_tables, scale)
    sought = Sought(
        tolerances, aims_of(tolerances, scale), np.full(n_rows, n_guesses), energies, residuals, states, products,
        np.zeros(n_rows, dtype=bool), np.zeros(n_rows, dtype=bool),
    )  # fmt: skip
    levels_side_by_side(batch, sought)
    left = np.flatnonzero(~sought.solved)

    def solve(block: range) -> None:
        solve_rows(
            left[block.start : block.stop], *batch[:-1], sought.n_known, tolerances, MAX_PRODUCTS,
            energies, residuals, states, products,
        )  # fmt: skip

    map_blocks(solve, structure.row_blocks(len(left)))
    return Levels(energies, residuals, states, products, _finish_by_lanczos(structure, batch, sought))


def expectations(structure: SubspaceStructure, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``Re <left|P_p|right>`` (n_rows, n_terms) for every string; both states have shape (n_rows, dimension)."""
    kind = np.result_type(left, right)
    bras, kets = np.ascontiguousarray(left, dtype=kind), np.ascontiguousarray(right, dtype=kind)
    bins = np.zeros((len(bras), structure.tables.off_diagonal.n_codes), dtype=kind)
    diagonal_bins = np.zeros((len(bras), structure.tables.diagonal.n_codes))

    def collect(block: range) -> None:
        for row in block:
            kernels.brackets(
                structure.left, structure.right, structure.codes, structure.diagonal_codes,
                bras[row], kets[row], bins[row], diagonal_bins[row],
            )  # fmt: skip

    map_blocks(collect, structure.row_blocks(len(bras)))
    return structure.expectations_of_bins(bins, diagonal_bins)


def coefficient_gradients(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    cotangents: NDArray[np.float64],
    *,
    sources: NDArray[Any] | None = None,
    tol: float = 1e-8,
    min_gap: float = 1e-3,
) -> NDArray[np.float64]:
    """Pull cotangents of the ground states' <P_p> back to the coefficients, exactly inside the subspace.

    Parameters
    ----------
    structure, coefficients, levels
        As in `lowest_levels`, and its result.
    cotangents : (n_rows, n_terms) float
        Derivatives of a loss with respect to each <P_p>: the objective is ``G = sum_p cotangents[p] P_p``.
    sources : (n_rows, dimension) float or complex, optional
        Added to ``G psi``, for objectives that are no sum of strings: the adjoint equation is solved once for both.
    tol : float
        Relative residual of the adjoint equation.
    min_gap : float
        Gap floor in units of a row's largest coefficient: below it the gradient, which grows as 1/gap, is damped by
        raising the gap in the adjoint equation to the floor. That holds for a level which the search missed too.

    Returns
    -------
    (n_rows, n_terms) float
        ``2 Re <z|P_p|psi>`` with ``(H - E) z = -(G - <G>) psi``, z orthogonal to psi; zero where H is.

    Raises
    ------
    ValueError
        If coefficients, cotangents and levels do not belong together.
    SolverError
        If the adjoint equation of a row is not solved to the tolerance.
    """
    pulls = structure.basis.check_coefficients(cotangents, ndim=2)
    shapes = (len(pulls), levels.states.shape[0], levels.states.shape[2])
    if shapes != (len(coefficients), len(coefficients), structure.dimension):
        raise ValueError(
            f"coefficients, cotangents and levels must have equally many rows, and levels the structure's "
            f"{structure.dimension} states; got {len(coefficients)}, {len(pulls)} and {levels.states.shape[0]} rows, "
            f"and {levels.states.shape[2]} states."
        )
    if sources is not None and np.shape(sources) != (len(pulls), structure.dimension):
        raise ValueError(
            f"sources must be one vector a row, {(len(pulls), structure.dimension)}, got an array of shape "
            f"{np.shape(sources)}."
        )
    tables, diagonals = structure.element_tables(pulls)
    kind = np.result_type(tables, levels.states, *([] if sources is None else [np.asarray(sources)]))
    states = np.ascontiguousarray(levels.ground_states, dtype=kind)
    pulled = np.empty_like(states)

    def apply(block: range) -> None:
        apply_rows(
            block.start, block.stop, structure.left, structure.right, structure.codes, structure.diagonal_codes,
            tables.astype(kind, copy=False), diagonals, states, pulled,
        )  # fmt: skip

    map_blocks(apply, structure.row_blocks(len(states)))
    if sources is not None:
        pulled += np.asarray(sources)
    answers = responses(structure, coefficients, levels, pulled, tol=tol, min_gap=min_gap)
    return 2 * expectations(structure, answers, states.astype(answers.dtype, copy=False))


def level_tolerances(
    rows: NDArray[np.float64], scale: NDArray[np.float64], n_levels: int, *, tol: float, gap_tol: float
) -> NDArray[np.float64]:
    """Return the residuals (n_rows, n_levels) up to which levels are solved; ``scale`` is each row's largest size."""
    tolerances: NDArray[np.float64] = scale[:, None] * np.array([tol] + [max(tol, gap_tol)] * (n_levels - 1))
    round_off: NDArray[np.float64] = _ROUND_OFF * np.abs(rows).sum(axis=1)[:, None]
    return np.maximum(tolerances, round_off)


def _finish_by_lanczos(structure: SubspaceStructure, batch: Batch, sought: Sought) -> NDArray[np.bool_]:
    """Solve the rows that are left, from the states that the search has come to, and return which they were."""
    n_levels = sought.states.shape[1]
    unsolved: NDArray[np.bool_] = ~(sought.residuals <= sought.tolerances).all(axis=1)  # what is not a number is not
    for row in np.flatnonzero(unsolved):
        sought.energies[row], sought.states[row], sought.residuals[row] = lanczos_levels(
            structure, batch.tables[row], batch.diagonal_tables[row], n_levels, sought.states[row]
        )
        residual, tolerance = sought.residuals[row, 0], sought.tolerances[row, 0]
        if not residual <= tolerance:
            raise SolverError(
                f"the ground state of row {row} has a residual of {residual:.1e}, above the tolerance of "
                f"{tolerance:.1e}, by conjugate gradients and by Lanczos' method; raise tol or check the coefficients."
            )
    return unsolved
