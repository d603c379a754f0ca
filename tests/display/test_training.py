"""The training curve."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import make_moons

from hamiltonian_ml import HamiltonianClassifier, HamiltonianRegressor
from hamiltonian_ml.display.training import TrainingDisplay


def curve(axes):
    return next(line for line in axes.get_lines() if line.get_marker() == ".")


def test_the_curves_are_the_estimators_history(fitted):
    display = TrainingDisplay.from_estimator(fitted)
    np.testing.assert_array_equal(curve(display.ax_).get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(curve(display.ax_).get_ydata(), fitted.loss_curve_)
    np.testing.assert_array_equal(curve(display.gap_ax_).get_ydata(), fitted.history_["smallest_gap"])


def test_a_line_marks_each_choice_of_basis_states(fitted):
    display = TrainingDisplay.from_estimator(fitted)
    marks = [line.get_xdata()[0] for line in display.ax_.get_lines() if line is not curve(display.ax_)]
    assert marks == [1, 3]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["new basis states"]


def test_the_loss_of_rows_held_out_is_drawn_within_the_axes():
    X, y = make_moons(30, noise=0.4, random_state=0)
    fit = {"early_stopping": True, "validation_fraction": 0.3, "learning_rate": 0.2, "random_state": 1}
    model = HamiltonianClassifier(2, max_iter=40, **fit).fit(X, y)
    display = TrainingDisplay.from_estimator(model)
    held = next(line for line in display.ax_.get_lines() if line.get_label() == "rows held out")
    np.testing.assert_array_equal(held.get_ydata(), model.history_["validation_loss"])
    assert max(model.loss_curve_) < held.get_ydata().max() < display.ax_.get_ylim()[1]
    assert curve(display.ax_).get_label() == "rows trained on"


def test_the_axes_have_units(fitted):
    display = TrainingDisplay.from_estimator(fitted)
    assert display.ax_.get_ylabel() == "loss (nat)"
    assert display.gap_ax_.get_ylabel() == "smallest gap\n(field at\nstart = 1)"
    assert display.gap_ax_.get_xlabel() == "epoch"


def test_the_loss_of_a_regressor_is_half_the_squared_error():
    X = np.random.default_rng(0).normal(size=(20, 1))
    display = TrainingDisplay.from_estimator(HamiltonianRegressor(1, max_iter=2, random_state=0).fit(X, X[:, 0] + 5))
    assert display.ax_.get_ylabel() == "half the squared error\n(variance of the targets)"
    assert curve(display.ax_).get_ydata()[0] == pytest.approx(0.5, abs=0.05)  # that of the mean, less a small start


def test_epochs_are_counted_as_the_estimator_counts_them(fitted):
    assert curve(TrainingDisplay.from_estimator(fitted).ax_).get_xdata()[-1] == fitted.n_iter_


def test_it_is_drawn_on_the_axes_that_are_given(fitted):
    figure, (left, right) = plt.subplots(1, 2)
    display = TrainingDisplay.from_estimator(fitted, ax=right)
    assert display.bounding_ax_ is right
    assert display.figure_ is figure
    assert not left.get_lines()
    assert not left.child_axes
