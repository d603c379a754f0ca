"""Derivatives of the outputs by the features."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor

X = np.random.default_rng(3).normal(size=(6, 2))
STEP = 1e-4


def differences(outputs, rows):
    """Return central differences (n_rows, n_outputs, n_features) of outputs."""
    steps = STEP * np.eye(rows.shape[1])
    return np.stack([(outputs(rows + step) - outputs(rows - step)) / (2 * STEP) for step in steps], axis=-1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"embedding": "quadratic"},
        {"embedding": "fourier", "rank": 2},
        {"embedding": lambda rows: jnp.tanh(rows[:, :1] * rows[:, 1:])},
        {"selection": "classical", "max_dimension": 5, "frame": "computational"},
    ],
    ids=["linear", "quadratic", "waves mixed", "a function", "subspace"],
)
def test_derivatives_of_logits_are_central_differences(options):
    model = HamiltonianClassifier(3, max_iter=3, learning_rate=0.1, random_state=0, **options)
    model.fit(X, ["a", "b", "c", "a", "b", "c"])
    expected = differences(model._outputs, X)
    expected -= expected.mean(axis=1, keepdims=True)
    # Differences of outputs that repeat to 1e-9, over steps of 1e-4.
    np.testing.assert_allclose(model.sensitivities(X).values, expected, atol=2e-5 * np.abs(expected).max())


def test_derivatives_of_a_regressor_are_in_the_units_of_its_targets():
    targets = 1e6 * np.column_stack([X[:, 0], X.sum(axis=1)])
    model = HamiltonianRegressor(2, max_iter=5, learning_rate=0.1, random_state=0).fit(X, targets)
    expected = differences(model.predict, X)
    np.testing.assert_allclose(model.sensitivities(X).values, expected, atol=2e-5 * np.abs(expected).max())  # as above


def test_rows_in_chunks_give_the_same(monkeypatch):
    model = HamiltonianClassifier(2, max_iter=3, random_state=0).fit(X, [0, 1, 0, 1, 0, 1])
    whole = model.sensitivities(X).values
    monkeypatch.setattr("hamiltonian_ml.estimators.base._CHUNK_AMPLITUDES", 8)  # two rows of four states
    np.testing.assert_allclose(model.sensitivities(X).values, whole, atol=1e-9)  # the solver's residual


def test_features_and_classes_are_named():
    import pandas as pd

    model = HamiltonianClassifier(2, max_iter=2, random_state=0)
    table = pd.DataFrame(X, columns=["left", "right"])
    found = model.fit(table, list("ababab")).sensitivities(table)
    assert found["feature"].values.tolist() == ["left", "right"]
    assert found["output"].values.tolist() == ["a", "b"]
    assert found.attrs["units"] == "nat / unit of the feature"
