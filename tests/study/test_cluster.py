"""Sweeps on Dask: real schedulers and workers on this machine, one of which is killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from hamiltonian_ml.study.executors import open_executor
from hamiltonian_ml.study.sweep import sweep
from tests.study import counting
from tests.study.counting import run, tasks

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@contextlib.contextmanager
def cluster(n_workers: int, folder) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Give a scheduler's address and its workers: one process with one thread each, without a nanny."""
    processes = []
    folder.mkdir(exist_ok=True)

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (folder / f"{name}.log").open("wb") as output:
            processes.append(subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=output))
        return processes[-1]

    try:
        start("scheduler", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = _wait_for(r"Scheduler at:\s+(tcp://[\d.:]+)", folder / "scheduler.log")
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
        workers = [start(f"worker{k}", "distributed.cli.dask_worker", address, *options) for k in range(n_workers)]
        for k in range(n_workers):
            _wait_for(r"(Registered to)", folder / f"worker{k}.log")
        yield address, workers
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _wait_for(pattern: str, path) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := re.search(pattern, path.read_text()):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(path.read_text())


def test_a_killed_dask_worker_costs_no_cell_and_repeats_none_that_was_finished(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "cells"
    with cluster(2, tmp_path / "dask") as (address, workers):
        command = [sys.executable, "-m", "tests.study.counting", str(folder), str(log), "200", "0.02", address]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while len(list(folder.glob("*.nc"))) < 60:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(workers[0].pid, signal.SIGKILL)
        done, begun = {path.stem for path in folder.glob("*.nc")}, len(log.read_text().split())
        assert process.wait(timeout=120) == 0
    lines = log.read_text().split()
    assert len(set(lines)) == 200
    assert len(list(folder.glob("*.nc"))) == 200
    assert Counter(lines).total() <= 201  # the cell that the killed worker was running
    assert not set(lines[begun + 1 :]) & done


def test_cells_on_dask_are_those_of_local_processes(tmp_path):
    log = tmp_path / "log"
    with cluster(1, tmp_path / "dask") as (address, _):
        there = sweep(tasks(3, log, 0), run, address, folder=tmp_path / "there").results()
    here = sweep(tasks(3, log, 0), run, folder=tmp_path / "here", workers=1).results()
    assert there.draw.equals(here.draw)


def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch):
    monkeypatch.setattr("hamiltonian_ml.study.executors._CONNECT_SECONDS", 1)
    with pytest.raises(OSError, match="Timed out"), open_executor("tcp://127.0.0.1:9"):
        pass


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers need two cores")
def test_two_workers_are_at_least_1_7_times_as_fast_as_one(tmp_path):
    def seconds(n_workers: int) -> float:
        with cluster(n_workers, tmp_path / f"dask{n_workers}") as (address, _):
            warm = tmp_path / f"warm{n_workers}"
            sweep(tasks(4, tmp_path / "log", 0), run, address, folder=warm)
            start = time.perf_counter()
            cells = tasks(40, tmp_path / "log", 0.25)
            sweep(cells, counting.spin, address, folder=tmp_path / f"cells{n_workers}")
            return time.perf_counter() - start

    if os.getloadavg()[0] > 0.7 * (os.cpu_count() or 1):
        pytest.skip("the machine is busy, which such a ratio does not survive")
    assert seconds(1) / seconds(2) >= 1.7
