"""The training loop: the only place where parameters change.

In: rows, targets, a selection and settings. Out: trained parameters, the subspace they were trained in, and a record of
every epoch. A step is embed, solve, read out, loss; its derivative runs back through the same four.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import optax
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.choosing import Chosen, choose
from hamiltonian_ml.learning.expectations import GroundStates
from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import TrainingDivergedError, loss_and_gradients
from hamiltonian_ml.selection.strategy import NoMoreSamplesError, Selection

Array = NDArray[np.float64]
_ADAM = optax.scale_by_adam()  # one object for all fits: compiled steps are shared between fits of one shape


@dataclass(frozen=True)
class Epoch:
    """What happened in one epoch.

    Attributes
    ----------
    loss : float
        Weighted mean over the rows, before the step, with all penalties.
    gradient_norm : float
        Euclidean norm over all parameters, mean over batches.
    smallest_gap : float
        Smallest gap between the two lowest levels of any row, in energy units.
    outside_variance : float
        Energy variance that states outside the subspace cause, mean over the rows, in units of the coefficients' mean
        square a qubit; NaN without the penalty.
    dimension : int
        Basis states in the subspace.
    refreshed : bool
        Whether the subspace was chosen anew at the start of the epoch.
    """

    loss: float
    gradient_norm: float
    smallest_gap: float
    outside_variance: float
    dimension: int
    refreshed: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of `train`.

    Attributes
    ----------
    parameters : Parameters
        Those of the last step, as NumPy arrays.
    chosen : Chosen
        The subspace for them.
    epochs : list of Epoch
        What happened.
    converged : bool
        Whether training stopped because the loss no longer fell.
    """

    parameters: Parameters
    chosen: Chosen
    epochs: list[Epoch] = field(default_factory=list)
    converged: bool = False


def train(
    parameters: Parameters,
    features: Array,
    targets: Array,
    weights: Array,
    *,
    basis: PauliBasis,
    selection: Selection,
    loss: Loss,
    settings: Settings,
    seed: np.random.SeedSequence,
    on_epoch: Callable[[int, Epoch], None] | None = None,
) -> Trained:
    """Fit parameters by Adam on exact gradients inside the selected subspace.

    Parameters
    ----------
    parameters : Parameters
        Start values.
    features : (n_rows, n_features) float
    targets : (n_rows, n_outputs) float
        One-hot classes or real values, as the loss wants them.
    weights : (n_rows,) float
        Positive.
    basis : PauliBasis
        Strings of all operators.
    selection : Selection
        Chooses the basis states, every ``refresh_every`` epochs if it depends on the Hamiltonians.
    loss : callable
        From `losses`.
    settings : Settings
    seed : numpy.random.SeedSequence
        Source of the samples and of the order of batches.
    on_epoch : callable, optional
        Called with the epoch's number, from 0, and its record.

    Returns
    -------
    Trained

    Notes
    -----
    Training stops when the loss of an epoch has not fallen by ``tol`` in ``n_iter_no_change`` epochs.
    """
    batches = np.random.default_rng(_spawned(seed, 1))
    rows = (features, targets, weights)
    epochs: list[Epoch] = []
    best, waited = np.inf, 0
    supplied = True
    with jax.enable_x64(True):
        progress = _Progress(parameters, _ADAM.init(parameters))
        for number in range(settings.max_iter):
            refreshed = progress.chosen is None or (selection.needs_refresh and number % settings.refresh_every == 0)
            if refreshed:
                supplied = progress.renew(rows, basis, selection, settings, seed, number)
            if not supplied:
                break
            epochs.append(_run_epoch(progress, rows, number, loss, settings, batches, refreshed=refreshed))
            if on_epoch is not None:
                on_epoch(number, epochs[-1])
            waited = 0 if epochs[-1].loss < best - settings.tol else waited + 1
            best = min(best, epochs[-1].loss)
            if waited >= settings.n_iter_no_change:
                break
        # The subspace in hand was chosen for older parameters; predictions deserve one chosen for the final ones.
        if supplied and (selection.needs_refresh or progress.chosen is None):
            progress.renew(rows, basis, selection, settings, seed, settings.max_iter)
    last = progress.chosen
    assert last is not None
    trained = Parameters(*(np.asarray(p, dtype=np.float64) for p in progress.parameters))
    return Trained(trained, last, epochs, waited >= settings.n_iter_no_change)


