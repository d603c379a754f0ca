"""The one interface of all strategies: coefficients of a batch of rows in, one shared subspace out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, Subspace, Words

DEFAULT_MAX_DIMENSION = 4096


class NoMoreSamplesError(ValueError):
    """A strategy may not sample any more, because its budget is spent. What was trained until then is kept."""


@dataclass(frozen=True, eq=False)
class Selected:
    """What a strategy chose.

    Attributes
    ----------
    subspace : Subspace
        Basis states that all rows share.
    samples : Samples or None
        Everything that was measured, with counts pooled over rows; None where nothing was.
    """

    subspace: Subspace
    samples: Samples | None = None


def span_with_flips(n_qubits: int, ranked: Words, limit: int) -> Subspace:
    """Return the span of the reference state, its single flips and ranked states, the best first, up to a limit.

    Without the states one flip away, the reference state alone may be sampled, and then no derivative reaches the
    Hamiltonian: its response to a small field lies in exactly these states. Where they would take more than half of
    the room, they come after the ranked states.
    """
    near = Subspace.excitations(n_qubits, 1).words
    words = [near, ranked] if 2 * len(near) <= limit else [near[:1], ranked, near[1:]]
    pooled = np.concatenate(words)
    _, first = np.unique(pooled, axis=0, return_index=True)
    return Subspace.span(n_qubits, pooled[np.sort(first)[:limit]])


def check_selected(selected: Any, basis: PauliBasis) -> Selected:
    """Return what a strategy's ``select`` gave, or raise TypeError or ValueError if it cannot be used."""
    if not isinstance(selected, Selected):
        raise TypeError(
            f"selection.select must return a Selected, got {type(selected).__name__}; wrap it: Selected(subspace)."
        )
    if selected.subspace.n_qubits != basis.n_qubits:
        raise ValueError(
            f"selection.select returned states of {selected.subspace.n_qubits} qubits but the basis has "
            f"{basis.n_qubits}; use its n_qubits."
        )
    return selected


def dimension_of(max_dimension: int | None, n_qubits: int) -> int:
    """Return how many states to choose: 4,096 for None, and never more than there are."""
    wanted = DEFAULT_MAX_DIMENSION if max_dimension is None else max_dimension
    most: int = 2 ** min(n_qubits, 62)
    return min(wanted, most)


class Selection(Protocol):
    """A strategy that picks basis states for a batch of Hamiltonians. Any object with these two attributes will do."""

    @property
    def needs_refresh(self) -> bool:
        """Whether the choice depends on the Hamiltonians, so that it should be made anew as training goes on."""
        ...

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Choose a subspace.

        Parameters
        ----------
        basis : PauliBasis
            Strings of the Hamiltonians.
        coefficients : (n_rows, n_terms) float
            One Hamiltonian a row, in its local frame.
        weights : (n_rows,) float
            How much each row matters.
        seed : numpy.random.SeedSequence
            The only source of random numbers.
        """
        ...
