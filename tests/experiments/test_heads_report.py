"""The report on heads: its verdicts and its table, from results made by hand, and that all heads had the same bases."""

from __future__ import annotations

import pandas as pd
import pytest
import xarray as xr

from experiments import studies
from experiments.__main__ import main
from experiments.heads import figure


def results_of(accuracies, *, broken=0.0):
    """Results of heads (name, size) with their accuracies by world; bases are right half of the time."""
    rows = []
    for (head, size), by_seed in accuracies.items():
        for seed, accuracy in by_seed.items():
            numbers = {"accuracy": accuracy, "base_accuracy": 0.5, "n_questions": 100.0, "wrong_before": 50.0}
            numbers |= {"broken": broken, "fixed": 100 * accuracy - 50 + broken, "n_parameters": 7.0, "seconds": 1.0}
            numbers |= {"accuracy_plain": 0.5, "base_accuracy_plain": 0.5, "p_value": 0.1, "brier": 0.1}
            rows.append({"head": head, "size": size, "seed": seed, "calibration_error": 0.1, **numbers})
    table = pd.DataFrame(rows).set_index(["head", "size", "seed"]).to_xarray()
    return xr.DataTree.from_dict({"heads": table})


OURS, NETWORK, PROBE = ("hamiltonian", 8), ("probe", 92), ("probe", 0)


def test_the_best_rival_is_the_best_over_worlds_that_both_have_seen():
    """A rival that has only seen the easiest world is not the best for that."""
    ours = {0: 0.70, 1: 0.71, 2: 0.90}
    rivals = {NETWORK: {0: 0.72, 1: 0.73, 2: 0.92}, PROBE: {2: 0.89}}
    (verdict,) = figure.verdicts(results_of({OURS: ours, **rivals}))
    assert verdict.verdict == "failed"  # two points in every world
    assert "network, size of 8 qubits 0.790" in verdict.number


@pytest.mark.parametrize(
    ("ours", "theirs", "broken", "verdict"),
    [
        ({0: 0.70, 1: 0.80}, {0: 0.71, 1: 0.80}, 0, "held"),  # half a point and as large an error
        ({0: 0.70, 1: 0.80}, {0: 0.71, 1: 0.81}, 0, "failed"),  # a point in both worlds
        ({0: 0.59, 1: 0.59}, {0: 0.5, 1: 0.5}, 0, "failed"),  # 18 % mended
        ({0: 0.70, 1: 0.80}, {0: 0.5, 1: 0.5}, 8, "held"),
        ({0: 0.70, 1: 0.80}, {0: 0.5, 1: 0.5}, 9, "failed"),  # 18 of 68 broken
    ],
)
def test_the_verdict_on_heads_follows_its_three_conditions(ours, theirs, broken, verdict):
    found = figure.verdicts(results_of({OURS: ours, NETWORK: theirs}, broken=broken))
    assert [one.verdict for one in found] == [verdict]


def test_a_head_that_has_seen_fewer_worlds_is_quoted_beside_ours_in_those():
    results = results_of({OURS: {0: 0.70, 1: 0.80}, NETWORK: {0: 0.70, 1: 0.80}, ("rule", 0): {1: 0.75}})
    (verdict,) = figure.verdicts(results)
    assert "the rule that turns scores around 0.750 in 1 of the worlds, where ours is 0.800" in verdict.number
    lines = figure.table(results).splitlines()
    assert lines[1].split() == ["base", "alone", "2", "0.500", "+-", "0.000"]
    assert next(line for line in lines if line.startswith("rule")).split()[5:8] == ["7", "1", "0.750"]


def test_a_cayley_adapter_takes_a_circuit_for_every_block_of_every_token():
    one = results_of({("cayley", 4): {0: 0.6}})["heads"].to_dataset().squeeze().expand_dims("seed")
    usage = figure.adapter_usage(4, one.assign(n_parameters=one.n_parameters * 0 + 96))
    assert usage.circuits == 100 * 4 * 4 * 16  # questions, options, words, blocks of six angles
    assert usage.executions == 8192 * usage.circuits
    assert usage.qpu_seconds == pytest.approx(3.5e-4 * usage.executions + 2 * usage.jobs)


def test_the_table_is_printed_beside_the_figure(tmp_path, capsys):
    assert main(["reproduce", "heads", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "heads.pdf" in printed
    assert all(name in printed for name in ("base alone", "mended", "broken", "ECE", "QPU s", "perplexity"))


@pytest.mark.skipif(studies.cached_profile("heads") is None, reason="no results of the heads are in the repository")
def test_all_heads_of_a_world_stand_on_one_base():
    """Training is not the same to the bit on all machines: cells of several would compare heads on different bases."""
    found = studies.results("heads")["heads"].base_accuracy
    spread = found.max(["head", "size"]) - found.min(["head", "size"])
    assert float(spread.max()) == 0
