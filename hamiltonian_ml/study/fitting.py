"""One model for a user's own table: split, scale, fit, score.

In: a pandas frame. Out: a fitted estimator that takes the table's own units, and scores.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml.bases.checks import check_choice, check_integer, check_real
from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import TASKS
from hamiltonian_ml.sampling.usage import Usage
from hamiltonian_ml.study.tables import in_numpy, numbers_of, require_columns, row_numbers

_MOST_CLASSES = 20  # numbers with more distinct values are taken for quantities
_FEW_ROWS = 20  # in which even classes of one row may be meant
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What is learned from a table, and how.

    Parameters
    ----------
    target : str
        Column to predict.
    drop : sequence of str
        Columns that are left out; all others are features.
    task : {"auto", "classification", "regression"}
        "auto" takes text, truth values and at most 20 distinct whole numbers for classes.
    test_fraction : float
        Share of the rows that are kept for the score, from 0 to below 1.
    seed : int
        Seed of the split, start values and samples.
    options : dict
        Parameters of the estimator.
    """

    target: str
    drop: Sequence[str] = ()
    task: str = "auto"
    test_fraction: float = 0.2
    seed: int = 0
    options: dict[str, Any]

    def __post_init__(self) -> None:
        check_choice("task", self.task, TASKS)
        check_integer("seed", self.seed, at_least=0)
        if self.seed > _LARGEST_SEED:
            raise ValueError(f"seed must be at most {_LARGEST_SEED}, got {self.seed}.")
        check_real("test_fraction", self.test_fraction)
        if self.test_fraction >= 1:
            raise ValueError(f"test_fraction must be from 0 to below 1, got {self.test_fraction!r}.")
        if self.target in self.drop:
            raise ValueError(f"target is the column {self.target!r}, which is dropped; choose another.")


@dataclass(frozen=True, eq=False)
class FittedTable:
    """A model of a table.

    Attributes
    ----------
    model : HamiltonianClassifier or HamiltonianRegressor
        Takes features in the table's own units; ``target_name_`` is the column that it predicts.
    n_train, n_test : int
        Rows that it was fitted to, and rows that it was judged by.
    train_score, test_score : float
        Accuracy of a classifier, R2 of a regressor; NaN without rows.
    trusted : float
        Share of the test rows (training rows if there are none) whose ground states the certificate trusts.
    """

    model: HamiltonianEstimator
    n_train: int
    n_test: int
    train_score: float
    test_score: float
    trusted: float


def fit_table(table: pd.DataFrame, settings: FitSettings, *, verbose: bool = False) -> FittedTable:
    """Fit a model to a table.

    Raises
    ------
    ValueError
        If a column is missing, holds no numbers or has gaps, the target has one value only or holds dates, or an option
        is wrong.

    Warns
    -----
    UserWarning
        If a column of row numbers is left out, or hardly any class has two rows.
    """
    ready = _prepared(table, settings, verbose=verbose)
    model, features, target, train, test = ready.model, ready.features, ready.target, ready.train, ready.test
    scaler = StandardScaler().fit(features.iloc[train])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")  # which is said above, of the whole column
        model.fit(_scaled(scaler, features.iloc[train]), target[train])
    _fold_scaling(model, scaler.mean_, scaler.scale_)
    model.target_name_ = settings.target
    judged = test if len(test) else train
    return FittedTable(
        model=model,
        n_train=len(train),
        n_test=len(test),
        train_score=float(model.score(features.iloc[train], target[train])),
        test_score=float(model.score(features.iloc[test], target[test])) if len(test) else np.nan,
        trusted=float(model.certify(features.iloc[judged]).trusted.mean()),
    )


def preview_table(table: pd.DataFrame, settings: FitSettings, *, price_per_minute: float | None = None) -> Usage:
    """Return what `fit_table` takes on a processor; nothing is sent. Raises as it does.

    Examples
    --------
    >>> import pandas as pd
    >>> from hamiltonian_ml.study.fitting import FitSettings, preview_table
    >>> table = pd.DataFrame({"width": [0.0, 1.0, 2.0, 3.0], "kind": list("abab")})
    >>> options = {"n_qubits": 3, "selection": "krylov", "max_iter": 5, "shots": 100}
    >>> chosen = FitSettings(target="kind", test_fraction=0, options=options)
    >>> preview_table(table, chosen).executions  # 4 rows, 3 circuits, at the start and at the end
    2400
    """
    ready = _prepared(table, settings, verbose=False)
    features = ready.features.iloc[ready.train]
    return ready.model.preview(_scaled(StandardScaler().fit(features), features), price_per_minute=price_per_minute)


