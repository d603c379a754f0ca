"""Pauli strings and Hamiltonians as dense matrices, built by Kronecker products: slow and plain, up to 12 qubits or so.

In: labels in Qiskit's order (the rightmost letter acts on qubit 0). Out: arrays over basis states whose index has
qubit ``q`` as bit ``q``. Nothing of the package is used here, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray

PAULI = {
    "I": np.eye(2, dtype=np.complex128),
    "X": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "Z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}


def pauli_matrix(label: str) -> NDArray[np.complex128]:
    """Return the (2**n, 2**n) matrix of a string; the leftmost letter is the slowest index, as in Qiskit."""
    return reduce(np.kron, (PAULI[letter] for letter in label))


def dense_hamiltonian(labels: Sequence[str], coefficients: ArrayLike) -> NDArray[np.complex128]:
    """Return the (2**n, 2**n) matrix of ``sum_p coefficients[p] P_p``."""
    values = np.asarray(coefficients, dtype=np.float64)
    if values.shape != (len(labels),):
        raise ValueError(f"coefficients must have shape ({len(labels)},), one for each label, got {values.shape}.")
    total = np.zeros((2 ** len(labels[0]),) * 2, dtype=np.complex128)
    for label, value in zip(labels, values, strict=True):
        total += value * pauli_matrix(label)
    return total


def dense_expectations(labels: Sequence[str], state: ArrayLike) -> NDArray[np.float64]:
    """Return <state|P_p|state> for each label, for a normalised state of shape (2**n,)."""
    psi = np.asarray(state, dtype=np.complex128)
    return np.array([np.vdot(psi, pauli_matrix(label) @ psi).real for label in labels])
