"""Accuracy in the full space on tables that scikit-learn bundles."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from experiments.accuracy.run import TASKS, all_rows, on_own_rows, on_prototype_rows, own_rows, prototype_rows


def named(*names):
    return pytest.mark.parametrize("task", [t for t in TASKS if t.dataset in names], ids=lambda t: t.dataset)


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.dataset)
def test_classical_models_tell_the_rows_of_the_prototype(task):
    rows = prototype_rows(task)
    for model, known in ((LogisticRegression(max_iter=5000), task.logistic), (SVC(), task.kernel)):
        found = model.fit(rows.train_features, rows.train_labels).score(rows.test_features, rows.test_labels)
        assert found == pytest.approx(known, abs=5e-4)  # it has three digits


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.dataset)
def test_with_all_rows_the_test_rows_stay_the_prototypes(task):
    rows, prototype = all_rows(task), prototype_rows(task)
    np.testing.assert_array_equal(rows.test, prototype.test)
    np.testing.assert_array_equal(rows.test_labels, prototype.test_labels)
    assert set(prototype.train) <= set(rows.train)
    assert not set(rows.train) & set(rows.test)


@named("moons", "circles")
def test_drawn_tables_are_tested_on_rows_of_their_own(task):
    first, second = own_rows(task, 0), own_rows(task, 1)
    assert len(first.test) == len(first.test_features) == len(first.test_labels) == 2000
    assert len(np.unique(np.concatenate([first.train_features, first.test_features]), axis=0)) == 2140
    assert not np.array_equal(first.test_labels, second.test_labels)


@pytest.mark.slow
@named("circles", "wine", "digits")
def test_three_splits_reach_the_prototype(task):
    """Two moons and breast cancer stay within about a standard error below it; the experiment prints all five."""
    assert np.mean(on_own_rows(task, 3), axis=0)[1] >= task.prototype - 5e-4


@pytest.mark.slow
@named("moons", "wine", "digits")
def test_twelve_starts_reach_the_prototype_on_its_rows(task):
    """Circles and breast cancer stay a third of a test row and two rows below it."""
    assert np.mean(on_prototype_rows(task, 12), axis=0)[1] >= task.prototype - 5e-4
