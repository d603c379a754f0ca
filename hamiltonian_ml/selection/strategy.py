"""The one interface of all strategies: coefficients of a batch of rows in, one shared subspace out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, Subspace

DEFAULT_MAX_DIMENSION = 4096


def check_dimension(name: str, value: int | None) -> None:
    """Raise ValueError if a number of states is neither None nor a positive integer."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
        raise ValueError(f"{name} must be a positive integer or None, got {value!r}.")


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
