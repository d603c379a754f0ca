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
    """Select the whole space of ``2**n_qubits`` states, at most 24 qubits.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import FullSelection, PauliBasis
    >>> basis, seed = PauliBasis.chain(3), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> FullSelection().select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=8, n_qubits=3)
    """

    needs_refresh = False

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return all basis states, whatever the Hamiltonians; arguments as in `Selection.select`."""
        return Selected(Subspace.full(basis.n_qubits))
