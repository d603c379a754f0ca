"""Growing a subspace by the states that the certificate misses, and dropping those that carry nothing.

In: a structure and the Hamiltonians it serves, or any other strategy. Out: a structure, or a strategy, of a given size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.selection.rows import distinct_rows
from hamiltonian_ml.selection.strategy import Selected, Selection
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import candidate_weights
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import SubspaceStructure, grow, restrict, shrink

_SOLVER_TOL = 1e-4  # ranking needs weights to a few digits only
_MAX_GROWTH = 4.0  # times as many states a round: the candidates of a small space are only first guesses


def refine(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    dimension: int,
    rounds: int,
) -> SubspaceStructure:
    """Exchange states for better ones, round by round, until the subspace has the wanted size.

    Parameters
    ----------
    structure : SubspaceStructure
        Where to start.
    coefficients : (n_rows, n_terms) float
        The Hamiltonians, in the frame of the subspace.
    weights : (n_rows,) float
        How much each row matters.
    dimension : int
        States to end with, or fewer if no string reaches more.
    rounds : int
        Rounds of solving, ranking and exchanging; each at most quadruples the number of states.

    Notes
    -----
    States inside are ranked by their mean weight in the ground states, those outside by the first-order estimate of it;
    both are probabilities, so that one list decides who stays and who comes. The all-zero state always stays, and
    where it is missing the state inside of the largest weight.
    """
    for done in range(rounds):
        size = _size_of_round(structure.dimension, dimension, rounds - done)
        levels = lowest_levels(structure, coefficients, n_levels=1, tol=_SOLVER_TOL)
        inside = (weights / weights.sum()) @ (np.abs(levels.ground_states) ** 2)
        reference = structure.subspace.reference_index
        inside[reference if reference >= 0 else np.argmax(inside)] = np.inf  # or estimates might drive out every state
        boundary = find_boundary(structure)
        outside = candidate_weights(structure, coefficients, levels, weights, boundary=boundary)
        ranked = np.argsort(-np.concatenate([inside, outside]), kind="stable")[:size]
        stays = np.zeros(structure.dimension, dtype=bool)
        stays[ranked[ranked < structure.dimension]] = True
        comes = ranked[ranked >= structure.dimension] - structure.dimension
        structure = shrink(structure, stays)
        if len(comes):
            structure = grow(structure, boundary.words[comes])
    return structure


def _size_of_round(now: int, wanted: int, rounds_left: int) -> int:
    """Return the size after the next of so many rounds, in equal ratios, the last reaching the wanted size."""
    ratio = (wanted / now) ** (1 / rounds_left)
    return wanted if rounds_left == 1 and ratio <= _MAX_GROWTH else int(np.ceil(now * min(ratio, _MAX_GROWTH)))


@dataclass(frozen=True)
class RefinedSelection:
    """Another strategy, refined by the certificate's candidates.

    Parameters
    ----------
    base : Selection
        Chooses the states to start from.
    dimension : int
        States to end with.
    rounds : int
        See `refine`.
    max_rows : int
        Most rows that rank states; of more, a random part is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import PauliBasis, RandomSelection, RefinedSelection
    >>> basis, seed = PauliBasis.chain(8), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> better = RefinedSelection(RandomSelection(10), dimension=20)
    >>> better.select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=20, n_qubits=8)
    """

    base: Selection
    dimension: int
    rounds: int = 2
    max_rows: int = 64

    needs_refresh = True

    def __post_init__(self) -> None:
        if isinstance(self.base, type) or not callable(getattr(self.base, "select", None)):
            raise ValueError(f"base must be a strategy such as RandomSelection(10), got {self.base!r}.")
        for name in ("dimension", "rounds", "max_rows"):
            check_integer(name, getattr(self, name), at_least=1)

    @property
    def usage(self) -> Any:
        """What the base strategy says that one call takes on a processor; None if it samples nothing."""
        return getattr(self.base, "usage", None)

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return the refined choice, and whatever the base strategy measured; arguments as in `Selection.select`."""
        selected = self.base.select(basis, coefficients, weights, seed=seed)
        rows, shares = distinct_rows(coefficients, weights, max_rows=self.max_rows, rng=np.random.default_rng(seed))
        structure = restrict(basis, selected.subspace)
        refined = refine(structure, rows, shares, dimension=self.dimension, rounds=self.rounds)
        return Selected(refined.subspace, selected.samples)
