"""The exact gradient against central differences, at any parameters, on any subspace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.learning.losses import Loss
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import loss_and_gradients
from hamiltonian_ml.subspace.structure import SubspaceStructure

Array = NDArray[np.float64]
_STEP = 1e-4  # truncation of about 1e-8 and round-off of about 1e-8 meet here
_MAX_CHECKED = 200


def gradient_deviation(
    parameters: Parameters,
    batch: tuple[Array, Array, Array],
    structure: SubspaceStructure,
    rotations: Array | None,
    loss: Loss,
    *,
    alpha: float = 0.0,
    concentration: float = 0.0,
    seed: int = 0,
) -> float:
    """Return the largest deviation of the gradient from central differences, relative to its largest entry.

    Parameters
    ----------
    parameters : Parameters
        Where to look.
    batch : (features, targets, weights)
        Rows, as in `loss_and_gradients`.
    structure, rotations
        Subspace and frames, both held fixed.
    loss : callable
        From `losses`.
    alpha, concentration : float
        Strengths of the penalties.
    seed : int
        Picks 200 of the parameters where there are more.

    Notes
    -----
    No gap floor is applied: where levels cross, the deviation is large and says so. JAX must be in 64-bit mode.
    """
    settings = Settings(alpha=alpha, concentration=concentration, solver_tol=1e-12, min_gap=0.0)

    def evaluate(flat: Array) -> tuple[float, Array]:
        tree = _unflatten(flat, parameters)
        value, gradients, _ = loss_and_gradients(tree, batch, structure, rotations, loss, settings)
        return value, _flatten(gradients)

    here = _flatten(parameters)
    exact = evaluate(here)[1]
    chosen = np.arange(len(here))
    if len(chosen) > _MAX_CHECKED:
        chosen = np.random.default_rng(seed).choice(len(here), _MAX_CHECKED, replace=False)
    differences = np.empty(len(chosen))
    for k, place in enumerate(chosen):
        step = np.zeros_like(here)
        step[place] = _STEP
        differences[k] = (evaluate(here + step)[0] - evaluate(here - step)[0]) / (2 * _STEP)
    return float(np.abs(exact[chosen] - differences).max() / max(np.abs(differences).max(), 1e-300))


def _flatten(tree: Parameters) -> Array:
    return np.concatenate([np.asarray(leaf, dtype=np.float64).ravel() for leaf in tree])


def _unflatten(flat: Array, like: Parameters) -> Parameters:
    sizes = np.cumsum([np.size(leaf) for leaf in like])[:-1]
    return Parameters(*(p.reshape(np.shape(q)) for p, q in zip(np.split(flat, sizes), like, strict=True)))
