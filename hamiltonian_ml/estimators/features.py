"""Frozen models as scikit-learn transformers: rows go in, what the model makes of them comes out, nothing is learned.

In: a callable, a fitted scikit-learn model or a torch module, and rows. Out: an array (n_rows, n_features).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from tqdm.auto import tqdm

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_integer

_METHODS = ("transform", "decision_function", "predict_proba", "predict")  # of a scikit-learn model, best first


def is_torch_module(model: object) -> bool:
    """Return whether a model is a torch module; without importing torch, which made it if it is one."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def frozen_function(name: str, model: Any) -> Callable[[Any], Any]:
    """Return the function that a frozen model is: rows go in, its outputs come out.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    model : callable, torch.nn.Module or scikit-learn model

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if is_torch_module(model):
        return lambda rows: _torch_outputs(model, rows)
    if not isinstance(model, type):  # a class is callable too, and has the methods of what it makes
        functions = [getattr(model, method) for method in _METHODS if hasattr(model, method)]
        function: Callable[[Any], Any] | None = next(iter(functions), model if callable(model) else None)
        if function is not None:
            return function
    raise ValueError(
        f"{name} must be a callable, a torch module or a model with one of {', '.join(_METHODS)}, got {model!r}."
    )


def _torch_outputs(model: Any, rows: ArrayLike) -> Floats:
    """Run a module in evaluation mode and leave it in the mode that it was in."""
    import torch

    parameter = next(model.parameters(), None)
    batch = torch.as_tensor(np.asarray(rows))
    if parameter is not None:
        batch = batch.to(parameter.device, parameter.dtype if batch.is_floating_point() else batch.dtype)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.inference_mode():
            outputs: Floats = model(batch).double().cpu().numpy()
    finally:
        for module, mode in modes.items():
            module.training = mode
    return outputs


class FrozenFeatures(TransformerMixin, BaseEstimator):
    """Features from a model that stays as it is: any callable, fitted scikit-learn model or torch module.

    ``fit`` learns nothing and never changes the model, and `sklearn.base.clone` keeps the very model instead of an
    unfitted copy. So the transformer can stand in front of an estimator in a pipeline or a grid search.

    Parameters
    ----------
    model : callable, torch.nn.Module, scikit-learn model or None, default=None
        Gives an array (n_rows, n_outputs) or (n_rows,) for a batch of rows. Of a scikit-learn model the first of
        ``transform``, ``decision_function``, ``predict_proba`` and ``predict`` that it has is called. None hands the
        rows on as they are.
    batch_size : int, default=256
        Rows handed to the model at once.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    n_features_in_ : int
        Number of features that go in.
    n_features_out_ : int
        Number of features that come out.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import FrozenFeatures
    >>> FrozenFeatures(np.tanh).fit_transform([[0.0, 100.0]])
    array([[0., 1.]])
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> X, _ = load_iris(return_X_y=True)
    >>> FrozenFeatures(PCA(2).fit(X)).fit_transform(X).shape
    (150, 2)
    >>> FrozenFeatures(np.tanh).fit([[0.0, 1.0]]).get_feature_names_out().tolist()
    ['frozen0', 'frozen1']
    >>> FrozenFeatures(np.tanh).fit([[0.0, 1.0]]).transform([[0.0, 0.0]]).tolist()
    [[0.0, 0.0]]
    """

    def __init__(self, model: Any = None, *, batch_size: int = 256, verbose: int = 0) -> None:
        self.model = model
        self.batch_size = batch_size
        self.verbose = verbose

    def __sklearn_clone__(self) -> Self:
        # The usual clone would replace a fitted model by an unfitted one.
        return type(self)(**self.get_params(deep=False))

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Look how many features go in and come out.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Finite rows.
        y : object
            Not used.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If ``model`` is nothing that can be called, or does not give one row of numbers for each row.
        """
        rows = validate_data(self, X, dtype=np.float64)
        self.n_features_out_ = self._run(rows[:1]).shape[1]
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the model's outputs ``(n_rows, n_features_out_)`` for X (n_rows, n_features)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return self._run(rows)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names ``frozen0``, ``frozen1``, ... of what comes out; ``input_features`` are not looked at."""
        check_is_fitted(self)
        return np.array([f"frozen{k}" for k in range(self.n_features_out_)], dtype=object)

    def _run(self, rows: Floats) -> Floats:
        check_integer("batch_size", self.batch_size, at_least=1)
        if self.model is None:
            return rows
        function = frozen_function("model", self.model)
        parts = [_as_table(function(batch), len(batch)) for batch in _batches(rows, self.batch_size, self.verbose)]
        return np.concatenate(parts)


def _batches(rows: Floats, size: int, verbose: int) -> Iterator[Floats]:
    starts = range(0, len(rows), size)
    for start in tqdm(starts, desc="features", unit="batch", disable=not verbose):
        yield rows[start : start + size]


def _as_table(outputs: Any, n_rows: int) -> Floats:
    """Return a model's outputs as (n_rows, n_outputs) of finite numbers, or raise ValueError."""
    try:
        table = np.asarray(outputs, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"model must return numbers, got {type(outputs).__name__}.") from None
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != n_rows or not table.shape[1]:
        raise ValueError(
            f"model must return one row of features for each of {n_rows} rows, got shape {np.shape(outputs)}."
        )
    if not np.isfinite(table).all():
        raise ValueError("model must return finite numbers, got NaN or infinity; scale its input or mend the model.")
    return table
