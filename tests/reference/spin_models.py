"""Spin models with known answers, and graphs to put them on.

In: numbers of qubits and fields. Out: bases, coefficients, and the exact values of the transverse-field Ising chain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis


def graph(kind: str, n_qubits: int, rng: np.random.Generator) -> PauliBasis:
    """Return the basis on a chain, a ring, or a random graph with about three edges for each two qubits."""
    if kind != "random":
        return getattr(PauliBasis, kind)(n_qubits)
    pairs = [(i, j) for j in range(n_qubits) for i in range(j)]
    return PauliBasis.from_edges(n_qubits, [pair for pair in pairs if rng.random() < 3 / n_qubits])


def uniform(basis: PauliBasis, **values: float) -> NDArray[np.float64]:
    """Return coefficients that are equal for all strings with the same letters, and 0 for letters not named."""
    letters = ["".join("IXYZ"[a] for a in row if a) for row in basis.paulis]
    return np.array([values.get(name, 0.0) for name in letters])


def free_fermions(n_qubits: int, field: float) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """Return energy, <X> of each qubit, <ZZ> of each edge and gap of the open chain -ZZ - field X."""
    matrix = np.diag(np.full(n_qubits, 2 * field)) + np.diag(np.full(n_qubits - 1, 2.0), 1)
    u, modes, v = np.linalg.svd(matrix)  # E. Lieb, T. Schultz and D. Mattis, Annals of Physics 16, 407 (1961)
    return -modes.sum() / 2, np.diag(u @ v), np.diag(u @ v, 1), modes[-1]
