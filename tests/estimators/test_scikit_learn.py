"""All estimators through all of scikit-learn's own checks: none is expected to fail."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer

ESTIMATORS = (HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer)


@parametrize_with_checks([make() for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.slow  # together; each check takes seconds at the most
@parametrize_with_checks([make(selection="krylov") for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_when_states_are_sampled(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([make(selection="krylov", frame="computational") for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_without_local_frames(estimator, check):
    check(estimator)
