"""Basis states chosen by a classical computer alone: what any sampled choice has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.selection.rows import distinct_rows
from hamiltonian_ml.selection.strategy import Selected, dimension_of
from hamiltonian_ml.subspace.structure import restrict


@dataclass(frozen=True)
class ClassicalSelection:
    """Grow a subspace from the reference state by the certificate's candidates; no circuit is run.

    Parameters
    ----------
    max_dimension : int or None
        States to end with; None means 4,096.
    rounds : int
        Rounds of growth at the least; more are added where each would have to more than quadruple the states.
    max_rows : int
        Most rows that rank states; of more, a random part is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import ClassicalSelection, PauliBasis
    >>> basis, seed = PauliBasis.chain(8), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> ClassicalSelection(20).select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=20, n_qubits=8)
    """

    max_dimension: int | None = None
    rounds: int = 4
    max_rows: int = 64

    needs_refresh = True

    def __post_init__(self) -> None:
        check_integer("max_dimension", self.max_dimension, at_least=1, or_none=True)
        check_integer("rounds", self.rounds, at_least=1)
        check_integer("max_rows", self.max_rows, at_least=1)

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return the states of largest estimated weight; arguments as in `Selection.select`."""
        dimension = dimension_of(self.max_dimension, basis.n_qubits)
        rows, shares = distinct_rows(coefficients, weights, max_rows=self.max_rows, rng=np.random.default_rng(seed))
        reference = Subspace.span(basis.n_qubits, np.zeros((1, basis.n_words), dtype=np.uint64))
        rounds = max(self.rounds, int(np.ceil(np.log(dimension) / np.log(4.0))))
        return Selected(refine(restrict(basis, reference), rows, shares, dimension=dimension, rounds=rounds).subspace)
