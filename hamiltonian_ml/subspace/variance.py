"""The energy variance that the states outside a subspace cause, and what its exact derivative is made of.

In: a structure, its boundary, coefficients and levels. Out: one number a row that does not depend on the energy unit,
its derivative through the operator, and the vectors whose response is the rest of it. It is the certificate's residual
as something to train against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.threads import map_blocks, row_blocks
from hamiltonian_ml.subspace import kernels
from hamiltonian_ml.subspace.boundary import Boundary
from hamiltonian_ml.subspace.ground_state import Levels
from hamiltonian_ml.subspace.side_by_side.groups import boundary_side_by_side
from hamiltonian_ml.subspace.side_by_side.outside import batch_at_boundary, reach_out_of_group
from hamiltonian_ml.subspace.structure import SubspaceStructure


@dataclass(frozen=True, eq=False)
class OutsideVariance:
    """The variance outside a subspace, and its derivative in two parts.

    Attributes
    ----------
    values : (n_rows,) float
        ``f = sum_a |<a|H|psi>|^2 / s^2`` over the states a outside, with ``s^2 = sum_p h_p^2 / n_qubits``.
    direct : (n_rows, n_terms) float
        Derivatives through the operator and the unit; the subspace is held fixed.
    sources : (n_rows, dimension) float or complex
        What `coefficient_gradients` makes the derivatives through the ground states of, with other sources or alone.

    Notes
    -----
    With Q the projector on the states outside, ``s^2 f = <psi|H Q H|psi>``: the operator contributes
    ``2 Re <psi|H Q P_p|psi>``, the ground state ``2 Re <z|P_p|psi>`` with the adjoint state z of ``H Q H``.
    """

    values: NDArray[np.float64]
    direct: NDArray[np.float64]
    sources: NDArray[Any]


def outside_variance(
    structure: SubspaceStructure, boundary: Boundary, coefficients: NDArray[np.float64], levels: Levels
) -> OutsideVariance:
    """Return the variance outside the subspace in units of the coefficients' mean square a qubit, and its derivative.

    Parameters
    ----------
    structure : SubspaceStructure
        The strings in the subspace.
    boundary : Boundary
        From `find_boundary`.
    coefficients : (n_rows, n_terms) float
        The Hamiltonians, in the frame of the subspace.
    levels : Levels
        From `lowest_levels`.
    """
    tables, diagonal_tables, states = structure.tables_for(coefficients, levels.ground_states)
    variances = np.zeros(len(states))
    back = np.zeros_like(states)
    bins = np.zeros((len(states), structure.tables.off_diagonal.n_codes), dtype=tables.dtype)

    batch = batch_at_boundary(boundary, tables, diagonal_tables, states)
    left = boundary_side_by_side(
        batch, lambda *group: reach_out_of_group(batch, variances, back[:, None], bins[:, None], *group)
    )

    def reach(block: range) -> None:
        for row in left[block.start : block.stop]:
            variances[row] = kernels.reach_out(
                boundary.starts, boundary.columns, boundary.codes, tables[row], states[row], back[row], bins[row]
            )

    map_blocks(reach, row_blocks(len(left)))
    explicit = 2 * structure.expectations_of_bins(bins, np.zeros((len(states), structure.tables.diagonal.n_codes)))
    unit = np.maximum((coefficients**2).sum(axis=1) / structure.basis.n_qubits, 1e-300)
    values = variances / unit
    slope = 2 * coefficients / (structure.basis.n_qubits * unit[:, None])
    return OutsideVariance(values, explicit / unit[:, None] - values[:, None] * slope, back / unit[:, None])
