"""The method to fall back on where conjugate gradients do not converge: ARPACK's Lanczos iteration, one row at a time.

In: a structure, the tables of one Hamiltonian, and a start. Out: its lowest levels, with their residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from hamiltonian_ml.subspace import kernels
from hamiltonian_ml.subspace.structure import SubspaceStructure

_DENSE_DIMENSION = 64


class SolverError(RuntimeError):
    """A ground state could not be found to the asked accuracy by any method."""


def lanczos_levels(
    structure: SubspaceStructure,
    table: NDArray[Any],
    diagonal_table: NDArray[np.float64],
    n_levels: int,
    guess: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """Solve one row with ARPACK, or densely where the subspace is too small for it.

    Returns energies (n_levels,), states (n_levels, dimension) and norms of the residuals (n_levels,). ``guess``
    (n_levels, dimension) is where to start.
    """
    d = structure.dimension
    multiply = _product(structure, table, diagonal_table)
    if d <= max(_DENSE_DIMENSION, n_levels + 2):
        energies, columns = np.linalg.eigh(np.stack([multiply(column) for column in np.eye(d)], axis=1))
    else:
        operator = LinearOperator((d, d), matvec=multiply, dtype=table.dtype)
        try:
            energies, columns = eigsh(
                operator, k=n_levels, which="SA", v0=guess.sum(axis=0), ncv=min(d, 40), maxiter=20 * d
            )
        except ArpackError as error:
            raise SolverError(f"ARPACK did not converge: {error}; raise tol.") from error
    order = np.argsort(energies)[:n_levels]
    energies, states = energies[order], columns[:, order].T
    residuals = [np.linalg.norm(multiply(psi) - energy * psi) for energy, psi in zip(energies, states, strict=True)]
    return energies, states, np.array(residuals, dtype=np.float64)


def _product(
    structure: SubspaceStructure, table: NDArray[Any], diagonal_table: NDArray[np.float64]
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    diagonal = np.empty(structure.dimension)
    kernels.diagonal_of(structure.diagonal_codes, diagonal_table, diagonal)

    def multiply(x: NDArray[Any]) -> NDArray[Any]:
        y = np.empty(structure.dimension, dtype=table.dtype)
        x = np.ascontiguousarray(x.reshape(-1), dtype=table.dtype)
        kernels.multiply(structure.left, structure.right, structure.codes, table, diagonal, x, y)
        return y

    return multiply
