"""Controls: subspaces of equal size that know nothing of the Hamiltonians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.draws import different_strings
from hamiltonian_ml.selection.strategy import Selected, dimension_of, span_with_flips


@dataclass(frozen=True)
class RandomSelection:
    """Select the reference state, its single flips and states drawn uniformly.

    Parameters
    ----------
    max_dimension : int or None
        Number of states; None means 4,096. Never more than there are.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import RandomSelection, PauliBasis
    >>> basis, seed = PauliBasis.chain(8), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> RandomSelection(20).select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=20, n_qubits=8)
    """

    max_dimension: int | None = None

    needs_refresh = False

    def __post_init__(self) -> None:
        check_integer("max_dimension", self.max_dimension, at_least=1, or_none=True)

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return the states, the same for all Hamiltonians; arguments as in `Selection.select`."""
        return Selected(_drawn(basis.n_qubits, self.max_dimension, 0.5, seed))


@dataclass(frozen=True)
class NoiseSelection:
    """Select what noise alone would make of the reference state: every bit flips with the same probability.

    Parameters
    ----------
    max_dimension : int or None
        Number of states; None means 4,096. Never more than there are.
    flip_probability : float
        Of each bit, above 0 and at most 0.5; 0.02 is of the order of one step and a readout on a Heron processor.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import NoiseSelection, PauliBasis
    >>> basis, seed = PauliBasis.chain(8), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> NoiseSelection(20).select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=20, n_qubits=8)
    """

    max_dimension: int | None = None
    flip_probability: float = 0.02

    needs_refresh = False

    def __post_init__(self) -> None:
        check_integer("max_dimension", self.max_dimension, at_least=1, or_none=True)
        if not isinstance(self.flip_probability, int | float | np.number) or not 0 < self.flip_probability <= 0.5:
            raise ValueError(f"flip_probability must be above 0 and at most 0.5, got {self.flip_probability!r}.")

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return the states, the same for all Hamiltonians; arguments as in `Selection.select`."""
        return Selected(_drawn(basis.n_qubits, self.max_dimension, self.flip_probability, seed))


def _drawn(n_qubits: int, max_dimension: int | None, probability: float, seed: np.random.SeedSequence) -> Subspace:
    """Return different bitstrings as independent draws would show them, and the states that every strategy keeps."""
    wanted = dimension_of(max_dimension, n_qubits)
    drawn = different_strings(n_qubits, probability, wanted, np.random.default_rng(seed))
    return span_with_flips(n_qubits, drawn, wanted)