class _Prepared(NamedTuple):
    """A model that is not fitted yet, and checked rows; ``train`` and ``test`` are places of rows."""

    model: HamiltonianEstimator
    features: pd.DataFrame
    target: np.ndarray[Any, Any]
    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


def _prepared(table: pd.DataFrame, settings: FitSettings, *, verbose: bool) -> _Prepared:
    """Return what is fitted, after a look at every column."""
    require_columns(table, [settings.target, *settings.drop])
    unnamed = [name for name in row_numbers(table) if name not in (settings.target, *settings.drop)]
    if unnamed:
        warnings.warn("the first column has no name and counts rows: it is left out; name it to use it", stacklevel=3)
    features = numbers_of(table.drop(columns=[settings.target, *settings.drop, *unnamed]))
    if not len(features.columns):
        raise ValueError(f"the table has no column beside the target {settings.target!r} and those that are dropped.")
    target = table[settings.target]
    _check_filled(target)
    target = in_numpy(target)
    classes = _means_classes(target, settings.task)
    if classes:
        target = target.astype(str) if not pd.api.types.is_numeric_dtype(target) else target
        _check_classes(target, settings.task)
    else:
        target = numbers_of(table[[settings.target]], may_drop=False)[settings.target]
    train, test = _split(len(table), target.to_numpy() if classes else None, settings)
    kind = HamiltonianClassifier if classes else HamiltonianRegressor
    model = kind(**settings.options, random_state=settings.seed, verbose=int(verbose))
    return _Prepared(model, features, target.to_numpy(), train, test)


def _scaled(scaler: StandardScaler, features: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(scaler.transform(features), columns=features.columns)


def _check_filled(target: pd.Series[Any]) -> None:
    empty = np.flatnonzero(target.isna())
    if len(empty):
        raise ValueError(
            f"column {target.name!r} is empty in {len(empty)} of {len(target)} rows, first in row {empty[0] + 1}; "
            "every row needs a value to learn from."
        )


def _check_classes(target: pd.Series[Any], task: str) -> None:
    """Raise ValueError for dates that nobody called classes; warn of a column that names rows rather than classes."""
    if task == "auto" and not pd.api.types.is_numeric_dtype(target) and _are_dates(target):
        raise ValueError(
            f"column {target.name!r} holds dates such as {target.iloc[0]!r}; give a number instead, such as days since "
            "the first, or take --task classification if each date is a class."
        )
    n_values = target.nunique()
    if len(target) > _FEW_ROWS and 2 * n_values > len(target):
        warnings.warn(
            f"column {target.name!r} has {n_values} different values in {len(target)} rows, so that hardly any class "
            "has two rows to learn from; choose another target, or --task regression for quantities",
            stacklevel=4,
        )


def _are_dates(target: pd.Series[Any]) -> bool:
    read = pd.to_datetime(target, format="ISO8601", errors="coerce", utc=True)
    return bool(read.notna().all() and target.str.contains("-").all())  # not the year 2024 alone


def _means_classes(target: pd.Series[Any], task: str) -> bool:
    if task != "auto":
        return task == "classification"
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        return True
    values = target.unique()
    return len(values) <= _MOST_CLASSES and bool(np.equal(np.mod(values, 1), 0).all())


def _split(n_rows: int, classes: Any, settings: FitSettings) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return places of the rows to train on and to test on, classes in equal shares where each has enough rows."""
    rows = np.arange(n_rows)
    if settings.test_fraction == 0:
        return rows, rows[:0]
    n_test = max(1, round(settings.test_fraction * n_rows))
    if n_test >= n_rows:
        raise ValueError(f"test_fraction = {settings.test_fraction} leaves no row to train on; lower it.")
    if classes is not None:
        counts = np.unique(classes, return_counts=True)[1]
        if counts.min() < 2 or n_test < len(counts) or n_rows - n_test < len(counts):
            classes = None
    train, test = train_test_split(rows, test_size=n_test, stratify=classes, random_state=settings.seed)
    return np.sort(train), np.sort(test)


def _fold_scaling(model: HamiltonianEstimator, mean: Any, scale: Any) -> None:
    """Let a model of scaled features take unscaled ones: ``B - sum_f (x_f - m_f) / s_f X_f`` is linear in x_f too."""
    old = model.parameters_
    features = np.asarray(old.features) / scale[:, None]
    model.parameters_ = old._replace(features=features, bias=np.asarray(old.bias) + mean @ features)
