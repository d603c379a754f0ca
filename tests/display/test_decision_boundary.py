"""Decision boundaries are scikit-learn's own display, which takes these estimators as they are."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.inspection import DecisionBoundaryDisplay

from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from tests.display.conftest import X


@pytest.mark.parametrize("response", ["predict", "predict_proba", "decision_function"])
def test_the_boundary_is_that_of_the_answers(fitted, response):
    display = DecisionBoundaryDisplay.from_estimator(fitted, X, response_method=response, grid_resolution=5)
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    answers = {
        "predict": lambda: np.searchsorted(fitted.classes_, fitted.predict(grid)),
        "predict_proba": lambda: fitted.predict_proba(grid)[:, 1],
        "decision_function": lambda: fitted.decision_function(grid),
    }[response]()
    np.testing.assert_allclose(display.response.ravel(), answers, atol=1e-6)  # batches round differently


def test_the_surface_of_a_regressor_is_drawn_too():
    model = HamiltonianRegressor(2, max_iter=2, random_state=0).fit(X, X[:, 0])
    display = DecisionBoundaryDisplay.from_estimator(model, X, grid_resolution=5)
    assert display.response.shape == (5, 5)


def test_the_colours_of_the_readme_can_be_told_apart_in_grey():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (name,) = re.findall(r'DecisionBoundaryDisplay.*cmap="(\w+)"', readme)
    lightness = mpl.colormaps[name](np.linspace(0, 1, 65))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()
