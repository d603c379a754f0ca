"""Product states the slow way: energies string by string, minima by a general optimiser from many random starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize


def product_state(bloch_vectors: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the (2**n,) amplitudes of qubits with the given (n, 3) Bloch vectors; qubit 0 is the lowest bit."""
    state = np.ones(1, dtype=np.complex128)
    for x, y, z in bloch_vectors:
        polar, azimuth = np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x)
        qubit = np.array([np.cos(polar / 2), np.exp(1j * azimuth) * np.sin(polar / 2)])
        state = np.kron(qubit, state)
    return state


def product_energy(labels: Sequence[str], coefficients: Sequence[float], bloch_vectors: NDArray[np.float64]) -> float:
    """Return ``sum_p c_p prod_q <letter of p on q>`` for a product state with the given (n, 3) Bloch vectors."""
    total = 0.0
    for label, coefficient in zip(labels, coefficients, strict=True):
        value = coefficient
        for qubit, letter in enumerate(reversed(label)):
            if letter != "I":
                value *= bloch_vectors[qubit, "XYZ".index(letter)]
        total += value
    return total


def lowest_product_energy(
    labels: Sequence[str], coefficients: Sequence[float], n_starts: int, rng: np.random.Generator
) -> float:
    """Return the lowest energy that BFGS over polar and azimuthal angles finds from random starts."""
    n_qubits = len(labels[0])
    letters = np.array([["IXYZ".index(letter) for letter in reversed(label)] for label in labels])

    def energy(angles: NDArray[np.float64]) -> float:
        polar, azimuth = angles.reshape(2, n_qubits)
        values = [np.ones(n_qubits), np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
        return float(np.asarray(coefficients) @ np.array(values)[letters, np.arange(n_qubits)].prod(axis=1))

    starts = rng.uniform(0, 2 * np.pi, size=(n_starts, 2 * n_qubits))
    return min(float(minimize(energy, start, method="BFGS").fun) for start in starts)