class _Progress:
    """What changes while training: parameters, the optimiser's memory, the subspace, and states to start from."""

    def __init__(self, parameters: Parameters, memory: Any) -> None:
        self.parameters = parameters
        self.memory = memory
        self.chosen: Chosen | None = None
        self.guesses = _Guesses()

    def renew(
        self,
        data: tuple[Array, Array, Array],
        basis: PauliBasis,
        selection: Selection,
        settings: Settings,
        seed: np.random.SeedSequence,
        number: int,
    ) -> bool:
        """Choose a subspace for the parameters of an epoch; return False if there may be no more samples for it.

        Old states mean nothing in it.
        """
        try:
            self.chosen = _chosen(self.parameters, data, basis, selection, settings, seed, number)
        except NoMoreSamplesError as error:
            if self.chosen is None:
                raise
            warnings.warn(f"training ends early, with the samples that it has: {error}", stacklevel=4)
            return False
        self.guesses = _Guesses()
        return True


def _run_epoch(
    progress: _Progress,
    data: tuple[Array, Array, Array],
    number: int,
    loss: Loss,
    settings: Settings,
    batches: np.random.Generator,
    *,
    refreshed: bool,
) -> Epoch:
    """Take one step a batch; return what happened."""
    assert progress.chosen is not None
    n_rows = len(data[0])
    # Constant for half of the epochs, then falling to zero: the last steps average the noise of batches out.
    rate = settings.learning_rate * min(1.0, 2 * (1 - number / settings.max_iter))
    parts: list[tuple[float, ...]] = []
    for rows in _batches(n_rows, settings.batch_size, batches):
        batch = (data[0][rows], data[1][rows], data[2][rows])
        guesses = progress.guesses.of(rows)
        step = loss_and_gradients(progress.parameters, batch, progress.chosen, loss, settings, guesses=guesses)
        progress.guesses.keep(rows, step.states, n_rows)
        norm = float(optax.tree.norm(step.gradients))
        if not np.isfinite(step.loss + norm):
            raise TrainingDivergedError(
                f"the loss is {step.loss} and its gradient {norm} in epoch {number + 1}: scale the features to "
                f"about 1, or lower learning_rate (now {settings.learning_rate:g})."
            )
        progress.parameters, progress.memory = _update(progress.parameters, progress.memory, step.gradients, rate)
        gap = float(step.states.levels.gaps.min())
        parts.append((step.loss, norm, gap, step.outside_variance, float(batch[2].sum())))
    return _summary(parts, progress.chosen.structure.dimension, refreshed)


def _chosen(
    parameters: Parameters,
    data: tuple[Array, Array, Array],
    basis: PauliBasis,
    selection: Selection,
    settings: Settings,
    seed: np.random.SeedSequence,
    number: int,
) -> Chosen:
    """Choose a subspace for the parameters of an epoch, with a seed of its own."""
    return choose(parameters, data[0], data[2], basis, selection, settings, seed=_spawned(seed, 0, number))


def _spawned(seed: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return a child seed by name, so that it does not depend on how many were made before."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


@jax.jit
def _update(parameters: Parameters, memory: Any, gradients: Parameters, rate: float) -> tuple[Parameters, Any]:
    directions, memory = _ADAM.update(gradients, memory)
    return Parameters(*(p - rate * d for p, d in zip(parameters, directions, strict=True))), memory


class _Guesses:
    """States of the last step, as start vectors of the next one in the same subspace."""

    def __init__(self) -> None:
        self._states: NDArray[Any] | None = None
        self._known: NDArray[np.bool_] | None = None

    def of(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        if self._states is None or self._known is None or not self._known[rows].all():
            return None
        return self._states[rows]

    def keep(self, rows: NDArray[np.intp], states: GroundStates, n_rows: int) -> None:
        found = states.levels.states
        if self._states is None or self._known is None or self._states.dtype != found.dtype:
            self._states = np.zeros((n_rows, *found.shape[1:]), dtype=found.dtype)
            self._known = np.zeros(n_rows, dtype=bool)
        self._states[rows] = found
        self._known[rows] = True


def _batches(n_rows: int, batch_size: int | None, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each batch: all of them, or a random partition into nearly equal parts."""
    if batch_size is None or batch_size >= n_rows:
        yield np.arange(n_rows)
        return
    yield from np.array_split(rng.permutation(n_rows), -(-n_rows // batch_size))


def _summary(parts: list[tuple[float, ...]], dimension: int, refreshed: bool) -> Epoch:
    losses, norms, gaps, outside, weights = np.array(parts).T
    return Epoch(
        loss=float(np.average(losses, weights=weights)),
        gradient_norm=float(norms.mean()),
        smallest_gap=float(gaps.min()),
        outside_variance=float(np.average(outside, weights=weights)),
        dimension=dimension,
        refreshed=refreshed,
    )
