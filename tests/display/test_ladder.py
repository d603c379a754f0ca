"""The noise ladder as a figure."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.display.ladder import NoiseLadderDisplay
from hamiltonian_ml.study.ladder import noise_ladder
from tests.display.conftest import X, Y


@pytest.fixture
def drawn():
    rungs = {"score": [1.0, 0.9], "trusted": [1.0, 0.5], "captured_weight": [1.0, 0.99], "dimension": [8, 8]}
    ladder = xr.Dataset({k: ("backend", v) for k, v in rungs.items()}, {"backend": ["ideal", "noisy"]})
    return NoiseLadderDisplay(ladder).plot()


def test_score_and_trust_are_drawn_above(drawn):
    assert [line.get_label() for line in drawn.ax_.get_lines()] == ["score", "rows trusted"]
    assert [line.get_ydata().tolist() for line in drawn.ax_.get_lines()] == [[1.0, 0.9], [1.0, 0.5]]


def test_the_weight_missed_is_drawn_below_and_never_zero(drawn):
    (line,) = drawn.missed_ax_.get_lines()
    np.testing.assert_allclose(line.get_ydata(), [1e-12, 0.01])
    assert drawn.missed_ax_.get_yscale() == "log"


def test_backends_are_named_in_the_order_given(drawn):
    assert [text.get_text() for text in drawn.missed_ax_.get_xticklabels()] == ["ideal", "noisy"]


def test_the_ladder_is_that_of_the_study(fitted):
    display = NoiseLadderDisplay.from_estimator(fitted, X, Y, backends=["statevector"], seed=3)
    xr.testing.assert_identical(display.ladder, noise_ladder(fitted, X, Y, backends=["statevector"], seed=3))


def test_a_score_below_zero_is_inside_the_axes(drawn):
    other = NoiseLadderDisplay(drawn.ladder.assign(score=("backend", [0.2, -0.7]))).plot()
    assert other.ax_.get_ylim()[0] < -0.7
