"""The regressor as its users meet it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hamiltonian_ml.estimators.regressor import HamiltonianRegressor


@pytest.fixture(scope="module")
def waves():
    X = np.random.default_rng(0).normal(size=(60, 2))
    return X, np.sin(X[:, 0]) * X[:, 1]


def test_a_nonlinear_function_is_learned(waves):
    X, y = waves
    model = HamiltonianRegressor(3, learning_rate=0.1, max_iter=60, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    assert model.predict(X).shape == y.shape
    assert model.history_.loss.attrs["units"] == "variance of the targets"


@pytest.mark.parametrize("unit", [1e-200, 1e-3, 1e6, 1e200])
def test_the_unit_of_the_target_does_not_matter(waves, unit):
    X, y = waves
    fit = {"max_iter": 5, "random_state": 0}
    plain = HamiltonianRegressor(2, **fit).fit(X, y).predict(X)
    scaled = HamiltonianRegressor(2, **fit).fit(X, y * unit).predict(X)
    np.testing.assert_allclose(scaled / unit, plain, rtol=1e-6, atol=1e-8)  # rounding of the targets, solved again


def test_several_targets_are_learned_at_once(waves):
    X, y = waves
    both = np.stack([y, 100 + 7 * X[:, 0]], axis=1)
    model = HamiltonianRegressor(3, learning_rate=0.1, max_iter=60, random_state=0).fit(X, both)
    assert model.predict(X).shape == (60, 2)
    assert model.score(X, both) > 0.9
    assert len(model.label_operators_) == 2
    assert HamiltonianRegressor(2, max_iter=1).fit(X, y[:, None]).predict(X).shape == (60, 1)


def test_a_constant_target_is_predicted_exactly(waves):
    X, _ = waves
    model = HamiltonianRegressor(2, max_iter=2, random_state=0).fit(X, np.full(len(X), 7.3))
    np.testing.assert_allclose(model.predict(X), 7.3, rtol=1e-14)  # round-off of the mean


def test_a_constant_target_takes_nothing_from_the_others(waves):
    """The mean of 1.7e18 rounds by some hundreds, which must not be left to learn."""
    X, y = waves
    fit = {"learning_rate": 0.1, "max_iter": 20, "random_state": 0}
    beside = [HamiltonianRegressor(2, **fit).fit(X, np.c_[np.full(60, c), y]).predict(X) for c in (0.0, 1.7e18)]
    np.testing.assert_array_equal(beside[0][:, 1], beside[1][:, 1])
    np.testing.assert_allclose(beside[1][:, 0], 1.7e18, rtol=1e-14)  # round-off


@pytest.mark.parametrize("unit", [1.0, 1e6])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_what_is_constant_in_the_first_pass_is_learned_in_later_ones(waves, offset, unit):
    X, y = waves
    values = unit * np.c_[y + offset, X[:, 0]]
    model = HamiltonianRegressor(3, learning_rate=0.1, random_state=0).partial_fit(X[:1], values[:1])
    np.testing.assert_allclose(model.predict(X), np.tile(values[0], (60, 1)))
    for _ in range(60):
        model.partial_fit(X, values)
    assert model.score(X, values) > 0.9


def test_a_regressor_learns_from_one_row_at_a_time(waves):
    X, y = waves
    model = HamiltonianRegressor(3, learning_rate=0.1, random_state=0)
    for row in 4 * list(range(60)):
        model.partial_fit(X[row : row + 1], y[row : row + 1])
    assert model.score(X, y) > 0.5  # 0.74; a constant prediction scores 0


def test_a_warm_start_learns_what_was_constant_before(waves):
    X, y = waves
    model = HamiltonianRegressor(3, learning_rate=0.1, max_iter=60, warm_start=True, random_state=0)
    assert model.fit(X, np.full(60, 2.0)).fit(X, y).score(X, y) > 0.4  # 0.65; a constant prediction scores 0


@pytest.mark.parametrize("weight", [1e308, 1e299, 1e-302, 1e-320])
def test_weights_whose_sum_cannot_be_divided_by_are_refused(waves, weight):
    model = HamiltonianRegressor(2, max_iter=1)
    for ask in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"sample_weight must have a sum from 1e-300 to 1e\+300, got .*; divide"):
            ask(*waves, sample_weight=np.full(60, weight))


def test_gradients_agree_with_central_differences(waves):
    X, y = waves
    model = HamiltonianRegressor(3, selection="krylov", max_dimension=5, max_iter=3, random_state=0).fit(X, y)
    assert model.check_gradients(X[:10], y[:10]) < 1e-6  # differences are good to about 1e-8


def test_wrong_targets_are_named(waves):
    X, y = waves
    model = HamiltonianRegressor(2, max_iter=1)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        model.fit(X, np.where(y > 1, np.nan, y))
    with pytest.raises(ValueError, match="y must be dense"):
        model.fit(X, csr_array(y[:, None]))
    with pytest.raises(ValueError, match=r"could not convert string to float|y must hold numbers"):
        model.fit(X, np.full(len(y), "high"))
    model.fit(X, y)
    with pytest.raises(ValueError, match="y must have 1 targets a row, as in fit, got 2"):
        model.check_gradients(X, np.stack([y, y], axis=1))
