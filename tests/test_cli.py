"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import xarray as xr
from typer.testing import CliRunner

from hamiltonian_ml import cli
from hamiltonian_ml.commands import output
from hamiltonian_ml.study import demo as study

TINY = ["demo", "--dataset", "iris", "--qubits", "2", "--max-iter", "2"]
HEAVY = {"jax", "matplotlib", "numba", "numpy", "qiskit", "scipy", "sklearn", "xarray"}


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    return run(*TINY, "--out", folder), folder


def test_the_summary_shows_each_model_and_how_good_the_states_are(tiny):
    result, _ = tiny
    assert result.exit_code == 0
    for text in ("Hamiltonian", "logistic regression", "RBF SVC", "of 2^2", "two-qubit depth", "CZ gates"):
        assert text in result.stdout
    for text in ("test rows trusted", "captured weight, median", "residual / gap, median", "seconds"):
        assert text in result.stdout
    assert "105 rows to train on, 45 to test on" in result.stdout


def test_figure_and_results_are_written_and_nothing_else(tiny):
    result, folder = tiny
    assert sorted(path.name for path in folder.iterdir()) == ["demo.nc", "demo.png"]
    assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")
    for name in ("demo.nc", "demo.png"):
        assert str(folder / name) in result.stdout


def test_the_file_holds_what_is_printed(tiny):
    result, folder = tiny
    with xr.open_datatree(folder / "demo.nc", engine="h5netcdf") as tree:
        accuracy = float(tree["accuracy"].sel(model=study.LINEAR, part="test"))
    line = next(line for line in result.stdout.splitlines() if "logistic regression" in line)
    assert line.split()[-1] == f"{accuracy:.3f}"


def test_there_is_no_progress_where_nobody_watches(tiny):
    assert tiny[0].stderr == ""


def test_json_is_one_object_and_nothing_else(tmp_path):
    result = run(*TINY, "--out", tmp_path, "--json")
    found = json.loads(result.stdout)
    assert result.stderr == ""
    assert set(found["test_accuracy"]) == {"Hamiltonian", "logistic regression", "RBF SVC"}
    assert (found["n_qubits"], found["n_train"], found["n_test"]) == (2, 105, 45)
    assert 0 <= found["certificate"]["trusted_share"] <= 1
    assert found["files"] == [str(tmp_path / "demo.png"), str(tmp_path / "demo.nc")]


def test_options_reach_the_run(tmp_path, monkeypatch):
    seen = []

    def refuse(settings, **options):
        seen.append((settings, options))
        raise ValueError("far enough")

    monkeypatch.setattr(study, "run_demo", refuse)
    run("demo", "--qubits", 5, "--dataset", "wine", "--backend", "mps", "--seed", 7, "--max-iter", 3, "--out", tmp_path)
    run("demo", "--out", tmp_path)
    assert seen[0][0] == study.DemoSettings(dataset="wine", n_qubits=5, backend="mps", seed=7, max_iter=3)
    assert seen[1][0] == study.DemoSettings()


@pytest.mark.parametrize(("options", "watched"), [([], True), (["--quiet"], False), (["--json"], False)])
def test_progress_is_shown_on_a_terminal_unless_it_is_not_wanted(tmp_path, monkeypatch, options, watched):
    seen = []

    def refuse(settings, *, verbose, report):
        seen.append((verbose, report is not None))
        raise ValueError("far enough")

    monkeypatch.setattr(study, "run_demo", refuse)
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    run("demo", "--out", tmp_path, *options)
    assert seen == [(watched, watched)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--dataset", "mnist"], "dataset must be one of breast_cancer, wine, iris, digits, moons, circles"),
        (["demo", "--backend", "abacus"], "backend must be one of auto, statevector, mps"),
        (["demo", "--qubits", "0"], "--qubits must be an integer of at least 1, got 0"),
        (["demo", "--qubits", "40", "--backend", "statevector"], "holds 30 qubits at most, got 40"),
        (["demo", "--max-iter", "0"], "max_iter must be an integer of at least 1, got 0"),
        (["demo", "--seed", "-1"], "seed must be an integer of at least 0, got -1"),
        (["demo", "--qubits", "two"], "Invalid value for '--qubits'"),
        (["demo", "--qubits"], "'--qubits' requires an argument"),
        (["demo", "--colour"], "No such option: --colour"),
        (["dance"], "No such command 'dance'"),
        ([], "Missing command"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_bad_input_is_one_line_and_status_two_and_writes_nothing(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("hamiltonian-ml: ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_where_the_folder_should_be_is_refused_before_the_work(tmp_path, monkeypatch, below):
    monkeypatch.setattr(study, "run_demo", lambda *_, **__: pytest.fail("the run began"))
    taken = tmp_path / "taken"
    taken.write_text("mine")
    result = run("demo", "--out", taken / below)
    assert result.exit_code == 2
    assert result.stderr == f"hamiltonian-ml: --out must be a folder, but {taken} is a file; choose another.\n"
    assert taken.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "run_demo", lambda *_, **__: pytest.fail("the run began"))
    monkeypatch.setattr(output.os, "access", lambda path, mode: not mode & os.W_OK)  # the superuser may write anywhere
    result = run("demo", "--out", tmp_path)
    assert result.exit_code == 2
    assert "--out must be a folder that you may write to" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_interrupt_is_one_line_and_status_130(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_demo", interrupt)
    result = run("demo", "--out", tmp_path)
    assert (result.exit_code, result.stderr) == (130, "hamiltonian-ml: interrupted.\n")


def test_a_mistake_in_the_program_keeps_its_traceback(tmp_path, monkeypatch):
    def mistake(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(study, "run_demo", mistake)
    assert isinstance(run("demo", "--out", tmp_path).exception, ZeroDivisionError)


def test_the_version_is_the_packages():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"hamiltonian-ml {version('hamiltonian_ml')}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help_is_shown(arguments):
    result = run(*arguments)
    assert result.exit_code == 0
    assert "demo" in result.stdout


def test_help_loads_no_heavy_dependency():
    code = f"""
import sys
from hamiltonian_ml.cli import main
try:
    main(["demo", "--help"])
finally:
    print(sorted({HEAVY!r} & {{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_module_runs_as_a_program_and_shows_no_traceback(tmp_path):
    (tmp_path / "taken").write_text("mine")
    command = [sys.executable, "-m", "hamiltonian_ml.cli", "demo", "--out", str(tmp_path / "taken")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hamiltonian-ml: --out must be a folder")
    assert done.stderr.count("\n") == 1


def test_errors_speak_of_options(monkeypatch):
    def refuse(*_, **__):
        raise MemoryError('256 states of n_qubits = 8 do not fit; use selection="krylov" with less.')

    monkeypatch.setattr("hamiltonian_ml.study.demo.run_demo", refuse)
    result = CliRunner().invoke(cli.main, ["demo"])
    assert result.stderr == "hamiltonian-ml: 256 states of --qubits = 8 do not fit; use --selection krylov with less.\n"
