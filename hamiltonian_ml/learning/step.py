"""One step of training: the loss of a batch and its exact gradient.

In: parameters, a batch and the subspace it is solved in. Out: the loss, its derivative with respect to every parameter,
and the ground states. Embed, solve, read out, loss; then the same four backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import LARGEST_COEFFICIENT
from hamiltonian_ml.bases.frames import rotate_back
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import GroundStates, pull_back, solve
from hamiltonian_ml.learning.feature_maps import Mixtures
from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters, readout
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.subspace.variance import outside_variance

Rows = tuple[Floats, Floats, Floats]  # features, targets, weights


class TrainingDivergedError(ValueError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True, eq=False)
class Step:
    """The loss of a batch and its gradient.

    Attributes
    ----------
    loss : float
        Weighted mean over the rows, with all penalties.
    gradients : Parameters
        Its derivatives.
    outside_variance : float
        Weighted mean over the rows of `subspace.variance.OutsideVariance.values`; NaN where it was not asked for.
    states : GroundStates
        Ground states of the batch.
    """

    loss: float
    gradients: Parameters
    outside_variance: float
    states: GroundStates


def loss_and_gradients(
    parameters: Parameters,
    batch: tuple[Floats, Floats, Floats],
    chosen: Chosen,
    loss: Loss,
    settings: Settings,
    *,
    rotations: Floats | None = None,
    guesses: NDArray[Any] | None = None,
) -> Step:
    """Return the loss of a batch (features, targets, weights), its exact gradient and the ground states.

    The derivative holds the subspace and the rows' frames fixed. Without ``rotations``, the frames are those of the
    parameters, where ``chosen`` has local frames. JAX must be in 64-bit mode.
    """
    features, targets, weights = batch
    coefficients = np.asarray(_embed(parameters, features))
    if not np.abs(coefficients).max() < LARGEST_COEFFICIENT:
        raise TrainingDivergedError(
            f"a coefficient of a Hamiltonian has grown beyond {LARGEST_COEFFICIENT:g}: scale the features to about 1, "
            f"or lower learning_rate (now {settings.learning_rate:g})."
        )
    if rotations is None:
        rotations = chosen.rotations(coefficients)
    states = solve(coefficients, chosen.structure, rotations, guesses=guesses, tol=settings.solver_tol)
    value, (direct, cotangents) = _loss_gradients(
        parameters, states.expectations, targets, weights, settings.alpha, loss=loss
    )
    outside, sources, slope = np.nan, None, np.zeros_like(coefficients)
    if settings.variance_penalty and chosen.boundary is not None:
        found = outside_variance(states.structure, chosen.boundary, states.coefficients, states.levels)
        shares = weights / weights.sum()
        outside = float(shares @ found.values)
        value += settings.variance_penalty * outside
        pulls = settings.variance_penalty * shares[:, None]
        sources, slope = pulls * found.sources, _in_axes(states, pulls * found.direct)
    pulled = pull_back(states, np.asarray(cotangents), sources=sources, min_gap=settings.min_gap)
    pulled += slope
    return Step(float(value), _add_embedded(parameters, features, pulled, direct), outside, states)


def loss_of(parameters: Parameters, rows: Rows, chosen: Chosen, loss: Loss, settings: Settings) -> float:
    """Return the loss of rows (features, targets, weights), without penalties. JAX must be in 64-bit mode."""
    coefficients = np.asarray(_embed(parameters, rows[0]))
    states = solve(coefficients, chosen.structure, chosen.rotations(coefficients), tol=settings.solver_tol)
    return float(loss(readout(parameters, states.expectations), rows[1], rows[2]))


def _in_axes(states: GroundStates, gradients: Floats) -> Floats:
    """Return derivatives in the axes of the coefficients, from those in the local frames."""
    if states.rotations is None:
        return gradients
    return rotate_back(states.structure.basis, gradients, states.rotations)


@jax.jit
def _embed(parameters: Parameters, features: Floats) -> jax.Array:
    return jnp.asarray(linear_embedding(parameters, features))


def _penalised(
    parameters: Parameters, expectations: Floats, targets: Floats, weights: Floats, alpha: float, loss: Loss
) -> jax.Array:
    """Return the loss plus alpha/2 times the sum of squares of the feature and label operators' coefficients.

    The bias operator is left out: it holds the field that keeps the gap open. Of maps, only mixtures count.
    """
    penalty = (parameters.features**2).sum() + (parameters.labels**2).sum()
    if isinstance(parameters.maps, Mixtures):  # or they would take the size over from the operators
        penalty += (parameters.maps.mixing**2).sum()
    return loss(readout(parameters, expectations), targets, weights) + 0.5 * alpha * penalty


@partial(jax.jit, static_argnames="loss")
def _loss_gradients(
    parameters: Parameters, expectations: Floats, targets: Floats, weights: Floats, alpha: float, *, loss: Loss
) -> tuple[jax.Array, tuple[Parameters, jax.Array]]:
    return jax.value_and_grad(_penalised, argnums=(0, 1))(parameters, expectations, targets, weights, alpha, loss)


@jax.jit
def _add_embedded(parameters: Parameters, features: Floats, cotangents: Floats, direct: Parameters) -> Parameters:
    """Pull cotangents of the coefficients back through the embedding and add the loss's direct gradient."""
    _, pull = jax.vjp(lambda p: linear_embedding(p, features), parameters)
    total: Parameters = jax.tree.map(jnp.add, pull(cotangents)[0], direct)
    return total
