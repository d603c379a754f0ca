"""Small tables to try a model on, by name: bundled with scikit-learn or drawn by it, so nothing is downloaded.

In: a name and a seed. Out: a `Table`, and its `Split` into rows to train on and rows to test on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True, eq=False)
class Table:
    """Rows with labels.

    Attributes
    ----------
    name : str
        Name of the data set.
    features : (n_rows, n_features) float
    labels : (n_rows,) str
        Name of the class of each row.
    feature_names : tuple of str
    """

    name: str
    features: NDArray[np.float64]
    labels: NDArray[np.str_]
    feature_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Split:
    """A table's rows in two parts, with features scaled to mean 0 and standard deviation 1 over the training rows.

    Attributes
    ----------
    train, test : (n_train,), (n_test,) int
        Places of the rows in the table, ascending.
    train_features, test_features : (n_train, n_features), (n_test, n_features) float
    train_labels, test_labels : (n_train,), (n_test,) str
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    train_features: NDArray[np.float64]
    test_features: NDArray[np.float64]
    train_labels: NDArray[np.str_]
    test_labels: NDArray[np.str_]


def known_datasets() -> list[str]:
    """Return the names that `load_table` takes."""
    return list(_LOADERS)


def load_table(name: str, *, seed: int = 0) -> Table:
    """Return the data set of that name.

    Parameters
    ----------
    name : str
        One of `known_datasets`.
    seed : int
        Seed of the data sets that are drawn: "moons" and "circles".

    Raises
    ------
    ValueError
        If there is no data set of that name.

    Examples
    --------
    >>> load_table("iris").feature_names[0]
    'sepal length (cm)'
    """
    if name not in _LOADERS:
        raise ValueError(f"dataset must be one of {', '.join(_LOADERS)}; got {name!r}.")
    return _LOADERS[name](name, seed)


def split_table(table: Table, *, test_fraction: float, seed: int) -> Split:
    """Split a table at random, with the classes in equal shares on both sides, and scale its features.

    Raises
    ------
    ValueError
        If ``test_fraction`` is not between 0 and 1, or leaves a class without a row on either side.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be between 0 and 1, got {test_fraction!r}.")
    train, test = (
        np.sort(part)
        for part in train_test_split(
            np.arange(len(table.labels)), test_size=test_fraction, stratify=table.labels, random_state=seed
        )
    )
    scaler = StandardScaler().fit(table.features[train])
    train_features, test_features = (scaler.transform(table.features[part]) for part in (train, test))
    return Split(train, test, train_features, test_features, table.labels[train], table.labels[test])


def _bundled(load: Callable[[], Any]) -> Callable[[str, int], Table]:
    def table(name: str, seed: int) -> Table:
        bunch = load()
        labels = np.array([str(label) for label in bunch.target_names])[bunch.target]
        return Table(name, np.asarray(bunch.data, dtype=np.float64), labels, tuple(map(str, bunch.feature_names)))

    return table


def _drawn(make: Callable[..., Any], classes: tuple[str, str], **options: Any) -> Callable[[str, int], Table]:
    def table(name: str, seed: int) -> Table:
        features, target = make(random_state=seed, **options)
        return Table(name, features, np.array(classes)[target], ("x", "y"))

    return table


# The one table of names.
_LOADERS: dict[str, Callable[[str, int], Table]] = {
    "breast_cancer": _bundled(datasets.load_breast_cancer),
    "wine": _bundled(datasets.load_wine),
    "iris": _bundled(datasets.load_iris),
    "digits": _bundled(datasets.load_digits),
    "moons": _drawn(datasets.make_moons, ("upper", "lower"), n_samples=200, noise=0.15),
    "circles": _drawn(datasets.make_circles, ("outer", "inner"), n_samples=200, noise=0.1, factor=0.5),
}
