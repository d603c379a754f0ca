"""Heads on disk: their own part comes back, and their base only from the user's hands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from hamiltonian_ml.estimators import persistence
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.features import FrozenFeatures
from hamiltonian_ml.estimators.head import HamiltonianHeadClassifier
from hamiltonian_ml.learning.archive import read_archive, write_archive

X, _Y = make_moons(40, noise=0.1, random_state=0)
X = 100.0 + 7.0 * X  # not of unit scale: the head's scaling must come back too
Y = np.array(["left", "right"])[_Y]
FIT = {"n_qubits": 2, "max_iter": 5, "learning_rate": 0.1, "random_state": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "head.nc"


@pytest.fixture(scope="module")
def base():
    return LogisticRegression().fit(X, Y)


def assert_same(again, head, rows=X):
    np.testing.assert_array_equal(again.predict_proba(rows), head.predict_proba(rows))
    np.testing.assert_array_equal(again.classes_, head.classes_)
    assert again.compare(rows, Y).identical(head.compare(rows, Y))


@pytest.mark.parametrize("rows", [X, pd.DataFrame(X, columns=["a", "b"])], ids=["array", "frame"])
@pytest.mark.parametrize("mode", ["residual", "replace"])
def test_a_head_on_the_default_base_comes_back_whole(path, rows, mode):
    head = HamiltonianHeadClassifier(mode=mode, **FIT).fit(rows, Y)
    head.save(path)
    again = HamiltonianHeadClassifier.load(path)
    assert_same(again, head, rows)
    np.testing.assert_array_equal(clone(again).fit(rows, Y).predict(rows), head.predict(rows))


def test_a_head_comes_back_with_its_users_base(path, base):
    head = HamiltonianHeadClassifier(base, **FIT).fit(X, Y)
    head.save(path)
    again = HamiltonianHeadClassifier.load(path, base=base)
    assert again.base_ is base
    assert_same(again, head)


def test_a_base_whose_classes_are_not_sorted_is_taken_back(path):
    base = LogisticRegression().fit(X, Y)
    base.classes_, base.coef_, base.intercept_ = base.classes_[::-1], -base.coef_, -base.intercept_
    head = HamiltonianHeadClassifier(base, **FIT).fit(X, Y)
    head.save(path)
    assert_same(HamiltonianHeadClassifier.load(path, base=base), head)


def test_a_base_in_the_form_of_a_function_is_taken_back(path, base):
    head = HamiltonianHeadClassifier(base.predict_log_proba, **FIT).fit(X, Y)
    head.save(path)
    assert_same(HamiltonianHeadClassifier.load(path, base=base.predict_log_proba), head)


def test_features_of_the_users_own_are_taken_back(path, base):
    features = PCA(1).fit(X)
    head = HamiltonianHeadClassifier(base, features=features, **FIT).fit(X, Y)
    head.save(path)
    assert head.n_head_features_ == 1
    assert_same(HamiltonianHeadClassifier.load(path, base=base, features=features), head)
    with pytest.raises(ValueError, match=r"a model whose features is an object of your own \(PCA\)"):
        HamiltonianHeadClassifier.load(path, base=base)
    with pytest.raises(ValueError, match="features must be fitted, as it was when the head was, got PCA"):
        HamiltonianHeadClassifier.load(path, base=base, features=PCA(1))


def test_a_base_that_files_can_hold_comes_back_too(path):
    base = HamiltonianClassifier(2, max_iter=2, random_state=0).fit(X, Y)
    head = HamiltonianHeadClassifier(base, features=FrozenFeatures().fit(X), **FIT).fit(X, Y)
    head.save(path)
    assert_same(HamiltonianHeadClassifier.load(path, features=FrozenFeatures().fit(X)), head)


def test_a_file_without_its_base_is_refused(path, base):
    HamiltonianHeadClassifier(base, **FIT).fit(X, Y).save(path)
    with pytest.raises(ValueError, match=r"a model whose base is an object of your own \(LogisticRegression\).*base="):
        HamiltonianHeadClassifier.load(path)


def turned_about_the_mean():
    """Return a model that agrees with the base on the mean of the rows, and nowhere near it."""
    other = LogisticRegression().fit(X, Y)
    logit = other.coef_ @ X.mean(axis=0) + other.intercept_
    other.coef_ = 2 * other.coef_
    other.intercept_ = logit - other.coef_ @ X.mean(axis=0)
    return other


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (LogisticRegression(C=0.1).fit(X, Y), "its logits differ by up to"),
        (turned_about_the_mean(), "its logits differ by up to"),
        (LogisticRegression().fit(np.hstack([X, X]), Y), "its logits differ by up to inf"),
        (LogisticRegression().fit(X, _Y), r"must know the classes \['left', 'right'\], got one of \[0, 1\]"),
        (LogisticRegression(), "base must be fitted"),
        (lambda rows: np.zeros((len(rows), 3)), "its logits differ by up to inf"),
        ("base.pkl", "base must be a fitted classifier or a callable that returns logits, got 'base.pkl'"),
    ],
    ids=["other settings", "other slope", "other width", "other classes", "not fitted", "other outputs", "no model"],
)
def test_another_base_is_refused(path, base, other, message):
    HamiltonianHeadClassifier(base, **FIT).fit(X, Y).save(path)
    with pytest.raises(ValueError, match=message):
        HamiltonianHeadClassifier.load(path, base=other)


def test_a_base_that_knows_its_training_rows_only_can_be_taken_back(path, base):
    logits = {row.tobytes(): base.predict_log_proba(row[None])[0] for row in X}

    def look_up(rows):
        return np.stack([logits[row.tobytes()] for row in np.asarray(rows)])

    head = HamiltonianHeadClassifier(look_up, **FIT).fit(X, Y)
    head.save(path)
    assert_same(HamiltonianHeadClassifier.load(path, base=look_up), head)


def test_no_row_that_was_trained_on_is_in_the_file(path):
    tree = DecisionTreeClassifier(random_state=0).fit(X, Y)
    HamiltonianHeadClassifier(tree, **FIT).fit(X, Y).save(path)
    arrays, _ = read_archive(path, kind=persistence.KIND, version=persistence.VERSION)
    values = np.concatenate([np.asarray(array, dtype=np.complex128).real.ravel() for array in arrays.values()])
    assert not np.isin(X, values).any()


def test_a_file_whose_default_base_is_damaged_is_refused_in_one_line(path):
    HamiltonianHeadClassifier(**FIT).fit(X, Y).save(path)
    arrays, description = read_archive(path, kind=persistence.KIND, version=persistence.VERSION)
    description["state"]["default_base_"] = {"tuple": [1.0]}
    write_archive(path, arrays, description, kind=persistence.KIND, version=persistence.VERSION)
    with pytest.raises(ValueError, match="is not a model file of hamiltonian_ml, or it is damaged"):
        HamiltonianHeadClassifier.load(path)


@pytest.mark.parametrize(("factor", "taken"), [(1 + 3e-6, True), (1.5, False), (np.nan, False)])
def test_a_base_may_be_rounded_otherwise_but_not_be_another(path, base, factor, taken):
    head = HamiltonianHeadClassifier(base.decision_function, **FIT).fit(X, Y)
    head.save(path)

    def other(rows):
        return base.decision_function(rows) * factor

    if taken:
        again = HamiltonianHeadClassifier.load(path, base=other)
        # What a base may be off by.
        np.testing.assert_allclose(again.predict_proba(X), head.predict_proba(X), rtol=1e-3)
    else:
        with pytest.raises(ValueError, match="base must be the model that the head was fitted on"):
            HamiltonianHeadClassifier.load(path, base=other)
