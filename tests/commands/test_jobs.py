"""Preview, submit and collect as they are typed, against a service on disk that counts what it runs."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hamiltonian_ml import HamiltonianClassifier, cli
from hamiltonian_ml.sampling.backends import Backend

COMMON = ["--target", "kind", "--qubits", "2", "--shots", "7", "--max-iter", "7", "--backend", "ibm_test"]


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(each) for each in arguments])


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{a},{b},{'yes' if a > b else 'no'}" for a, b in rng.normal(size=(12, 2))]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,kind", *lines]) + "\n")
    return tmp_path / "t.csv"


def test_preview_is_what_the_service_then_counts(table, service):
    result = run("preview", table, *COMMON, "--price-per-minute", "60", "--json")
    assert result.exit_code == 0, result.stderr
    usage = json.loads(result.stdout)
    assert not service.jobs()
    assert usage["cost"] == pytest.approx(usage["qpu_seconds"])
    folder = table.parent / "store"
    assert run("submit", table, *COMMON, "--store", folder, "--out", folder / "m.nc").exit_code == 0
    assert (usage["circuits"], usage["executions"]) == (service.circuits, service.executions)
    assert usage["jobs"] == len(service.jobs())


def test_preview_is_of_the_fit_that_fit_does(table, service):
    bare = COMMON[:-2]
    assert json.loads(run("preview", table, *bare, "--json").stdout)["jobs"] == 0  # all states of two qubits
    usage = json.loads(run("preview", table, *COMMON, "--json").stdout)
    options = ("--store", table.parent / "store", "--out", table.parent / "m.nc")
    assert run("fit", table, *COMMON, *options).exit_code == 0
    assert len(service.jobs()) == usage["jobs"] == 3


def test_preview_prints_one_figure_a_line(table):
    result = run("preview", table, *COMMON, "--price-per-minute", "96")
    names = [line[:20].strip() for line in result.stdout.splitlines()]
    assert names == [
        "circuits", "two-qubit depth", "two-qubit gates", "executions", "jobs", "QPU seconds", "error-free shots",
        "cost",
    ]  # fmt: skip


def test_a_fit_begun_on_one_machine_is_finished_on_another(table, service, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    service.script(status=["waiting"])
    begun = run("submit", table, *COMMON, "--store", here, "--out", tmp_path / "m.nc", "--json")
    assert begun.exit_code == 0, begun.stderr
    assert json.loads(begun.stdout)["pending_jobs"] == ["job0"]
    here.rename(there)
    table.unlink()  # the store is all that is carried over
    service.script(status=["waiting"])
    early = run("collect", "--store", there, "--out", tmp_path / "m.nc")
    assert (early.exit_code, early.stdout.splitlines()[-1]) == (3, "waits for jobs  job0")
    assert not (tmp_path / "m.nc").exists()
    done = run("collect", "--store", there, "--out", tmp_path / "m.nc", "--wait", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows_to_train_on"] == 10
    assert HamiltonianClassifier.load(tmp_path / "m.nc").classes_.tolist() == ["no", "yes"]
    paid = service.executions
    assert run("collect", "--store", there, "--out", tmp_path / "m.nc").exit_code == 0
    assert service.executions == paid


def test_a_copied_store_replays_a_run_on_a_device_without_service_or_account(table, service, tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    assert run("submit", table, *COMMON, "--store", here, "--out", tmp_path / "first.nc").exit_code == 0
    shutil.copytree(here, there)
    for name in ("service", "compile", "fingerprint"):
        monkeypatch.setattr(Backend, name, lambda *arguments, **options: pytest.fail("the service was asked"))
    again = run("collect", "--store", there, "--replay", "--out", tmp_path / "second.nc", "--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["pending_jobs"] == []
    one, two = (HamiltonianClassifier.load(tmp_path / name) for name in ("first.nc", "second.nc"))
    rows = pd.DataFrame({"a": [0.5, -2.0], "b": [-1.0, 0.3]})
    np.testing.assert_array_equal(one.decision_function(rows), two.decision_function(rows))
    file = sorted((there / "samples").glob("*.npz"))[0]
    file.unlink()
    lost = run("collect", "--store", there, "--replay", "--out", tmp_path / "third.nc")
    assert lost.exit_code == 2
    assert "from backend 'ibm_test' with seed" in lost.stderr
    assert len(lost.stderr.splitlines()) == 1
    assert not (tmp_path / "third.nc").exists()


def test_a_service_that_refuses_is_one_line_and_the_fit_can_still_be_collected(table, service, tmp_path):
    service.script(submit=["down"] * 4)
    stopped = run("submit", table, *COMMON, "--store", tmp_path / "s", "--out", tmp_path / "m.nc")
    assert stopped.exit_code == 2
    assert stopped.stderr.startswith("hamiltonian-ml: a job could not be handed in")
    assert len(stopped.stderr.splitlines()) == 1
    assert run("collect", "--store", tmp_path / "s", "--out", tmp_path / "m.nc").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["collect", "--store", "none"], "the store none has 0 submitted fits of tables, not one; hamiltonian-ml sub"),
        (["collect", "--store", "none", "--name", "x"], "the store none has no submitted fit 'x', only: none."),
        (["collect", "--store", "none", "--replay", "--wait"], "wait and replay exclude each other"),
        (["submit", "t.csv", *COMMON], "Missing option '--store'"),
        (["submit", "t.csv", *COMMON, "--store", "s", "--max-qpu-seconds", "1"], "max_qpu_seconds is 1, of which 0.0"),
        (["submit", "t.csv", *COMMON, "--store", "s", "--drop", "z"], "there is no column 'z'"),
        (["submit", "t.csv", *COMMON, "--store", "t.csv"], "--store must be a folder, but"),
        (["preview", "t.csv", *COMMON, "--price-per-minute", "-1"], "price_per_minute must be a finite number"),
    ],
)
def test_what_is_wrong_is_one_line_and_sends_nothing(table, service, monkeypatch, arguments, message):
    monkeypatch.chdir(table.parent)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not service.jobs()


def test_several_submitted_fits_are_told_apart_by_name(table, service, tmp_path):
    names = []
    for seed in (0, 1):
        arguments = (*COMMON, "--store", tmp_path / "s", "--out", tmp_path / "m.nc", "--seed", seed, "--json")
        names.append(json.loads(run("submit", table, *arguments).stdout)["fit"])
    unclear = run("collect", "--store", tmp_path / "s")
    assert f"has 2 submitted fits of tables, not one: choose one of {', '.join(sorted(names))}." in unclear.stderr
    chosen = ("--name", names[1], "--out", tmp_path / "m.nc")
    assert run("collect", "--store", tmp_path / "s", *chosen).exit_code == 0


def test_a_budget_that_ends_after_the_first_round_writes_no_half_model(table, service, tmp_path):
    whole = json.loads(run("preview", table, *COMMON, "--json").stdout)
    budget = 1.5 * whole["qpu_seconds"] / whole["jobs"]
    arguments = (table, *COMMON, "--store", tmp_path / "s", "--out", tmp_path / "m.nc")
    stopped = run("submit", *arguments, "--max-qpu-seconds", budget)
    assert stopped.exit_code == 2
    assert "Samples are kept: raise the budget and submit it again" in stopped.stderr
    assert len(service.jobs()) == 1
    assert not (tmp_path / "m.nc").exists()
    assert run("collect", "--store", tmp_path / "s", "--out", tmp_path / "m.nc", "--max-qpu-seconds", 99).exit_code == 0
    assert len(service.jobs()) == whole["jobs"]


def test_a_fit_submitted_again_with_a_larger_budget_is_the_same_fit(table, service, tmp_path):
    arguments = (table, *COMMON, "--store", tmp_path / "s", "--out", tmp_path / "m.nc", "--json")
    assert run("submit", *arguments, "--max-qpu-seconds", 3).exit_code == 2
    service.script(status=["waiting"])
    begun = json.loads(run("submit", *arguments, "--max-qpu-seconds", 99).stdout)
    assert begun["pending_jobs"] == ["job1"]
    done = run("collect", "--store", tmp_path / "s", "--out", tmp_path / "m.nc", "--json")  # within the new budget
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["fit"] == begun["fit"]
    assert len(service.jobs()) == 3


def test_a_damaged_file_of_a_submitted_table_is_one_line(table, service):
    folder = table.parent / "store"
    assert run("submit", table, *COMMON, "--store", folder, "--out", table.parent / "m.nc").exit_code == 0
    (file,) = (folder / "tables").glob("*.json")
    for content in ("", "{}", '{"table": "t.csv", "settings": {"colour": 1}}'):
        file.write_text(content)
        result = run("collect", "--store", folder, "--out", table.parent / "n.nc")
        assert result.exit_code == 2
        assert f"{file} is empty, cut off or no file of a store" in " ".join(result.stderr.split())
        assert "submit its table again" in " ".join(result.stderr.split())
