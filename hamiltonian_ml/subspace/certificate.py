"""How good a ground state found in a subspace is, in the full space.

In: a structure, coefficients and their levels. Out: one `Certificate` for the batch, with every figure for each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.threads import map_blocks, row_blocks
from hamiltonian_ml.subspace import kernels
from hamiltonian_ml.subspace.boundary import Boundary, find_boundary
from hamiltonian_ml.subspace.ground_state import Levels
from hamiltonian_ml.subspace.side_by_side.groups import boundary_side_by_side
from hamiltonian_ml.subspace.side_by_side.outside import batch_at_boundary, leave_group
from hamiltonian_ml.subspace.structure import SubspaceStructure

GAP_TOL = 1e-4  # residual of the second level that trust asks for, in units of a row's largest coefficient
TRUSTED_WEIGHT = 0.95  # least captured weight of a trusted state
TRUSTED_TILT = 0.5  # largest residual of one, over the distance to the next energy: E is then nearest to one level


@dataclass(frozen=True, eq=False)
class Certificate:
    """Quality of a batch of ground states. All arrays have shape (n_rows,); energies are in the coefficients' unit.

    Attributes
    ----------
    energy : float
        ``E = <psi|H|psi>``, an upper bound on the exact ground-state energy.
    gap : float
        Distance to the second level inside the subspace.
    residual : float
        ``||H psi - E psi||`` in the full space. An exact level lies within this distance of E.
    variance : float
        ``<H^2> - E^2``, the square of the residual.
    correction : float
        Second-order (Epstein-Nesbet) estimate of what the states outside would add to the energy.
    captured_weight : float
        First-order estimate of the weight inside the subspace of the exact level that the state is close to, between 0
        and 1.
    tilt : float
        Residual over the distance from E to the next energy known, of the second level inside, less its own residual,
        or of a state just outside, whichever is less; at most 1, and 1 where these are no further than round-off. The
        sine of the angle between the state and the exact one is no larger if no other level lies within that distance
        [2]_.
    overlap : float
        ``|<psi|psi'>|**2`` with the ground state psi' that is found when every state just outside is let in; NaN where
        that is not known, as it is not where these states are too many. See `hamiltonian_ml.subspace.second_look`.
    trusted : bool
        Whether the tilt is below `TRUSTED_TILT` and the captured weight at least `TRUSTED_WEIGHT`, and so is the
        overlap where it is known. A subspace of one state knows no gap and is never trusted.

    References
    ----------
    .. [2] C. Davis and W. M. Kahan, SIAM J. Numer. Anal. 7, 1 (1970).
    """

    energy: NDArray[np.float64]
    gap: NDArray[np.float64]
    residual: NDArray[np.float64]
    variance: NDArray[np.float64]
    correction: NDArray[np.float64]
    captured_weight: NDArray[np.float64]
    tilt: NDArray[np.float64]
    overlap: NDArray[np.float64]
    trusted: NDArray[np.bool_]


def certify(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    *,
    boundary: Boundary | None = None,
) -> Certificate:
    """Certify the lowest level of every row in one pass over the states just outside the subspace.

    The overlap is left to `hamiltonian_ml.subspace.second_look.certify_closely`.

    Parameters
    ----------
    structure : SubspaceStructure
        Where the levels were found.
    coefficients : (n_rows, n_terms) float
        The Hamiltonians, in the frame of the subspace.
    levels : Levels
        From `lowest_levels` with ``gap_tol=GAP_TOL`` or less: a coarser search can take a higher level for the second,
        and trust rests on the gap.
    boundary : Boundary, optional
        From `find_boundary`, if it is at hand.

    Raises
    ------
    ValueError
        If the levels are not of this structure and these rows.

    References
    ----------
    .. [1] P. S. Epstein, Phys. Rev. 28, 695 (1926); R. K. Nesbet, Proc. R. Soc. A 230, 312 (1955).
    """
    if levels.states.shape[0] != len(coefficients) or levels.states.shape[2] != structure.dimension:
        raise ValueError(
            f"levels must be of the {len(coefficients)} rows and {structure.dimension} states that are certified, got "
            f"{levels.states.shape[0]} rows of {levels.states.shape[2]} states; call lowest_levels with this structure."
        )
    if boundary is None:
        boundary = find_boundary(structure)
    tables, diagonal_tables, states = structure.tables_for(coefficients, levels.ground_states)
    energies = levels.energies[:, 0]
    sums = np.zeros((len(energies), 4))

    batch = batch_at_boundary(boundary, tables, diagonal_tables, states)
    tried = np.full(len(energies), True)
    tried[boundary_side_by_side(batch, lambda *group: leave_group(batch, energies, sums, *group))] = False
    # A state outside with the energy of the row itself: single rows tell whether H leads there.
    left = np.flatnonzero(~(tried & np.isfinite(sums).all(axis=1)))

    def pass_over(block: range) -> None:
        for row in left[block.start : block.stop]:
            sums[row] = kernels.leave(*batch[:4], tables[row], diagonal_tables[row], energies[row], states[row])

    map_blocks(pass_over, row_blocks(len(left)))
    outside, correction, weight, lowest = sums.T
    residual = np.sqrt(levels.residuals[:, 0] ** 2 + outside)
    captured = 1 / (1 + weight)
    # A small subspace holds few excited states and overstates the gap; those just outside say how much.
    # A level lies within its residual of the second energy, and nothing is known better than round-off.
    second = levels.residuals[:, 1] if levels.residuals.shape[1] > 1 else 0.0
    distance = np.minimum(levels.gaps - second, lowest - energies)
    known = np.maximum(residual, 4 * np.finfo(float).eps * np.abs(coefficients).sum(axis=1))
    tilt = np.divide(known, distance, out=np.ones(len(known)), where=distance > known)
    trusted = np.isfinite(levels.gaps) & (tilt < TRUSTED_TILT) & (captured >= TRUSTED_WEIGHT)
    unknown = np.full(len(energies), np.nan)
    return Certificate(energies, levels.gaps, residual, residual**2, correction, captured, tilt, unknown, trusted)


def spreads(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    states: NDArray[Any],
    *,
    boundary: Boundary,
) -> NDArray[np.float64]:
    """Return the standard deviation ``||(G - <G>) psi||`` (n_rows,) of one operator a row, in the full space.

    Parameters
    ----------
    structure : SubspaceStructure
        Where the states live.
    coefficients : (n_rows, n_terms) float
        The operators G, in the frame of the subspace.
    states : (n_rows, dimension) float or complex
        Normalised.
    boundary : Boundary
        From `find_boundary`.
    """
    tables, diagonal_tables, kets = structure.tables_for(coefficients, states)
    variances = np.zeros(len(kets))

    def pass_over(block: range) -> None:
        product, diagonal = np.empty(structure.dimension, dtype=kets.dtype), np.empty(structure.dimension)
        for row in block:
            kernels.diagonal_of(structure.diagonal_codes, diagonal_tables[row], diagonal)
            kernels.multiply(
                structure.left, structure.right, structure.codes, tables[row], diagonal, kets[row], product
            )
            product -= np.vdot(kets[row], product).real * kets[row]
            outside = kernels.leave(
                boundary.starts, boundary.columns, boundary.codes, boundary.diagonal_codes,
                tables[row], diagonal_tables[row], 0.0, kets[row],
            )[0]  # fmt: skip
            variances[row] = np.vdot(product, product).real + outside

    map_blocks(pass_over, row_blocks(len(kets)))
    return np.sqrt(variances)


def candidate_weights(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    weights: NDArray[np.float64],
    *,
    boundary: Boundary,
) -> NDArray[np.float64]:
    """Estimate how much weight each state outside would have in the rows' ground states.

    Parameters
    ----------
    structure, coefficients, levels
        As in `certify`.
    weights : (n_rows,) float
        How much each row matters; they are normalised.
    boundary : Boundary
        From `find_boundary`.

    Returns
    -------
    (n_outside,) float
        Weighted mean over the rows of the first-order weight ``|<a|H|psi>|^2 / (E - D_a)^2``. Distances below a
        hundredth of a row's largest coefficient count as that, so that no single row decides.
    """
    tables, diagonal_tables, states = structure.tables_for(coefficients, levels.ground_states)
    shares = weights / weights.sum()
    floors = 1e-2 * np.abs(coefficients).max(axis=1, initial=1e-300)

    def collect(block: range) -> NDArray[np.float64]:
        found = np.zeros(len(boundary.starts) - 1)
        for row in block:
            kernels.add_candidate_weights(
                boundary.starts, boundary.columns, boundary.codes, boundary.diagonal_codes, tables[row],
                diagonal_tables[row], levels.energies[row, 0], floors[row], shares[row], states[row], found,
            )  # fmt: skip
        return found

    total: NDArray[np.float64] = np.sum(map_blocks(collect, row_blocks(len(states))), axis=0)
    return total
