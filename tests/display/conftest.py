"""A small fitted classifier to draw."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier

X = np.random.default_rng(5).normal(size=(12, 2))
Y = np.where(X[:, 0] > 0, "right", "left")


@pytest.fixture(scope="package")
def fitted() -> HamiltonianClassifier:
    return HamiltonianClassifier(
        3, selection="krylov", shots=300, max_iter=4, refresh_every=2, max_dimension=4, random_state=0
    ).fit(X, Y)
