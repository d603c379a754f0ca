"""Certificates by dense matrices in the full space: what `subspace.certificate` finds without ever building one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def states_outside(inside: set[int], flips: list[int]) -> dict[int, list[int]]:
    """Return every state that a flip reaches from inside, with the states inside that it is reached from."""
    found: dict[int, list[int]] = {}
    for state in inside:
        for flip in flips:
            if state ^ flip not in inside:
                found.setdefault(state ^ flip, []).append(state)
    return found


def full_space_figures(
    hamiltonian: NDArray[np.complex128], inside: NDArray[np.intp], amplitudes: NDArray[np.complex128]
) -> tuple[float, float, float, float]:
    """Return energy, residual, second-order correction and first-order weight outside, for a state on ``inside``."""
    state = np.zeros(len(hamiltonian), dtype=np.complex128)
    state[inside] = amplitudes
    energy = float(np.vdot(state, hamiltonian @ state).real)
    error = hamiltonian @ state - energy * state
    outside = np.setdiff1d(np.arange(len(hamiltonian)), inside)
    below = energy - hamiltonian.diagonal().real[outside]
    size = np.abs((hamiltonian @ state)[outside]) ** 2
    return energy, float(np.linalg.norm(error)), float((size / below).sum()), float((size / below**2).sum())
