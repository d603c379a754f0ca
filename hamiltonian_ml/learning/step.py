"""One step of training: the loss of a batch and its exact gradient.

In: parameters, a batch and the subspace it is solved in. Out: the loss, its derivative with respect to every parameter,
and the ground states. Embed, solve, read out, loss; then the same four backwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import LARGEST_COEFFICIENT
from hamiltonian_ml.bases.frames import rotate_back
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import embed, map_rows, pull_back_embedding
from hamiltonian_ml.learning.expectations import GroundStates, pull_back, solve
from hamiltonian_ml.learning.feature_maps import Mixtures
from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters, readout
from hamiltonian_ml.learning.padding import SMALLEST_BATCH, pad_with_zeros
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
    parameters = jax.tree.map(np.asarray, parameters)
    mapped = map_rows(parameters.maps, features)
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused here
        coefficients = np.asarray(embed(parameters, mapped))
    if not np.abs(coefficients).max() < LARGEST_COEFFICIENT:
        raise TrainingDivergedError(
            f"a coefficient of a Hamiltonian has grown beyond {LARGEST_COEFFICIENT:g}: scale the features to about 1, "
            f"or lower learning_rate (now {settings.learning_rate:g})."
        )
    if rotations is None:
        rotations = chosen.rotations(coefficients)
    states = solve(coefficients, chosen.structure, rotations, guesses=guesses, tol=settings.solver_tol)
    expectations = np.asarray(states.expectations)
    value, slopes = _loss_slopes(np.asarray(readout(parameters, expectations)), targets, weights, loss)
    value += _penalty(parameters, settings.alpha)
    outside, sources, slope = np.nan, None, np.zeros_like(coefficients)
    if settings.variance_penalty and chosen.boundary is not None:
        found = outside_variance(states.structure, chosen.boundary, states.coefficients, states.levels)
        shares = weights / weights.sum()
        outside = float(shares @ found.values)
        value += settings.variance_penalty * outside
        pulls = settings.variance_penalty * shares[:, None]
        sources, slope = pulls * found.sources, _in_axes(states, pulls * found.direct)
    pulled = pull_back(states, slopes @ parameters.labels, sources=sources, min_gap=settings.min_gap)
    bias, operators, maps = pull_back_embedding(parameters, features, mapped, pulled + slope)
    gradients = Parameters(bias, operators, slopes.T @ expectations, slopes.sum(axis=0), maps)
    return Step(value, _add_penalty_slopes(parameters, gradients, settings.alpha), outside, states)


def loss_of(parameters: Parameters, rows: Rows, chosen: Chosen, loss: Loss, settings: Settings) -> float:
    """Return the loss of rows (features, targets, weights), without penalties. JAX must be in 64-bit mode."""
    coefficients = np.asarray(embed(parameters, map_rows(parameters.maps, rows[0])))
    states = solve(coefficients, chosen.structure, chosen.rotations(coefficients), tol=settings.solver_tol)
    return _loss_slopes(np.asarray(readout(parameters, states.expectations)), rows[1], rows[2], loss)[0]


def _in_axes(states: GroundStates, gradients: Floats) -> Floats:
    """Return derivatives in the axes of the coefficients, from those in the local frames."""
    if states.rotations is None:
        return gradients
    return rotate_back(states.structure.basis, gradients, states.rotations)


def _loss_slopes(outputs: Floats, targets: Floats, weights: Floats, loss: Loss) -> tuple[float, Floats]:
    """Return the loss and its derivatives with respect to the outputs (n_rows, n_outputs)."""
    filled = (pad_with_zeros(part, SMALLEST_BATCH) for part in (outputs, targets, weights))
    value, slopes = _compiled_slopes(*filled, loss=loss)
    return float(value), np.asarray(slopes)[: len(outputs)]


@partial(jax.jit, static_argnames="loss")
def _compiled_slopes(outputs: Floats, targets: Floats, weights: Floats, *, loss: Loss) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(loss)(outputs, targets, weights)


def _penalty(parameters: Parameters, alpha: float) -> float:
    """Return alpha/2 times the sum of squares of the feature and label operators' coefficients.

    The bias operator is left out: it holds the field that keeps the gap open. Of maps, only mixtures count, or they
    would take the size over from the operators.
    """
    penalised = [parameters.features, parameters.labels]
    if isinstance(parameters.maps, Mixtures):
        penalised.append(parameters.maps.mixing)
    return 0.5 * alpha * sum(float(np.vdot(part, part)) for part in penalised)


def _add_penalty_slopes(parameters: Parameters, gradients: Parameters, alpha: float) -> Parameters:
    """Add the derivatives of the penalty to those of the rest."""
    maps = gradients.maps
    if isinstance(maps, Mixtures) and isinstance(parameters.maps, Mixtures):
        maps = replace(maps, mixing=maps.mixing + alpha * parameters.maps.mixing)
    return gradients._replace(
        features=gradients.features + alpha * parameters.features,
        labels=gradients.labels + alpha * parameters.labels,
        maps=maps,
    )
