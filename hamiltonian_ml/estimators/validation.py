"""Tables and targets as users pass them, checked by scikit-learn; every error names the argument that is wrong.

In: anything. Out: arrays, or a ValueError or TypeError.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_array,
    check_consistent_length,
    validate_data,
)

_NAMED = re.compile(r"\b(X|y|sample_weight)\b|[Nn]egative values in data passed|feature names")
_LARGEST_WEIGHT = 1e300  # of all rows together: products with losses, and quotients, stay finite
_WRONG = (TypeError, ValueError, OverflowError)


def checked_rows(estimator: Any, X: Any, *, reset: bool) -> NDArray[np.float64]:
    """Return rows (n_rows, n_features) as finite float64; with ``reset``, their width and names are remembered."""
    try:
        if not reset and not hasattr(estimator, "n_features_in_"):  # a preview before a fit: no names to compare with
            return np.asarray(check_array(X, dtype=np.float64))
        rows: NDArray[np.float64] = validate_data(estimator, X, dtype=np.float64, reset=reset)
    except _WRONG as error:
        raise _naming("X", error) from error
    return rows


def checked_table(
    estimator: Any, X: Any, y: Any, *, reset: bool, **options: bool
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return rows and labels or values of the same number; ``options`` are those of scikit-learn for y."""
    try:
        rows, values = validate_data(estimator, X, y, dtype=np.float64, reset=reset, **options)
    except _WRONG as error:
        raise _naming("y" if _is_fine(X) else "X", error) from error
    return rows, values


def checked_weights(sample_weight: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights (n_rows,), not negative, with a sum that can be divided by."""
    try:
        weights: NDArray[np.float64] = _check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
    except _WRONG as error:
        raise _naming("sample_weight", error) from error
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not 1 / _LARGEST_WEIGHT <= total <= _LARGEST_WEIGHT:
        raise ValueError(
            f"sample_weight must have a sum from {1 / _LARGEST_WEIGHT:g} to {_LARGEST_WEIGHT:g}, got {total:g}; divide "
            "the weights by their largest."
        )
    return weights


def checked_labels(X: Any, y: Any) -> NDArray[Any]:
    """Return labels (n_rows,), one for each row of X, which may be of any kind that has a length."""
    try:
        labels: NDArray[Any] = _check_y(y, multi_output=False, y_numeric=False)
        check_consistent_length(X, labels)
    except _WRONG as error:
        raise _naming("y", error) from error
    check_labels(labels)
    return labels


def checked_classes(classes: Any) -> NDArray[Any]:
    """Return classes (n_classes,), sorted; at least two there must be."""
    try:
        found: NDArray[Any] = np.unique(_check_y(classes, multi_output=False, y_numeric=False))
        check_classification_targets(found)
    except _WRONG as error:
        raise ValueError(f"classes must be a list of class labels: {error}") from error
    if len(found) < 2:
        raise ValueError(f"classes must hold at least two classes, got {found.tolist()}.")
    return found


def check_labels(labels: NDArray[Any]) -> None:
    """Raise ValueError unless labels are classes."""
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise _naming("y", error) from error


def _is_fine(X: Any) -> bool:
    try:
        check_array(X, dtype=np.float64)
    except _WRONG:
        return False
    return True


def _naming(name: str, error: Exception) -> Exception:
    """Return an error that names the argument: the same one if it does already."""
    if _NAMED.search(str(error)) and not isinstance(error, OverflowError):
        return error
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{name} is not as it should be: {error}")
