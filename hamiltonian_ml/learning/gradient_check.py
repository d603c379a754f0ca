"""The exact gradient against central differences, at any parameters, on any subspace."""

from __future__ import annotations

import jax
import numpy as np

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import loss_and_gradients
from hamiltonian_ml.learning.vectors import as_tree, flattened

_STEP = 2e-5  # truncation falls as its square, round-off of the solver rises as its inverse: they meet about here
_MAX_CHECKED = 200


def gradient_deviation(
    parameters: Parameters,
    batch: tuple[Floats, Floats, Floats],
    chosen: Chosen,
    loss: Loss,
    *,
    alpha: float = 0.0,
    variance_penalty: float = 0.0,
    seed: int = 0,
) -> float:
    """Return the largest deviation of the gradient from central differences, relative to its largest entry.

    Parameters
    ----------
    parameters : Parameters
        Where to look.
    batch : (features, targets, weights)
        Rows, as in `loss_and_gradients`.
    chosen : Chosen
        Subspace, whether in local frames, and, for a variance penalty, boundary; all held fixed, the frames at those of
        ``parameters``.
    loss : callable
        From `losses`.
    alpha, variance_penalty : float
        Strengths of the penalties.
    seed : int
        Picks 200 of the parameters where there are more.

    Notes
    -----
    No gap floor is applied: where levels cross, the deviation is large and says so. JAX must be in 64-bit mode.
    """
    settings = Settings(alpha=alpha, variance_penalty=variance_penalty, solver_tol=1e-12, min_gap=0.0)

    rotations = chosen.rotations(np.asarray(linear_embedding(jax.tree.map(np.asarray, parameters), batch[0])))

    def evaluate(flat: Floats) -> tuple[float, Floats]:
        tree = as_tree(flat, parameters)
        step = loss_and_gradients(tree, batch, chosen, loss, settings, rotations=rotations)
        return step.loss, flattened(step.gradients)

    here = flattened(parameters)
    exact = evaluate(here)[1]
    places = np.arange(len(here))
    if len(places) > _MAX_CHECKED:
        places = np.random.default_rng(seed).choice(len(here), _MAX_CHECKED, replace=False)
    differences = np.empty(len(places))
    for k, place in enumerate(places):
        shift = np.zeros_like(here)
        shift[place] = _STEP
        differences[k] = (evaluate(here + shift)[0] - evaluate(here - shift)[0]) / (2 * _STEP)
    return float(np.abs(exact[places] - differences).max() / max(np.abs(differences).max(), 1e-300))
