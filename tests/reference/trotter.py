"""Product formulas as products of dense matrix exponentials: slow and plain, for a few qubits.

In: labels in Qiskit's order (the rightmost letter acts on qubit 0), coefficients, and the layers of edges in time
order. Out: (2**n, 2**n) unitaries over basis states whose index has qubit ``q`` as bit ``q``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from tests.reference.dense import dense_hamiltonian

Layers = Sequence[Sequence[tuple[int, int]]]


def edge_hamiltonian(labels: Sequence[str], coefficients: ArrayLike, layers: Layers, support: tuple[int, ...]):
    """Return all terms on the edge ``support`` with its equal share of the one-qubit terms at its two ends.

    ``support`` may also be a single qubit that has no edge; the result is then its one-qubit terms.
    """
    n_edges = [sum(q in edge for layer in layers for edge in layer) for q in range(len(labels[0]))]
    shares = np.zeros(len(labels))
    for k, label in enumerate(labels):
        acting = tuple(q for q, letter in enumerate(reversed(label)) if letter != "I")
        if acting == support:
            shares[k] = 1
        elif len(acting) == 1 and acting[0] in support:
            shares[k] = 1 / n_edges[acting[0]]
    return dense_hamiltonian(labels, shares * np.asarray(coefficients))


def trotter_step(
    labels: Sequence[str], coefficients: ArrayLike, layers: Layers, time_step: float, order: int
) -> NDArray[np.complex128]:
    """Return one step: the layers in turn (order 1), or for half the time forwards, then backwards (order 2)."""
    n_qubits = len(labels[0])
    lonely = [(q,) for q in range(n_qubits) if not any(q in edge for layer in layers for edge in layer)]
    sequence = [*layers, lonely]
    fraction = 1.0
    if order == 2:
        sequence, fraction = sequence + sequence[::-1], 0.5
    step = np.eye(2**n_qubits, dtype=np.complex128)
    for layer in sequence:
        for support in layer:
            step = expm(-1j * time_step * fraction * edge_hamiltonian(labels, coefficients, layers, support)) @ step
    return step


def exact_evolution(labels: Sequence[str], coefficients: ArrayLike, time: float) -> NDArray[np.complex128]:
    """Return ``exp(-i H t)``, free of any product formula."""
    return expm(-1j * time * dense_hamiltonian(labels, coefficients))


def distance_up_to_phase(first: NDArray[np.complex128], second: NDArray[np.complex128]) -> float:
    """Return the largest entry of ``first - exp(i a) second`` at the global phase ``a`` that suits them best."""
    overlap = np.vdot(second, first)
    return float(np.abs(first - second * overlap / np.abs(overlap)).max())
