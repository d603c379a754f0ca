"""The second look by dense matrices: let every state that a flip reaches in, diagonalise, and compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.reference.outside import states_outside


def overlap_among_neighbours(
    hamiltonian: NDArray[np.complex128], inside: NDArray[np.intp], flips: list[int], amplitudes: NDArray[np.complex128]
) -> float:
    """Return ``|<psi|psi'>|**2`` of a state on ``inside`` with the ground state there and one flip away."""
    outside = sorted(states_outside({int(k) for k in inside}, flips))
    states = [*inside.tolist(), *outside]
    ground_state = np.linalg.eigh(hamiltonian[np.ix_(states, states)])[1][:, 0]
    return float(abs(np.vdot(ground_state[: len(inside)], amplitudes)) ** 2)
