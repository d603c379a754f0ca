"""Frozen models as transformers: what they hand on, what they never change, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from hamiltonian_ml.estimators.features import FrozenFeatures
from tests.estimators.conftest import NEEDS_TORCH


@pytest.fixture
def table(rng):
    X = rng.normal(size=(40, 3))
    return X, np.where(X[:, 0] > 0, "right", "left")


@parametrize_with_checks([FrozenFeatures(), FrozenFeatures(np.tanh)])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda X, y: PCA(2).fit(X), "transform"),
        (lambda X, y: LogisticRegression().fit(X, y), "decision_function"),
    ],
    ids=["transformer", "classifier"],
)
def test_a_fitted_model_gives_what_its_first_method_gives(table, make, expected):
    model = make(*table)
    outputs = np.asarray(getattr(model, expected)(table[0])).reshape(40, -1)
    np.testing.assert_array_equal(FrozenFeatures(model, batch_size=40).fit_transform(table[0]), outputs)


def test_the_model_is_not_changed_by_fitting_and_survives_cloning(table):
    model = PCA(2).fit(table[0])
    before = pickle.dumps(model)
    copied = clone(FrozenFeatures(model, batch_size=7))
    copied.fit(table[0][::2])
    assert copied.model is model
    assert copied.batch_size == 7
    assert pickle.dumps(model) == before


def test_a_pipeline_with_a_frozen_model_can_be_cross_validated(table):
    pipeline = make_pipeline(FrozenFeatures(PCA(3).fit(table[0])), LogisticRegression())
    assert cross_val_score(pipeline, *table, cv=3).mean() > 0.8  # the classes are separable; chance is .5


def test_batches_are_as_large_as_asked_and_in_order(table):
    sizes = []

    def noted(rows):
        sizes.append(len(rows))
        return rows[:, 0]

    features = FrozenFeatures(noted, batch_size=15).fit(table[0])
    sizes.clear()
    np.testing.assert_array_equal(features.transform(table[0])[:, 0], table[0][:, 0])
    assert sizes == [15, 15, 10]


def test_names_and_pandas_output(table):
    features = FrozenFeatures(PCA(2).fit(table[0])).set_output(transform="pandas")
    assert list(features.fit_transform(table[0]).columns) == ["frozen0", "frozen1"]


def test_a_torch_module_runs_without_dropout_and_keeps_its_mode_and_weights(table):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5))
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    features = FrozenFeatures(module).fit(table[0])
    first, second = features.transform(table[0]), features.transform(table[0])
    np.testing.assert_array_equal(first, second)
    expected = table[0] @ module[0].weight.detach().numpy().T + module[0].bias.detach().numpy()
    np.testing.assert_allclose(first, expected, atol=1e-5)  # the module works in 32 bits
    assert module.training
    assert module[1].training
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (7, "model must be a callable, a torch module or a model with one of transform, .*, got 7"),
        (PCA, "model must be a callable, .*, got <class"),
        (lambda rows: rows[:0], r"one row of features for each of 1 rows, got shape \(0, 3\)"),
        (lambda rows: rows[:, :0], r"one row of features for each of 1 rows, got shape \(1, 0\)"),
        (lambda rows: ["a"] * len(rows), "model must return numbers, got list"),
        (lambda rows: rows * np.inf, "model must return finite numbers"),
    ],
)
def test_a_model_that_gives_no_features_is_refused(table, model, message):
    with pytest.raises(ValueError, match=message):
        FrozenFeatures(model).fit(table[0])
