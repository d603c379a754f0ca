"""No cell is lost, none runs again once it is finished, whatever is killed meanwhile."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest
import xarray as xr

from hamiltonian_ml.bases.cores import n_threads
from hamiltonian_ml.study.cells import read_cell, run_cell
from hamiltonian_ml.study.executors import open_executor, pinned_threads
from hamiltonian_ml.study.sweep import WorkersDiedError, sweep
from tests.study import counting
from tests.study.counting import run, tasks


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cells"


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield executor


def finished(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.nc")}


def test_a_second_sweep_runs_nothing(folder, log, pool):
    first = sweep(tasks(5, log, 0), run, pool, folder=folder)
    second = sweep(tasks(5, log, 0), run, pool, folder=folder)
    assert (first.ran, first.skipped, second.ran, second.skipped) == (5, 0, 0, 5)
    assert len(log.read_text().split()) == 5
    xr.testing.assert_identical(first.results(), second.results())


def test_equal_tasks_run_once(folder, log, pool):
    assert sweep(tasks(3, log, 0) * 2, run, pool, folder=folder).ran == 3


def test_a_failed_cell_is_kept_with_its_traceback_and_runs_again_only_on_request(folder, log, pool):
    first = sweep(tasks(4, log, 0), counting.fail_once, pool, folder=folder)
    assert (first.ran, first.failed) == (2, 2)
    assert {failure.error for failure in first.failures()} == {
        "RuntimeError: cell 1 is odd", "RuntimeError: cell 3 is odd",
    }  # fmt: skip
    assert "in fail_once" in first.failures()[0].traceback
    assert first.results().n_missing == 2
    assert sweep(tasks(4, log, 0), counting.fail_once, pool, folder=folder).failed == 2
    again = sweep(tasks(4, log, 0), counting.fail_once, pool, folder=folder, retry_failed=True)
    assert (again.ran, again.skipped, again.failed, again.failures()) == (2, 2, 0, [])


@pytest.mark.parametrize("content", [b"", b"half a file"])
def test_a_damaged_cell_is_named_and_runs_again_on_request(content, folder, log, pool):
    damaged = sweep(tasks(3, log, 0), run, pool, folder=folder).tasks[1]
    (folder / f"{damaged.key}.nc").write_bytes(content)
    again = sweep(tasks(3, log, 0), run, pool, folder=folder)
    assert again.skipped == 3
    with pytest.raises(
        OSError, match=rf"{damaged.key}\.nc is damaged .*; delete it, or run the sweep again with retry"
    ):
        again.results()
    mended = sweep(tasks(3, log, 0), run, pool, folder=folder, retry_failed=True)
    assert (mended.ran, mended.skipped) == (1, 2)
    assert mended.results().n_missing == 0


def test_a_damaged_record_of_a_failure_is_named(folder, log, pool):
    failed = sweep(tasks(1, log, 0), lambda task: 3.0, pool, folder=folder)
    (folder / f"{failed.tasks[0].key}.failed.json").write_text("")
    with pytest.raises(ValueError, match=r"\.failed\.json is damaged .*; delete it"):
        failed.failures()


def test_a_run_that_returns_no_dataset_is_a_failure_that_says_so(folder, log, pool):
    failed = sweep(tasks(1, log, 0), lambda task: 3.0, pool, folder=folder)
    assert "run must return an xarray.Dataset, got float" in failed.failures()[0].error


def test_two_sweeps_in_one_folder_share_the_cells(folder, log):
    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(2) as both:
        sweeps = [both.submit(sweep, tasks(20, log, 0.02), run, pool, folder=folder) for _ in range(2)]
        counts = [part.result() for part in sweeps]
    assert sum(part.ran for part in counts) == 20
    assert all(part.ran + part.skipped == 20 for part in counts)
    assert set(Counter(log.read_text().split()).values()) == {1}


def test_only_results_are_left_in_the_folder(folder, log, pool):
    folder.mkdir()
    key = tasks(1, log, 0)[0].key
    (folder / f".{key}.nc.123.partial").write_text("half a file of a killed process")
    (folder / f".{key}.lock").touch()
    sweep(tasks(2, log, 0), run, pool, folder=folder)
    assert {path.name for path in folder.iterdir()} == {f"{task.key}.nc" for task in tasks(2, log, 0)}


def test_a_cell_says_what_made_it_and_how_long_it_took(folder, log, pool):
    task = tasks(1, log, 0.02)[0]
    sweep([task], run, pool, folder=folder)
    cell = read_cell(folder, task.key)
    assert cell.attrs["key"] == task.key
    assert {"settings", "created", "version_numpy", "python"} <= set(cell.attrs)
    assert cell.cell_seconds >= 0.02


def test_progress_tells_the_cells_done_and_the_time_to_finish(folder, log, pool, capsys):
    sweep(tasks(5, log, 0.01), run, pool, folder=folder, progress=True)
    shown = capsys.readouterr().err
    assert "5/5" in shown
    assert "sweep" in shown
    assert re.search(r"\d\d:\d\d<\d\d:\d\d", shown)  # gone, and left
    sweep(tasks(6, log, 0), run, pool, folder=folder)
    assert not capsys.readouterr().err  # unless it is asked for


def test_threads_are_pinned_in_a_cell_and_free_again_afterwards(folder, log, pool, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seen = []

    def look(task):
        seen.append((n_threads(), os.environ["OPENBLAS_NUM_THREADS"]))
        return run(task)

    sweep(tasks(4, log, 0), look, pool, folder=folder)
    assert seen == [(1, "1")] * 4
    assert n_threads() == 7


def test_pinning_is_undone_where_a_variable_was_not_set(monkeypatch):
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with pinned_threads(1):
        assert os.environ["MKL_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_a_number_of_workers_that_is_none_is_refused(workers):
    with pytest.raises(ValueError, match="workers must be a positive integer or None"), open_executor(workers=workers):
        pass


def test_a_scheduler_file_that_is_not_there_is_an_error_at_once(folder, log, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"scheduler file that is not there, .*no\.json; start the scheduler"):
        sweep(tasks(1, log, 0), run, str(tmp_path / "no.json"), folder=folder)


class Cancelling(ThreadPoolExecutor):
    """Cancels the second cell and all that follow, as Dask does when its scheduler is gone."""

    given = 0

    def submit(self, *arguments, **options):
        self.given += 1
        if self.given == 1:
            return super().submit(*arguments, **options)
        lost = Future()
        lost.cancel()
        lost.set_running_or_notify_cancel()
        return lost


def test_a_scheduler_that_is_lost_ends_the_sweep_in_one_error(folder, log):
    with Cancelling(1) as pool, pytest.raises(WorkersDiedError, match=r"cells were cancelled .* start the sweep again"):
        sweep(tasks(3, log, 0), run, pool, folder=folder)
    assert len(finished(folder)) == 1


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_cell_one_more_run(folder, log):
    assert sweep(tasks(8, log, 0), counting.die_once, folder=folder, workers=2).ran == 8
    assert len(finished(folder)) == 8


@pytest.mark.slow
def test_cells_that_always_kill_their_worker_are_recorded_and_the_others_run(folder, log):
    found = sweep(tasks(8, log, 0), counting.die_in_first_and_sixth, folder=folder, workers=2)
    assert (found.ran, found.failed, len(finished(folder))) == (6, 2, 6)
    assert [failure.settings["number"] for failure in found.failures()] == [0, 5]
    assert all("worker was killed" in failure.error for failure in found.failures())
    again = sweep(tasks(8, log, 0), run, folder=folder, workers=1, retry_failed=True)
    assert (again.ran, again.skipped, again.failed) == (2, 6, 0)


class Broken(ThreadPoolExecutor):
    """Breaks where it is given what is deadly."""

    def __init__(self, is_deadly):
        super().__init__(1)
        self.is_deadly = is_deadly

    def submit(self, function, *arguments, **options):
        if self.is_deadly(function, *arguments):
            raise BrokenExecutor
        return super().submit(function, *arguments, **options)


def dying(monkeypatch, is_deadly):
    @contextmanager
    def opened(*arguments, **options):
        with Broken(is_deadly) as pool:
            yield pool

    monkeypatch.setattr("hamiltonian_ml.study.sweep.open_executor", opened)


def test_the_cell_that_breaks_a_pool_alone_is_the_one_that_failed(folder, log, monkeypatch):
    dying(monkeypatch, lambda function, *given: function is run_cell and given[0].number == 0)
    found = sweep(tasks(3, log, 0), run, folder=folder)
    assert (found.ran, found.failed) == (2, 1)
    assert found.failures()[0].settings["number"] == 0
    assert found.failures()[0].error.startswith("hamiltonian_ml.study.sweep.WorkersDiedError: its worker was killed")
    assert {path.suffix for path in folder.iterdir()} == {".nc", ".json"}


def test_workers_that_end_before_any_cell_are_blamed_on_no_cell(folder, log, monkeypatch):
    dying(monkeypatch, lambda function, *given: True)
    with pytest.raises(WorkersDiedError, match="workers end before they begin a cell"):
        sweep(tasks(3, log, 0), run, folder=folder)
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_cells_that_kill_a_pool_of_the_users_end_in_an_error_that_says_what_to_do(folder, log):
    own = get_context("spawn")  # other tests may have left JAX's threads in this process, which must not be forked
    with ProcessPoolExecutor(1, mp_context=own) as pool, pytest.raises(WorkersDiedError, match="use fewer workers"):
        sweep(tasks(4, log, 0), counting.die_once, pool, folder=folder)


def start(folder: Path, log: Path, *, address: str = "local") -> subprocess.Popen[bytes]:
    """Start a sweep of 200 cells in a process group of its own, so that a kill reaches its workers or only itself."""
    command = [sys.executable, "-m", "tests.study.counting", str(folder), str(log), "200", "0.02", address]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_sweep_killed_ten_times_loses_no_cell_and_repeats_none_that_was_finished(folder, log, tmp_path):
    chances = random.Random(0)
    for kill in range(10):
        process, before = start(folder, log), len(finished(folder))
        wanted = before + chances.randrange(1, 18)
        deadline = time.monotonic() + 60
        while len(finished(folder)) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        done, begun = finished(folder), len(log.read_text().split())
        # Every other time the parent alone is killed, and its workers have to notice.
        (os.killpg if kill % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        assert len(done) < 200
        assert not set(log.read_text().split()[begun + 2 :]) & done  # at most two cells were about to begin
    assert start(folder, log).wait() == 0
    counts = Counter(log.read_text().split())
    assert finished(folder) == set(counts)
    assert len(counts) == 200
    assert counts.total() <= 200 + 10 * 2  # two workers: a kill costs two running cells at most
    _same_as_unbroken(folder, log, tmp_path)


def _same_as_unbroken(folder: Path, log: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        unbroken = sweep(tasks(200, log, 0.02), run, pool, folder=tmp_path / "unbroken").results()
        broken = sweep(tasks(200, log, 0.02), run, pool, folder=folder)
    assert broken.ran == 0
    xr.testing.assert_equal(broken.results()[["square", "draw"]], unbroken[["square", "draw"]])
