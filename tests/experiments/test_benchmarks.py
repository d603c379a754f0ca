"""The benchmarks beside classical models and neighbours, at tiny sizes; no score and no timing is asserted."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression

from experiments.benchmarks import defaults, peers, run
from experiments.benchmarks.candidates import CANDIDATES, OURS
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier


def test_a_trait_is_yes_no_or_not_known_in_time(monkeypatch):
    def raises(model):
        raise RuntimeError

    def goes_on(model):
        while True:
            time.process_time()

    monkeypatch.setattr(peers, "TRAIT_SECONDS", 1)
    answers = [
        peers.judged(trait, LogisticRegression) for trait in (lambda model: True, lambda model: False, raises, goes_on)
    ]
    assert answers == ["yes", "no", "no", "?"]


@pytest.mark.usefixtures("worker_processes")
@pytest.mark.parametrize("name", peers.TRAITS)
def test_a_model_of_scikit_learn_has_each_trait(name):
    assert peers.judged(peers.TRAITS[name], LogisticRegression) == "yes"


class Careless:
    """A model that keeps to none of scikit-learn's rules."""

    def fit(self, X, y):
        assert set(y) == {-1, 1}

    def predict(self, X):
        return np.ones(len(X))


@pytest.mark.usefixtures("worker_processes")
def test_a_careless_model_can_be_pickled_and_no_more():
    answers = {name: peers.judged(trait, Careless) for name, trait in peers.TRAITS.items()}
    assert [name for name, answer in answers.items() if answer == "yes"] == ["pickle"]
    assert peers.checks(Careless()).startswith("raises")


def test_a_model_whose_fit_returns_nothing_is_scored_all_the_same():
    class Silent(LogisticRegression):
        def fit(self, X, y):
            super().fit(X, y)

    assert float(peers.accuracy(Silent).split()[0]) > 0.7
    answers = {name: peers.judged(peers.TRAITS[name], Silent) for name in ("text", "3 cl.", "proba", "width")}
    assert set(answers.values()) == {"yes"}


def test_checks_are_counted():
    passed, failed, _ = (int(part) for part in peers.checks(LinearRegression()).split(" / "))
    assert passed > 40
    assert failed == 0


def test_a_row_says_what_it_was_found_with():
    assert peers.versions("pytest") == f"pytest {pytest.__version__}, scikit-learn {sklearn.__version__}"
    assert peers.versions("of no distribution") == f"scikit-learn {sklearn.__version__}"


def test_every_row_of_the_table_is_kept(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["peers"])
    monkeypatch.setattr(peers, "find_spec", lambda package: None)  # nothing is judged anew
    peers.main()
    _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(CANDIDATES)
    for name, row in zip(CANDIDATES, rows, strict=True):
        assert row.startswith(name)
        assert "scikit-learn" in row
        assert " / 0 / 0 " in row or not name.startswith("Hamiltonian")


def test_every_estimator_of_ours_is_there_with_each_setting():
    ours = [name for name, candidate in CANDIDATES.items() if candidate.package == "hamiltonian_ml"]
    assert len(ours) == 3 * len(OURS)
    assert CANDIDATES["HamiltonianRegressor(krylov)"].make().selection == "krylov"


def test_costs_are_those_of_fits_and_a_prediction():
    costs = defaults.costs_of(HamiltonianClassifier(2, max_iter=2, random_state=0), turns=1, n_predicted=10)
    assert list(costs) == ["first fit", "fit", "prediction of 10 rows"]
    assert all(cost.wall > 0 for cost in costs.values())


def test_the_search_for_diabetes_has_a_place_for_each_of_its_settings():
    ours, _ = run.models("diabetes", seed=0)
    assert set(ours.param_grid) <= set(ours.estimator.get_params())
    np.testing.assert_array_equal(run._scaled(np.ones((1, 2)), factor=0.25), [[0.25, 0.25]])
