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

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.checkpoint import Checkpoint
from hamiltonian_ml.learning.choosing import Chosen, choose
from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.moments import in_vectors
from hamiltonian_ml.learning.progress import Epoch, Progress
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import Rows, TrainingDivergedError, loss_and_gradients, loss_of
from hamiltonian_ml.learning.vectors import as_tree, as_vector
from hamiltonian_ml.selection.strategy import NoMoreSamplesError, Selection

_ADAM = optax.scale_by_adam()  # one object for all fits: they share what is compiled


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
    memory : tree of arrays
        The optimiser's, to go on from.
    """

    parameters: Parameters
    chosen: Chosen
    epochs: list[Epoch] = field(default_factory=list)
    converged: bool = False
    memory: Any = None


@dataclass(frozen=True, eq=False)
class _Run:
    """What does not change while training."""

    rows: Rows
    validation: Rows | None
    basis: PauliBasis
    selection: Selection
    loss: Loss
    settings: Settings
    seed: np.random.SeedSequence

    def choose(self, parameters: Parameters, number: int) -> Chosen:
        """Choose a subspace for the parameters of an epoch, with a seed of its own."""
        features, _, weights = self.rows
        seed = spawned(self.seed, 0, number)
        return choose(parameters, features, weights, self.basis, self.selection, self.settings, seed=seed)


def train(
    parameters: Parameters,
    features: Floats,
    targets: Floats,
    weights: Floats,
    *,
    basis: PauliBasis,
    selection: Selection,
    loss: Loss,
    settings: Settings,
    seed: np.random.SeedSequence,
    validation: Rows | None = None,
    memory: Any = None,
    chosen: Chosen | None = None,
    checkpoint: Checkpoint | None = None,
    on_epoch: Callable[[Progress], bool] | None = None,
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
    validation : (features, targets, weights), optional
        Rows that decide when to stop and which parameters to keep.
    memory : tree of arrays, optional
        The optimiser's, from an earlier run.
    chosen : Chosen, optional
        The subspace to begin and, if it is never chosen anew, to end with.
    checkpoint : Checkpoint, optional
        Written after epochs. A run that it holds is gone on with.
    on_epoch : callable, optional
        Called with the run after each epoch; training stops if it returns True.

    Returns
    -------
    Trained

    Notes
    -----
    Training stops when the loss of an epoch, of the validation rows where there are any, has not fallen by ``tol`` in
    ``n_iter_no_change`` epochs.
    """
    run = _Run((features, targets, weights), validation, basis, selection, loss, settings, seed)
    with jax.enable_x64(True):
        batches = np.random.default_rng(spawned(seed, 1))
        parameters = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), parameters)
        memory = _ADAM.init(as_vector(parameters)) if memory is None else in_vectors(memory)
        progress = Progress(parameters, memory, batches, chosen)
        if checkpoint is not None:
            checkpoint.restore(progress, basis, settings)
        supplied = True
        while not progress.finished:
            supplied = _run_epoch(run, progress)
            if not supplied:
                break
            ended = progress.waited >= settings.n_iter_no_change or len(progress.epochs) >= settings.max_iter
            progress.finished = (on_epoch is not None and on_epoch(progress)) or ended
            if checkpoint is not None:
                checkpoint.write(progress)
        last = progress.parameters if progress.kept is None else progress.kept
        # The subspace in hand was chosen for older parameters; predictions deserve one chosen for the final ones.
        if supplied and selection.needs_refresh and chosen is None:
            _renew(run, progress, last, settings.max_iter)
    assert progress.chosen is not None
    final = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), last)
    converged = progress.waited >= settings.n_iter_no_change
    return Trained(final, progress.chosen, progress.epochs, converged, jax.tree.map(np.asarray, progress.memory))


def _renew(run: _Run, progress: Progress, parameters: Parameters, number: int) -> bool:
    """Choose a subspace for the parameters of an epoch; return False if there may be no more samples for it."""
    try:
        progress.enter(run.choose(parameters, number))
    except NoMoreSamplesError as error:
        if progress.chosen is None:
            raise
        warnings.warn(f"training ends early, with the samples that it has: {error}", stacklevel=4)
        return False
    return True


def _run_epoch(run: _Run, progress: Progress) -> bool:
    """Take one step a batch and note what happened; return False if there may be no more samples to begin with."""
    settings, number = run.settings, len(progress.epochs)
    due = number % settings.refresh_every == 0 and number > 0
    refreshed = progress.chosen is None or (run.selection.needs_refresh and due)
    if refreshed and not _renew(run, progress, progress.parameters, number):
        return False
    chosen, n_rows = progress.chosen, len(run.rows[0])
    assert chosen is not None
    # Constant for half of the epochs, then falling to zero: the last steps average the noise of batches out.
    rate = settings.learning_rate * min(1.0, 2 * (1 - number / settings.max_iter))
    parts: list[tuple[float, ...]] = []
    for rows in _batches(n_rows, settings.batch_size, progress.batches):
        batch = (run.rows[0][rows], run.rows[1][rows], run.rows[2][rows])
        guesses = progress.guesses.of(rows)
        step = loss_and_gradients(progress.parameters, batch, chosen, run.loss, settings, guesses=guesses)
        progress.guesses.keep(rows, step.states, n_rows)
        slopes = as_vector(step.gradients)
        norm = float(np.linalg.norm(slopes))
        if not np.isfinite(step.loss + norm):
            raise TrainingDivergedError(
                f"the loss is {step.loss} and its gradient {norm} in epoch {number + 1}: scale the features to "
                f"about 1, or lower learning_rate (now {settings.learning_rate:g})."
            )
        moved, progress.memory = _update(as_vector(progress.parameters), progress.memory, slopes, rate)
        progress.parameters = as_tree(np.asarray(moved), progress.parameters)
        gap = float(step.states.levels.gaps.min())
        parts.append((step.loss, norm, gap, step.outside_variance, float(batch[2].sum())))
    held_out = np.nan
    if run.validation is not None:
        held_out = loss_of(progress.parameters, run.validation, chosen, run.loss, settings)
    progress.note(_summary(parts, held_out, chosen.structure.dimension, refreshed), tol=settings.tol)
    return True


def spawned(seed: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return a child seed by name, so that it does not depend on how many were made before."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


@jax.jit
def _update(parameters: Floats, memory: Any, gradients: Floats, rate: float) -> tuple[jax.Array, Any]:
    """Take a step of Adam, with all parameters in one vector: a fit of a feature more has one of the same length."""
    directions, memory = _ADAM.update(gradients, memory)
    return parameters - rate * directions, memory


def _batches(n_rows: int, batch_size: int | None, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each batch: all of them, or a random partition into nearly equal parts."""
    if batch_size is None or batch_size >= n_rows:
        yield np.arange(n_rows)
        return
    yield from np.array_split(rng.permutation(n_rows), -(-n_rows // batch_size))


def _summary(parts: list[tuple[float, ...]], held_out: float, dimension: int, refreshed: bool) -> Epoch:
    losses, norms, gaps, outside, weights = np.array(parts).T
    return Epoch(
        loss=float(np.average(losses, weights=weights)),
        validation_loss=held_out,
        gradient_norm=float(norms.mean()),
        smallest_gap=float(gaps.min()),
        outside_variance=float(np.average(outside, weights=weights)),
        dimension=dimension,
        refreshed=refreshed,
    )
