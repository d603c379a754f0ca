"""Sensitivities to features as bars."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.display.sensitivities import SensitivityDisplay
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from tests.display.conftest import X

DERIVATIVES = np.zeros((2, 1, 3))
DERIVATIVES[:, 0, 0] = 3.0, -4.0
DERIVATIVES[:, 0, 2] = 8.0, 8.0


@pytest.fixture
def drawn():
    names = ["width", "nothing", "height"]
    found = xr.DataArray(DERIVATIVES, {"feature": names}, ("row", "output", "feature"), attrs={"units": "nat / cm"})
    return SensitivityDisplay(found).plot()


def test_bars_are_root_mean_squares_in_descending_order(drawn):
    lengths = [bar.get_width() for bar in drawn.ax_.patches]
    assert lengths == pytest.approx([8.0, np.sqrt(12.5), 0.0])
    assert [text.get_text() for text in drawn.ax_.get_yticklabels()] == ["height", "width", "nothing"]


def test_whiskers_span_the_rows(drawn):
    (whiskers,) = drawn.ax_.collections
    ends = [segment[:, 0].tolist() for segment in whiskers.get_segments()]
    assert ends == [[8.0, 8.0], pytest.approx([3.1, 3.9]), [0.0, 0.0]]  # 10 % and 90 % between sizes of 3 and 4


def test_the_axis_has_a_unit(drawn):
    assert drawn.ax_.get_xlabel() == "sensitivity (nat / cm)"
    assert drawn.ax_.get_ylabel() == "feature"


def test_the_legend_says_what_bars_and_whiskers_are(drawn):
    texts = {text.get_text() for text in drawn.ax_.get_legend().get_texts()}
    assert texts == {"root mean square of all rows", "middle 80 % of the rows"}


def test_targets_weigh_the_same_whatever_their_units():
    def bars(unit):
        model = HamiltonianRegressor(2, max_iter=3, random_state=0).fit(X, X * [1, unit])
        display = SensitivityDisplay.from_estimator(model, X)
        assert display.ax_.get_xlabel() == "sensitivity (standard deviation of the target / unit of the feature)"
        return [bar.get_width() for bar in display.ax_.patches]

    assert bars(1e6) == pytest.approx(bars(1), rel=1e-4)  # solvers' tolerance


def test_a_single_target_keeps_its_unit():
    model = HamiltonianRegressor(1, max_iter=2, random_state=0).fit(X, X[:, 0])
    assert SensitivityDisplay.from_estimator(model, X).ax_.get_xlabel().startswith("sensitivity (unit of the target /")


def test_only_as_many_features_as_asked_for_are_shown(fitted):
    display = SensitivityDisplay.from_estimator(fitted, X, most=1)
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["0"]  # the labels were made from it
