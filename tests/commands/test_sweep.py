"""The command sweep: a table of the user's own, results and figure at the end."""

from __future__ import annotations

import json
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import xarray as xr
from typer.testing import CliRunner

from hamiltonian_ml import cli
from hamiltonian_ml.study import plan as plans
from hamiltonian_ml.study import sweep as study
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.datasets import known_datasets


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """Run cells in threads: other processes take seconds to start."""

    @contextmanager
    def threads(*arguments, **options):
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(study, "open_executor", threads)


def run(*arguments):
    return CliRunner().invoke(cli.main, ["sweep", *map(str, arguments)])


PLAN = 'table = "iris"\nqubits = [2, 3]\nselection = ["full", "random"]\nseeds = 2\n[settings]\nmax_iter = 2\n'


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


def test_a_toml_file_is_swept_and_a_second_call_runs_nothing(plan, tmp_path):
    first = run(plan, "--out", tmp_path / "out")
    assert first.exit_code == 0, first.stderr
    assert "8 ran, 0 skipped, 0 failed" in first.stdout
    assert sum(line.split()[1:3] == ["random", "auto"] for line in first.stdout.splitlines()) == 2
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(b"\x89PNG")
    with xr.open_dataset(tmp_path / "out" / "sweep.nc", engine="h5netcdf") as found:
        assert found.sizes["selection"] == 2
    assert "0 ran, 8 skipped, 0 failed" in run(plan, "--out", tmp_path / "out").stdout


def test_options_alone_will_do_and_come_before_the_file(plan, tmp_path):
    options = ("--table", "iris", "--qubits", 2, "--selection", "full", "--seeds", 1, "--max-iter", 1, "--json")
    found = json.loads(run(*options, "--out", tmp_path / "a").stdout)
    assert (found["ran"], found["failed"]) == (1, 0)
    assert found["rows"][0]["n_seeds"] == 1
    assert found["rows"][0]["error"] is None
    both = json.loads(run(plan, "--qubits", 2, "--seeds", 1, "--json", "--out", tmp_path / "b").stdout)
    assert [row["n_qubits"] for row in both["rows"]] == [2, 2]


def test_failed_cells_are_named_and_the_others_shown(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "run", lambda task: 1 / 0 if task.n_qubits == 3 else made_up(task))
    result = run(plan, "--out", tmp_path / "out")
    assert result.exit_code == 1  # a script has to notice
    assert not result.stderr
    assert "4 ran, 0 skipped, 4 failed" in result.stdout
    assert "ZeroDivisionError" in result.stdout


def made_up(task):
    numbers = ("test_accuracy", "train_accuracy", "dimension", "trusted")
    return quantities(**{name: (float(task.seed), "1", name) for name in numbers})


CHARGED = ["--table", "iris", "--qubits", 2, "--selection", "krylov", "--backend", "ibm_test", "--max-iter", 2]


def test_one_budget_holds_for_all_cells_and_more_of_it_finishes_the_rest(service, tmp_path):
    where = ("--store", tmp_path / "store", "--out", tmp_path / "out")
    a_round = 2 + 3.5e-4 * 64 * 3 * 1000  # 64 rows, 3 circuits; a cell takes two rounds, at the start and at the end
    stopped = run(*CHARGED, "--seeds", 3, *where, "--max-qpu-seconds", 3.5 * a_round)
    assert stopped.exit_code == 1, stopped.stderr
    assert "1 ran, 0 skipped, 2 failed" in stopped.stdout  # the second cell was stopped after its first round
    assert stopped.stdout.count("max_qpu_seconds is") == 2
    assert len(service.jobs()) == 3
    done = run(*CHARGED, "--seeds", 3, *where, "--max-qpu-seconds", 6.5 * a_round, "--retry")
    assert "2 ran, 1 skipped, 0 failed" in done.stdout, done.stdout
    assert len(service.jobs()) == 6  # nothing was paid for twice
    with xr.open_dataset(tmp_path / "out" / "sweep.nc", engine="h5netcdf") as found:
        assert set(found.attrs["job_ids"].replace(";", ",").split(", ")) == {job["id"] for job in service.jobs()}


def test_devices_that_charge_and_budgets_need_a_store(service, tmp_path):
    refused = run(*CHARGED, "--out", tmp_path)
    assert "backend 'ibm_test' charges for its jobs: give store" in refused.stderr
    refused = run("--table", "iris", "--max-qpu-seconds", 5, "--out", tmp_path)
    assert "max_qpu_seconds needs store" in refused.stderr
    assert refused.exit_code == 2
    assert not service.jobs()


def test_a_sweep_of_failures_only_ends_with_status_2(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "run", lambda task: 1 / 0)
    result = run("--table", "iris", "--seeds", 1, "--out", tmp_path)
    assert result.exit_code == 2
    assert "all 1 cells failed, the first with ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('table = "iris"\nsettings = 3', "settings must be a table of parameters, got 3"),
        ("table = 3", "table must be text, got 3"),
        ('table = "iris"\nstore = ["a"]', "store must be text, got ['a']"),
        ('table = "iris"\ntest_fraction = "a"', "test_fraction must be a finite number"),
        ('table = "iris"\n[settings]\nrank = {a = 3}', "but one of them is {'a': 3}"),
    ],
)
def test_values_of_a_wrong_kind_in_a_file_end_with_status_2_and_one_line(content, text, tmp_path):
    (tmp_path / "plan.toml").write_text(content)
    result = run(tmp_path / "plan.toml", "--max-iter", 2, "--out", tmp_path)
    assert result.exit_code == 2
    assert text in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_help_names_every_known_data_set():
    shown = run("--help").stdout
    assert all(name in shown for name in known_datasets())


def test_workers_that_die_are_an_error_of_one_line(tmp_path, monkeypatch):
    class Broken(ThreadPoolExecutor):
        def submit(self, *arguments, **options):
            raise BrokenExecutor

    monkeypatch.setattr(study, "open_executor", lambda *arguments, **options: Broken(1))
    result = run("--table", "iris", "--seeds", 1, "--out", tmp_path)
    assert result.exit_code == 2
    assert "workers end before they begin a cell" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_table_without_a_target_says_that_one_is_needed(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2,y\n")
    result = run("--table", tmp_path / "rows.csv", "--out", tmp_path)
    assert result.exit_code == 2
    assert "target is missing" in result.stderr
    assert "--target" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "table is missing"),
        (("--table", "rows.txt"), "must be a table whose name ends in one of .csv"),
        (("--table", "iris", "--selection", "best"), "selection must be one of"),
        (("nowhere.toml",), "nowhere.toml"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_line(arguments, text, tmp_path):
    result = run(*arguments, "--out", tmp_path)
    assert result.exit_code == 2
    assert text in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
