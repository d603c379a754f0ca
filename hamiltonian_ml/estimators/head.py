"""A head on a frozen model: learn what it gets wrong, or answer in its place; the model itself never changes.

In: another classifier, and the features that the head looks at. Out: a classifier with its logits plus a correction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_choice
from hamiltonian_ml.estimators import records
from hamiltonian_ml.estimators.classifier import SoftmaxClassifier
from hamiltonian_ml.estimators.head_files import FOREIGN, own_parts, take_back
from hamiltonian_ml.estimators.parameters import documented
from hamiltonian_ml.estimators.passes import PassByPassOfClasses
from hamiltonian_ml.estimators.targets import ClassTargets, ResidualTargets
from hamiltonian_ml.estimators.validation import checked_classes, checked_labels, checked_rows, checked_weights

if TYPE_CHECKING:
    import xarray as xr

MODES = ("residual", "replace")
_LEAST_PROBABILITY = 1e-12  # what a base model holds impossible may still turn out true


@documented
@dataclass(eq=False, repr=False, kw_only=True)
class HamiltonianHeadClassifier(SoftmaxClassifier, PassByPassOfClasses):
    """Correct, or replace, the answers of a model that stays as it is.

    Parameters
    ----------
    base : classifier, callable or None, default=None
        The frozen model: a fitted classifier, which is used as it is, or a callable that returns logits
        (n_rows, n_classes) in the order of the sorted classes. An unfitted classifier is cloned and fitted to the
        training rows; None takes a logistic regression of scaled features. Copies of this estimator, as
        cross-validation makes them, hold an unfitted copy of a classifier unless it is wrapped in
        `sklearn.frozen.FrozenEstimator`.
    {parameters}
    class_weight, decision_rounds
        As in `HamiltonianClassifier`.
    features : transformer or None, default=None
        Makes the features that the head looks at; one that is fitted is used as it is. None scales X.
    mode : {"residual", "replace"}, default="residual"
        Whether outputs are added to the logits of the base, or used alone.

    Attributes
    ----------
    base_ : classifier or callable
        The frozen model.
    features_ : transformer
        Fitted.
    classes_ : (n_classes,) ndarray
        Those of the base, sorted.
    n_head_features_ : int
        Number of features that the head looks at.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.linear_model import LogisticRegression
    >>> from hamiltonian_ml import HamiltonianHeadClassifier
    >>> X, y = make_moons(80, noise=0.1, random_state=0)
    >>> base = LogisticRegression().fit(X, y)
    >>> head = HamiltonianHeadClassifier(base, n_qubits=3, learning_rate=0.1, max_iter=40, random_state=0).fit(X, y)
    >>> report = head.compare(X, y)
    >>> int(report.fixed.sum()) > int(report.broken.sum())
    True
    """

    base: Any = field(default=None, kw_only=False)
    n_qubits: int = field(default=6, kw_only=True)
    features: Any = None
    mode: str = "residual"

    _asked_back: ClassVar[tuple[str, ...]] = FOREIGN

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the operators of the head.

        Parameters
        ----------
        X : (n_rows, ...)
            Rows as base and features take them.
        y : (n_rows,) array_like
            Labels among the classes of the base.
        sample_weight : (n_rows,) array_like, optional
            Weights, not negative. A base or features that are still to be fitted get them too, if they take any.

        Returns
        -------
        The fitted estimator itself.

        Raises
        ------
        ValueError
            If the base has no logits or does not know a class, features are not finite, or a parameter is not allowed.

        Examples
        --------
        >>> from sklearn.linear_model import LogisticRegression
        >>> from hamiltonian_ml import HamiltonianHeadClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["in", "out", "out", "in"]
        >>> base = LogisticRegression().fit(X, y)
        >>> head = HamiltonianHeadClassifier(base, n_qubits=2, learning_rate=0.1, random_state=0).fit(X, y)
        >>> base.score(X, y), head.score(X, y)
        (0.5, 1.0)
        """
        self._prepare(X, y, sample_weight)
        super().fit(X, y, sample_weight)
        return self

    def _before_first_pass(self, X: Any, y: Any, sample_weight: ArrayLike | None, classes: Any) -> None:
        self._prepare(X, y, sample_weight, classes)

    def _targets_of(self, classes: Any) -> ResidualTargets:
        self._check_classes("classes", checked_classes(classes))
        return ResidualTargets(self.base_classes_)

    def compare(self, X: Any, y: ArrayLike) -> xr.Dataset:
        """Return which rows the head fixes and which it breaks.

        Parameters
        ----------
        X : (n_rows, ...)
            Rows to judge by, best none that were trained on.
        y : (n_rows,) array_like
            Their true classes.

        Returns
        -------
        xarray.Dataset
            Along ``row``: the answers ``base`` and ``head``, and whether the row is ``fixed`` (the base was wrong, the
            head is right) or ``broken`` (the reverse). ``base_accuracy``, ``head_accuracy`` and ``p_value``: the
            probability of counts of fixed and broken rows at least so unequal if both were equally likely (McNemar's
            exact test).

        Raises
        ------
        ValueError
            If X and y do not have the same number of rows.
        """
        check_is_fitted(self)
        return records.comparison(
            self.classes_[self._base_logits(X).argmax(axis=1)], self.predict(X), checked_labels(X, y)
        )

    def _state_for_files(self) -> dict[str, Any]:
        state = {k: v for k, v in super()._state_for_files().items() if k not in ("base_", "features_")}
        return state | own_parts(self)

    def _after_loading(self) -> None:
        take_back(self)

    def _parts_of_user(self, X: Any) -> Floats:
        given = [model for model in (self.base, self.features) if model is not None and _is_fitted(model)]
        return np.array([_shadow(model, X) for model in given])

    @property
    def _n_embedded(self) -> int:
        return int(self.n_head_features_)

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Floats, NDArray[Any]]:
        """Return the head's features, and (place of the class, logits of the base) for each row."""
        labels = checked_labels(X, y)
        self._check_classes("y", labels)
        places = np.searchsorted(self.base_classes_, labels)
        rows = self._rows(X)
        if reset:
            self.n_head_features_ = rows.shape[1]
        return rows, np.column_stack([places, self._offsets(X)])

    def _check_classes(self, name: str, labels: NDArray[Any]) -> None:
        known, unknown = self.base_classes_, np.setdiff1d(labels, self.base_classes_)
        if len(unknown):
            raise ValueError(
                f"{name} must hold classes of the base model, {known.tolist()}, got {unknown.tolist()} too; "
                "fit a base that knows them, which one that is fitted here does if the first rows show them."
            )

    def _learn_targets(self, values: NDArray[Any], weights: Floats) -> tuple[ResidualTargets, Floats]:
        _, weights = super()._learn_targets(values, weights)
        return ResidualTargets(self.base_classes_), weights

    def _labels_of(self, values: NDArray[Any]) -> NDArray[Any]:
        labels: NDArray[Any] = self.base_classes_[values[:, 0].astype(np.intp)]
        return labels

    def _prepare(self, X: Any, y: Any, weights: ArrayLike | None, classes: Any = None) -> None:
        """Take the base and the features as they are, or fit copies of them to the training rows."""
        check_choice("mode", self.mode, MODES)
        if self.features is None:
            table = checked_rows(self, X, reset=True)
        else:
            table = validate_data(self, X, skip_check_array=True)
        labels = checked_labels(X, y)
        if weights is not None:
            weights = checked_weights(weights, X)
        if self.features is not None and not hasattr(self.features, "transform"):
            raise ValueError(f"features must be a transformer or None, got {self.features!r}.")
        base = self.base
        is_classifier = base is None or hasattr(base, "fit")
        if not is_classifier and not callable(base):
            raise ValueError(f"base must be a classifier, a callable that returns logits or None, got {base!r}.")
        if (
            base is not None
            and is_classifier
            and not hasattr(base, "predict_proba") | hasattr(base, "decision_function")
        ):
            raise ValueError(f"base must have predict_proba or decision_function, got {base!r}.")
        if base is None:
            ClassTargets.learn(labels, np.ones(len(labels)) if weights is None else np.asarray(weights))
            # Fitted one by one: a pipeline would ask for requests where metadata routing is on.
            scaler = StandardScaler().fit(X, sample_weight=weights)
            linear = LogisticRegression(max_iter=1000, tol=1e-9)
            base = make_pipeline(scaler, linear.fit(scaler.transform(X), labels, sample_weight=weights))
        elif is_classifier and not _is_fitted(base):
            base = _fitted(base, X, labels, weights)
        known = np.unique(base.classes_ if is_classifier else labels if classes is None else checked_classes(classes))
        if self.warm_start and hasattr(self, "parameters_") and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"warm_start must be False where the classes of the base, {known.tolist()}, are not those of the last "
                f"fit, {self.classes_.tolist()}; got True."
            )
        self.base_, self.base_classes_ = base, known
        self.features_ = self._fitted_features(table, labels, weights)

    def _fitted_features(self, X: Any, labels: Any = None, weights: ArrayLike | None = None) -> Any:
        features = StandardScaler() if self.features is None else self.features
        return features if _is_fitted(features) else _fitted(features, X, labels, weights)

    def _rows(self, X: Any) -> Floats:
        """Return the head's features (n_rows, n_features), as float."""
        if self.features is None:
            X = checked_rows(self, X, reset=False)
        else:
            validate_data(self, X, reset=False, skip_check_array=True)
        features = self.features_ if hasattr(self, "features_") else self._fitted_features(X)  # for a preview
        rows = np.asarray(features.transform(X), dtype=np.float64)
        if rows.ndim != 2 or not np.isfinite(rows).all():
            raise ValueError(f"features must return a finite table (n_rows, n_features), got shape {rows.shape}.")
        return rows

    def _offsets(self, X: Any) -> Floats:
        """Return what is added to the outputs: the logits of the base, or nothing."""
        logits = self._base_logits(X)
        return logits if self.mode == "residual" else np.zeros_like(logits)

    def _base_logits(self, X: Any) -> Floats:
        """Return logits (n_rows, n_classes) of the base, finite."""
        n_classes = len(self.base_classes_)
        if hasattr(self.base_, "predict_proba"):
            odds = np.asarray(self.base_.predict_proba(X), dtype=np.float64)
            logits = np.log(np.maximum(odds, _LEAST_PROBABILITY))
        else:
            own = self.base_.decision_function(X) if hasattr(self.base_, "decision_function") else self.base_(X)
            logits = np.asarray(own, dtype=np.float64)
        if logits.ndim == 1 and n_classes == 2:
            logits = np.column_stack([np.zeros_like(logits), logits])
        if logits.ndim != 2 or logits.shape[1] != n_classes or not np.isfinite(logits).all():
            raise ValueError(f"base must return finite logits (n_rows, {n_classes}), got shape {logits.shape}.")
        if hasattr(self.base_, "fit"):  # of another library, in the order of its own classes
            logits = logits[:, np.argsort(self.base_.classes_)]
        return logits


def _fitted(model: Any, X: Any, labels: Any, weights: ArrayLike | None) -> Any:
    """Return a fitted copy, with the weights if it takes them."""
    given = {"sample_weight": weights} if weights is not None and has_fit_parameter(model, "sample_weight") else {}
    return clone(model).fit(X, labels, **given)


def _shadow(model: Any, X: Any) -> Floats:
    """Return one number for each row, which hardly any two models have in common."""
    methods = [name for name in ("predict_proba", "decision_function", "transform") if hasattr(model, name)]
    table = np.asarray(getattr(model, methods[0])(X) if methods else model(X), dtype=np.float64).reshape(len(X), -1)
    shadow: Floats = table @ np.random.default_rng(0).normal(size=table.shape[1])
    return shadow


def _is_fitted(model: Any) -> bool:
    if not hasattr(model, "fit"):
        return callable(model)
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        return False
    return True
