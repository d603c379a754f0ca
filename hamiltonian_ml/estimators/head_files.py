"""What of a head goes into a file, and what its user has to give back: the base, and features of their own.

In: a fitted head. Out: arrays of its own parts, and a head again once it has its base.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.bases.arrays import Floats

FOREIGN = ("base", "features")  # parameters that are other libraries' objects, or None for the default
_N_PROBES = 4
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)  # of the user's own code
# In units of the largest: another processor rounds 32-bit numbers differently through many layers; another model is off
# by about one.
SAME_OUTPUTS = 1e-3


class ForeignObjectError(ValueError):
    """A base, or features, are not those that a head was fitted with."""


def own_parts(head: Any) -> dict[str, Any]:
    """Return fitted attributes that a file can hold: those of the head, and the arrays of a default base and features.

    Where the head scales the rows itself, a few rows are drawn around their mean, and the logits that the base gives
    them, so that another base is noticed. No row that was trained on is kept.
    """
    parts: dict[str, Any] = {}
    if head.base is None:
        scaler, linear = head.base_[0], head.base_[-1]
        parts["default_base_"] = (*_scales(scaler), linear.coef_, linear.intercept_)
    if head.features is None:
        parts["default_features_"] = _scales(head.features_)
        probes = _probes(head.features_)
        parts["probes_"] = (probes, _logits(head, probes))
    return parts


def take_back(head: Any) -> None:
    """Give a loaded head its base and features: the default ones from their arrays, else those that its user passed.

    Raises
    ------
    ForeignObjectError
        If they are not fitted, or are not those that the head was fitted with.
    """
    state = vars(head)
    names = getattr(head, "feature_names_in_", None)
    default_base, scales = state.pop("default_base_", None), state.pop("default_features_", None)
    if default_base is None:
        _check_base(head)
        head.base_ = head.base
    else:
        head.base_ = _default_base(head.base_classes_, default_base, names)
    if scales is None:
        _check_fitted("features", head.features)
        head.features_ = head.features
    else:
        head.features_ = _scaler(scales, None)  # the head hands it arrays
    probes, expected = state.pop("probes_", (None, None))
    if expected is not None:
        found = _logits(head, probes)
        deviation = np.inf if found is None or found.shape != expected.shape else np.abs(found - expected).max()
        if not deviation <= SAME_OUTPUTS * max(1.0, np.abs(expected).max()):  # NaN is no agreement
            raise ForeignObjectError(
                f"base must be the model that the head was fitted on, but its logits differ by up to {deviation:.3g}; "
                "pass that one, fitted as it was then."
            )


def _check_base(head: Any) -> None:
    base, classes = head.base, head.base_classes_
    if hasattr(base, "fit"):
        _check_fitted("base", base)
    elif not callable(base):
        raise ForeignObjectError(f"base must be a fitted classifier or a callable that returns logits, got {base!r}.")
    found = np.unique(getattr(base, "classes_", classes))
    if not np.array_equal(found, classes):
        raise ForeignObjectError(f"base must know the classes {classes.tolist()}, got one of {found.tolist()}.")


def _check_fitted(name: str, model: Any) -> None:
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        raise ForeignObjectError(f"{name} must be fitted, as it was when the head was, got {model!r}.") from None


def _probes(scaler: StandardScaler) -> Floats:
    """Return a few rows (n_probes, n_features_in_) spread as the rows of the fit were."""
    drawn = np.random.default_rng(0).normal(size=(_N_PROBES, scaler.n_features_in_))
    rows: Floats = scaler.mean_ + scaler.scale_ * drawn
    return rows


def _logits(head: Any, rows: Floats) -> Floats | None:
    """Return the base's logits of rows that it may never have seen the like of; None if it does not take them."""
    table: Any = rows
    if hasattr(head, "feature_names_in_"):
        import pandas as pd

        table = pd.DataFrame(rows, columns=head.feature_names_in_)
    try:
        logits: Floats = head._base_logits(table)
    except _REFUSALS:
        return None
    return logits


def _scales(scaler: StandardScaler) -> tuple[Any, ...]:
    return scaler.mean_, scaler.scale_, scaler.var_, np.asarray(scaler.n_samples_seen_)


def _scaler(scales: tuple[Any, ...], names: NDArray[Any] | None) -> StandardScaler:
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_, scaler.var_, seen = scales
    scaler.n_samples_seen_ = seen[()]
    scaler.n_features_in_ = len(scaler.mean_)
    if names is not None:
        scaler.feature_names_in_ = names
    return scaler


def _default_base(classes: NDArray[Any], parts: tuple[Any, ...], names: NDArray[Any] | None) -> Pipeline:
    linear = LogisticRegression(max_iter=1000, tol=1e-9)
    linear.coef_, linear.intercept_ = parts[4:]
    linear.classes_, linear.n_features_in_ = classes, linear.coef_.shape[1]
    return make_pipeline(_scaler(parts[:4], names), linear)
