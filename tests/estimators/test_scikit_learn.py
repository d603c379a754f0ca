"""All estimators through all of scikit-learn's own checks: none is expected to fail, and none is skipped."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.head import HamiltonianHeadClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer

ESTIMATORS = (HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer, HamiltonianHeadClassifier)
# scikit-learn's check of other array libraries needs a variable that SciPy reads once, when it is imported.
ARRAY_CHECKS = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.estimators.test_scikit_learn import ESTIMATORS
for make in ESTIMATORS:
    for estimator, check in estimator_checks_generator(make()):
        if "array_api" in check.func.__name__:
            check(estimator)
            print(make.__name__)
"""


@parametrize_with_checks([make() for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.slow  # together; each check takes seconds at the most
@parametrize_with_checks([make(frame="computational") for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_without_local_frames(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([make(selection="krylov") for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_when_states_are_sampled(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([make(selection="krylov", frame="computational") for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_when_states_are_sampled_without_local_frames(estimator, check):
    check(estimator)


@pytest.mark.slow  # a process of its own
def test_scikit_learn_finds_nothing_wrong_where_arrays_are_dispatched():
    run = subprocess.run(
        [sys.executable, "-c", ARRAY_CHECKS], capture_output=True, text=True, env={**os.environ, "SCIPY_ARRAY_API": "1"}
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [make.__name__ for make in ESTIMATORS]
