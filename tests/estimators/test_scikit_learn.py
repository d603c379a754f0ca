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
BRIEF = {"max_iter": 10}  # enough for what the checks ask of a fit; the slow test takes the default
SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"frame": "computational"},
    {"selection": "krylov"},
    {"selection": "krylov", "frame": "computational"},
)
# scikit-learn's check of other array libraries needs a variable that SciPy reads once, when it is imported; without it
# the check skips itself.
ARRAY_CHECKS = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.estimators.test_scikit_learn import ESTIMATORS, SETTINGS
for make in ESTIMATORS:
    for settings in SETTINGS:
        for estimator, check in estimator_checks_generator(make(**settings)):
            if "array_api" in check.func.__name__:
                check(estimator)
                print(make.__name__)
"""


@parametrize_with_checks([make(**BRIEF) for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong_with_brief_fits(estimator, check):
    check(estimator)


@pytest.mark.slow  # together; a check takes seconds, half a minute at the most
@parametrize_with_checks([make(**settings) for settings in SETTINGS for make in ESTIMATORS])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.slow  # a process of its own
def test_scikit_learn_finds_nothing_wrong_where_arrays_are_dispatched():
    run = subprocess.run(
        [sys.executable, "-c", ARRAY_CHECKS], capture_output=True, text=True, env={**os.environ, "SCIPY_ARRAY_API": "1"}
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [make.__name__ for make in ESTIMATORS for _ in SETTINGS]
