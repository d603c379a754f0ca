"""Derivatives of ground-state expectation values by the textbook sum over excited states, on dense matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sum_over_states(
    hamiltonian: NDArray[np.complex128], objective: NDArray[np.complex128], strings: list[NDArray[np.complex128]]
) -> NDArray[np.float64]:
    """Return d<objective>/dh_p for H + h_p P_p at h_p = 0: 2 Re sum_k <0|G|k><k|P_p|0> / (E_0 - E_k)."""
    energies, states = np.linalg.eigh(hamiltonian)
    ground = states[:, 0]
    pulled = np.zeros(len(strings))
    for p, string in enumerate(strings):
        for k in range(1, len(energies)):
            product = np.vdot(ground, objective @ states[:, k]) * np.vdot(states[:, k], string @ ground)
            pulled[p] += 2 * product.real / (energies[0] - energies[k])
    return pulled
