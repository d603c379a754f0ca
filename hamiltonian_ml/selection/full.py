"""All basis states: exact, for few qubits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.strategy import Selected


@dataclass(frozen=True)
class FullSelection:
    """Select the whole space of ``2**n_qubits`` states, at most 24 qubits."""

    needs_refresh = False

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return all basis states, whatever the Hamiltonians."""
        return Selected(Subspace.full(basis.n_qubits))
