"""The transformer as its users meet it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_circles
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from hamiltonian_ml.estimators.transformer import HamiltonianTransformer

FIT = {"learning_rate": 0.1, "max_iter": 40, "random_state": 0}


@pytest.fixture(scope="module")
def circles():
    return make_circles(80, noise=0.05, factor=0.5, random_state=0)


def test_a_linear_model_separates_circles_after_it(circles):
    X, y = circles
    assert LogisticRegression().fit(X, y).score(X, y) < 0.7
    model = make_pipeline(HamiltonianTransformer(2, **FIT), LogisticRegression()).fit(X, y)
    assert model.score(X, y) > 0.95


def test_without_a_target_the_rows_themselves_are_learned(circles):
    X, _ = circles
    untrained = HamiltonianTransformer(2, max_iter=1, learning_rate=1e-9, random_state=0).fit(X).transform(X)
    learned = HamiltonianTransformer(2, **FIT).fit(X).transform(X)
    # Start values turn the states little, so little of the rows can be seen in them at single precision.
    assert np.ptp(learned, axis=0).max() > 5 * np.ptp(untrained, axis=0).max()
    assert LinearRegression().fit(learned, X).score(learned, X) > 0.99


def test_real_targets_are_regressed(circles):
    X, _ = circles
    target = X[:, 0] * X[:, 1]
    model = HamiltonianTransformer(3, **FIT).fit(X, target)
    assert model.history_.loss.attrs["units"] == "variance of the targets"
    assert LinearRegression().fit(model.transform(X), target).score(model.transform(X), target) > 0.9


def test_whole_numbers_are_regressed_where_asked(circles):
    X, y = circles
    assert HamiltonianTransformer(2, max_iter=1).fit(X, y).history_.loss.attrs["units"] == "nat"
    regressed = HamiltonianTransformer(2, max_iter=1, task="regression").fit(X, y)
    assert regressed.history_.loss.attrs["units"] == "variance of the targets"


def test_columns_are_the_expectation_values_that_their_names_say(circles):
    X, y = circles
    model = HamiltonianTransformer(2, strings=["Z1", "X0 Y1"], **FIT).fit(X, y).set_output(transform="pandas")
    found = model.transform(X)
    assert isinstance(found, pd.DataFrame)
    assert found.columns.tolist() == ["<Z1>", "<X0 Y1>"]
    whole = model.set_params(strings="all").transform(X)
    assert whole.shape == (80, 15)
    pd.testing.assert_frame_equal(whole[["<Z1>", "<X0 Y1>"]], found)
    assert model.set_params(strings="single").transform(X).shape == (80, 6)
    rows = X[:3]
    coefficients = model.parameters_.bias - rows @ model.parameters_.features
    for row, values in zip(coefficients, whole.to_numpy(), strict=False):
        vectors = np.linalg.eigh(model.basis_.to_operator(row).to_matrix())[1]
        state = vectors[:, 0]
        dense = [(state.conj() @ model.basis_.to_operator(one).to_matrix() @ state).real for one in np.eye(15)]
        np.testing.assert_allclose(values, dense, atol=1e-7)  # residual 1e-9 over the gap


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strings": ["Q7"]}, "strings must be 'all', 'single' or a list of names .* got 'Q7'"),
        ({"strings": ["Z0 Z5"]}, "qubits and edges that the model has; got 'Z0 Z5'"),
        ({"strings": []}, r"strings must be .* got \[\]"),
        ({"strings": "some"}, "strings must be one of 'all', 'single', got 'some'"),
        ({"task": "ranking"}, "task must be one of 'auto', 'classification', 'regression', got 'ranking'"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(circles, options, message):
    with pytest.raises(ValueError, match=message):
        HamiltonianTransformer(**options).fit(*circles)
