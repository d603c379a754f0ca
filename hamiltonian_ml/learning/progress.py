"""Everything that a training run carries from one epoch to the next, and the record of each epoch.

In: what the training loop did. Out: one object that the loop goes on from, now or after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.expectations import GroundStates
from hamiltonian_ml.learning.model import Parameters


@dataclass(frozen=True)
class Epoch:
    """What happened in one epoch.

    Attributes
    ----------
    loss : float
        Weighted mean over the rows, before the step, with all penalties.
    validation_loss : float
        Weighted mean over the validation rows after the step, without penalties; NaN without such rows.
    gradient_norm : float
        Euclidean norm over all parameters, mean over batches.
    smallest_gap : float
        Smallest gap between the two lowest levels of any row, in energy units.
    outside_variance : float
        Energy variance that states outside the subspace cause, mean over the rows, in units of the coefficients' mean
        square a qubit; NaN without the penalty, and in the whole space.
    dimension : int
        Basis states in the subspace.
    refreshed : bool
        Whether the subspace was chosen anew at the start of the epoch.
    """

    loss: float
    validation_loss: float
    gradient_norm: float
    smallest_gap: float
    outside_variance: float
    dimension: int
    refreshed: bool


class Guesses:
    """States of the last step, as start vectors of the next one in the same subspace.

    Attributes
    ----------
    states : (n_rows, n_levels, dimension) array or None
    known : (n_rows,) bool or None
        Rows that were solved in this subspace.
    """

    def __init__(self, states: NDArray[Any] | None = None, known: NDArray[np.bool_] | None = None) -> None:
        self.states = states
        self.known = known

    def of(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the states of some rows, or None if one of them is not known."""
        if self.states is None or self.known is None or not self.known[rows].all():
            return None
        return self.states[rows]

    def keep(self, rows: NDArray[np.intp], states: GroundStates, n_rows: int) -> None:
        """Remember the states of some of so many rows."""
        found = states.levels.states
        if self.states is None or self.known is None or self.states.dtype != found.dtype:
            self.states = np.zeros((n_rows, *found.shape[1:]), dtype=found.dtype)
            self.known = np.zeros(n_rows, dtype=bool)
        self.states[rows] = found
        self.known[rows] = True


@dataclass
class Progress:
    """A training run between two epochs.

    Attributes
    ----------
    parameters : Parameters
    memory : tree of arrays
        The optimiser's.
    batches : numpy.random.Generator
        Draws the order of rows.
    chosen : Chosen or None
        The subspace in use.
    guesses : Guesses
    epochs : list of Epoch
        What happened so far.
    best : float
        Smallest loss that counts for stopping: of the validation rows where there are any.
    kept : Parameters or None
        Those of the smallest validation loss.
    waited : int
        Epochs since the loss last fell by the tolerance.
    finished : bool
        Whether nothing is left to do but to choose the last subspace.
    """

    parameters: Parameters
    memory: Any
    batches: np.random.Generator
    chosen: Chosen | None = None
    guesses: Guesses = field(default_factory=Guesses)
    epochs: list[Epoch] = field(default_factory=list)
    best: float = np.inf
    kept: Parameters | None = None
    waited: int = 0
    finished: bool = False

    def enter(self, chosen: Chosen) -> None:
        """Go on in another subspace, where the old states mean nothing."""
        self.chosen, self.guesses = chosen, Guesses()

    def note(self, epoch: Epoch, *, tol: float) -> None:
        """Add the record of an epoch, and keep the parameters if they are the best on validation rows so far."""
        self.epochs.append(epoch)
        validated = not np.isnan(epoch.validation_loss)
        counted = epoch.validation_loss if validated else epoch.loss
        self.waited = 0 if counted < self.best - tol else self.waited + 1
        if validated and counted < self.best:
            self.kept = self.parameters
        self.best = min(self.best, counted)
