"""The noise ladder: the same fitted model with basis states sampled in ever more real places.

In: a fitted estimator, rows and the names of backends. Out: scores and certificates, backend by backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.estimators import options
from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.learning.choosing import choose_for
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.selection.krylov import KrylovSelection

_FIGURES = {
    "score": ("score of the rows", "1"),
    "trusted": ("share of the rows whose ground state can be trusted", "1"),
    "captured_weight": ("estimated weight of the exact ground state in the subspace, median of the rows", "1"),
    "dimension": ("basis states in the subspace", "1"),
}


def noise_ladder(
    estimator: HamiltonianEstimator, X: ArrayLike, y: Any, *, backends: Sequence[Any], seed: int = 0
) -> xr.Dataset:
    """Return how a fitted model does with basis states that each of some backends samples; its operators stay.

    Parameters
    ----------
    estimator : HamiltonianEstimator
        Fitted with ``selection="krylov"``. It is not changed.
    X : (n_rows, n_features) array_like
        Rows that are sampled for, and judged.
    y : (n_rows,) array_like
        Their labels or values.
    backends : sequence of str, Backend or BaseSamplerV2
        From the ideal to the real, for instance ``["statevector", "fake_boston", "fake_torino"]``.
    seed : int
        Of the samples.

    Returns
    -------
    xarray.Dataset
        Along ``backend``: ``score``, ``trusted`` (share of the rows), ``captured_weight`` (median) and ``dimension``.

    Raises
    ------
    ValueError
        If the estimator does not sample, a backend is not known, or none is given.

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> X, y = [[0.0], [0.3], [0.7], [1.0]], ["a", "a", "b", "b"]
    >>> model = HamiltonianClassifier(4, selection="krylov", shots=50, max_iter=2, random_state=0).fit(X, y)
    >>> noise_ladder(model, X, y, backends=["statevector", "fake_torino"]).sizes["backend"]
    2
    """
    if not len(backends):
        raise ValueError("backends must name at least one backend, got none.")
    rungs = [_sampling(estimator, backend) for backend in backends]  # unknown names are refused before any work
    found = [_judged(_resampled(estimator, X, rung, seed), X, y) for rung in rungs]
    return xr.Dataset(
        {
            name: ("backend", [figures[name] for figures in found], {"long_name": text, "units": unit})
            for name, (text, unit) in _FIGURES.items()
        },
        {"backend": [_name(backend) for backend in backends]},
        {"title": "One model with basis states from several backends"},
    )


def resample(estimator: HamiltonianEstimator, X: ArrayLike, *, backend: Any, seed: int = 0) -> Any:
    """Return a copy of a fitted estimator with basis states that a backend samples for some rows; its operators stay.

    Parameters
    ----------
    estimator, X, seed
        As in `noise_ladder`.
    backend : str, Backend or BaseSamplerV2

    Raises
    ------
    ValueError
        If the estimator does not sample, or the backend is not known.

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> X, y = [[0.0], [0.3], [0.7], [1.0]], ["a", "a", "b", "b"]
    >>> model = HamiltonianClassifier(4, selection="krylov", shots=50, max_iter=2, random_state=0).fit(X, y)
    >>> resample(model, X, backend="fake_torino").predict(X).shape
    (4,)
    """
    return _resampled(estimator, X, _sampling(estimator, backend), seed)


def _sampling(estimator: HamiltonianEstimator, backend: Any) -> KrylovSelection:
    """Return the estimator's selection on another backend."""
    check_is_fitted(estimator)
    own = options.make_selection(estimator, estimator.basis_)
    if not isinstance(own, KrylovSelection):
        raise ValueError(f'estimator must sample, with selection="krylov", got selection={estimator.selection!r}.')
    return replace(own, backend=backend)


def _resampled(estimator: HamiltonianEstimator, X: ArrayLike, selection: KrylovSelection, seed: int) -> Any:
    rows = estimator._rows(X)
    coefficients = np.asarray(linear_embedding(estimator.parameters_, rows))
    chosen = choose_for(
        coefficients, np.ones(len(rows)), estimator.basis_, selection,
        local_frames=estimator.frame == "mean_field", seed=np.random.SeedSequence(seed),
    )  # fmt: skip
    other: Any = copy(estimator)
    other.structure_, other.samples_, other.local_frames_ = chosen.structure, chosen.samples, chosen.local_frames
    return other


def _judged(estimator: Any, X: ArrayLike, y: Any) -> dict[str, float]:
    certified = estimator.certify(X)
    return {
        "score": float(estimator.score(X, y)),
        "trusted": float(certified.trusted.mean()),
        "captured_weight": float(certified.captured_weight.median()),
        "dimension": estimator.structure_.dimension,
    }


def _name(backend: Any) -> str:
    return str(backend if isinstance(backend, str) else getattr(backend, "name", type(backend).__name__))
