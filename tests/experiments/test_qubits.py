"""The verdicts of figure (e): which decisions count, and which states are compared at equal size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from experiments import studies
from experiments.judging import judge
from experiments.parts import rows_of
from experiments.qubits import figure
from experiments.qubits.run import model, tasks


def changed(**values: float) -> xr.DataTree:
    """Return the results in the repository with some numbers of two moons at the largest size set by hand."""
    found = studies.results("qubits")["training"].to_dataset().reindex(states=list(figure._STATES)).copy(deep=True)
    here = {"dataset": "moons", "states": "sampled", "n_qubits": int(found.n_qubits.max())}
    for name, value in values.items():
        found[name].loc[here] = value
    return xr.DataTree.from_dict({"training": found})


def verdict(claim: int, results: xr.DataTree):
    return next(each for each in figure.verdicts(results) if each.claim == claim)


GOOD = {"test_accuracy": 0.96, "energy_error": 1e-4, "judged_rows": 50.0, "doubtful": 0.1}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"agreement": 0.98, "settled_agreement": 1.0}, "held"),
        ({"agreement": 1.0, "settled_agreement": 0.98}, "failed"),
        ({"agreement": 0.98, "settled_agreement": np.nan}, "failed"),  # then those of the shared subspace count
        ({"agreement": 1.0, "settled_agreement": 1.0, "energy_error": 3e-3}, "failed"),
    ],
)
def test_the_largest_models_are_judged_by_the_classifiers_own_decisions(values, said):
    found = verdict(3, changed(**{**GOOD, **values}))
    assert found.verdict == said
    if values["agreement"] == 0.98 and said == "held":
        assert "245 of 250 decisions the referee's in the shared subspace, 250 of 250 where" in found.number


def test_samples_are_compared_at_equal_size():
    found = studies.results("qubits")
    number = verdict(14, found).number
    moons = found["training"].to_dataset().sel(dataset="moons", n_qubits=50, states="equal")
    assert float(moons.dimension.max()) <= 200
    assert f"sampled {figure.estimate(moons.test_accuracy)}" in number


@pytest.mark.parametrize(
    ("dataset", "states"), [("moons", "sampled"), ("moons", "noisy"), ("breast_cancer", "sampled")]
)
def test_the_shots_of_a_model_are_those_of_its_preview(dataset, states):
    task = next(t for t in tasks("full") if (t.dataset, t.states, t.n_qubits, t.seed) == (dataset, states, 50, 0))
    rows = rows_of(dataset, 0, test_fraction=task.test_fraction)
    read = figure._table(studies.results("qubits")).sel(dataset=dataset, states=states, n_qubits=50, seed=0)
    assert float(read.shots_spent) == model(task).preview(rows.train_features).executions


def test_results_that_count_the_last_round_are_read_as_they_are():
    found = changed(shots_spent=1000.0)
    assert float(figure._table(found).shots_spent.sel(dataset="moons", states="sampled", n_qubits=50, seed=0)) == 1125
    found["training"].attrs["setting_revision"] = 4
    assert float(figure._table(found).shots_spent.sel(dataset="moons", states="sampled", n_qubits=50, seed=0)) == 1000


def test_a_model_is_judged_with_and_without_rows_that_are_solved_again():
    task = replace(tasks("tiny")[0], n_qubits=5, max_dimension=8, max_iter=8, learning_rate=0.1)
    rows = rows_of("moons", 0)
    fitted = model(task).fit(rows.train_features, rows.train_labels)
    assert fitted.decision_rounds == 0
    found = judge(fitted, rows.test_features, rows.test_labels, max_bond=8, settled=True)
    assert found.settled_agreement >= found.agreement
    assert 0 < found.doubtful < 1
    assert found.settled_dimension > 8
    assert fitted.decision_rounds == 0  # judging changes nothing
    assert "doubtful" not in judge(fitted, rows.test_features[:2], rows.test_labels[:2], max_bond=8)
