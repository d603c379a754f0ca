"""One cell of a sweep on disk: run once, written whole, locked meanwhile; a failure is kept with its traceback.

In: a task and the function that runs it. Out: ``<key>.nc``, or ``<key>.failed.json`` with the traceback.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from hamiltonian_ml.bases.files import lock, whole_file
from hamiltonian_ml.study.executors import pinned_threads
from hamiltonian_ml.study.provenance import provenance
from hamiltonian_ml.study.results import DamagedResultsError, read_results, write_results
from hamiltonian_ml.study.tasks import Task

Run = Callable[[Any], xr.Dataset]
Status = Literal["done", "skipped", "failed", "busy"]


@dataclass(frozen=True)
class Failure:
    """A cell that ended with an error.

    Attributes
    ----------
    key : str
        Key of its task.
    settings : dict
        Fields of its task.
    error, traceback : str
        The last line, and all lines.
    """

    key: str
    settings: dict[str, Any]
    error: str
    traceback: str


def quantities(**values: tuple[Any, str, str]) -> xr.Dataset:
    """Return numbers as a dataset: each argument is (value, units, what it is).

    Examples
    --------
    >>> from hamiltonian_ml.study.cells import quantities
    >>> quantities(accuracy=(0.9, "1", "share of test rows with the right label")).accuracy.attrs["units"]
    '1'
    """
    return xr.Dataset(
        {name: ((), value, {"units": units, "long_name": text}) for name, (value, units, text) in values.items()}
    )


def result_path(folder: Path, key: str) -> Path:
    """Return where the result of a cell is, or will be."""
    return folder / f"{key}.nc"


def failure_path(folder: Path, key: str) -> Path:
    """Return where the record of a cell's failure is, or would be."""
    return folder / f"{key}.failed.json"


def run_cell(task: Task, run: Run, folder: Path, *, threads: int = 1) -> Status:
    """Run a task and write its result, unless it is there or another process is at it.

    Parameters
    ----------
    task : Task
    run : callable
        From the task to a dataset. It depends on nothing else.
    folder : Path
        Where results are.
    threads : int
        Threads of numerical libraries.

    Returns
    -------
    {"done", "skipped", "failed", "busy"}
        "skipped" if the result is there, "failed" if an error or the record of one is, "busy" if another process,
        perhaps of another sweep, runs this cell now.
    """
    key = task.key
    with _locked(folder, key) as ours:
        if (known := _known(folder, key, ours)) is not None:
            return known
        try:
            with pinned_threads(threads):
                _write(task, *_timed(run, task), folder)
        except Exception as error:  # noqa: BLE001 whatever it is, it is kept, and the other cells go on
            _write_failure(task, error, folder)
            return "failed"
    return "done"


def record_failure(task: Task, error: Exception, folder: Path) -> Status:
    """Keep an error that ended a cell's process, which could not keep it itself; "busy" if another one has begun it."""
    key = task.key
    with _locked(folder, key) as ours:
        if (known := _known(folder, key, ours)) is not None:
            return known
        _write_failure(task, error, folder)
    return "failed"


def _known(folder: Path, key: str, ours: bool) -> Status | None:
    """Return how a cell stands whose lock is or is not ours; None if it is ours to end."""
    if not ours:
        return "busy"
    if result_path(folder, key).exists():
        return "skipped"
    return "failed" if failure_path(folder, key).exists() else None


def read_cell(folder: Path, key: str) -> xr.Dataset:
    """Return the result of a cell; OSError if there is none, or if its file is damaged."""
    remedy = "delete it, or run the sweep again with retry (retry_failed=True, --retry)"
    return read_results(result_path(folder, key), remedy=remedy).to_dataset()


def read_failure(folder: Path, key: str) -> Failure:
    """Return the record of a failed cell; OSError if there is none, ValueError if it is damaged."""
    path = failure_path(folder, key)
    try:
        return Failure(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged and holds no failure of a cell ({error}); delete it.") from error


def forget_failed(folder: Path, key: str) -> None:
    """Remove the record of a cell's failure, or its result if that file is damaged, so that the cell runs again."""
    failure_path(folder, key).unlink(missing_ok=True)
    with _locked(folder, key) as ours:  # or another sweep could put a whole file there before it is removed
        if not ours or not result_path(folder, key).exists():
            return
        try:
            read_cell(folder, key)
        except DamagedResultsError:
            result_path(folder, key).unlink()


def remove_leftovers(folder: Path) -> None:
    """Remove half-written files and locks of processes that are gone."""
    for path in folder.glob(".*.partial"):
        with _locked(folder, path.name.split(".")[1]) as ours:
            if ours:
                path.unlink(missing_ok=True)
    for path in folder.glob(".*.lock"):
        with lock(path, wait=False):  # taken only if nobody holds it, and removed on leaving
            pass


def _timed(run: Run, task: Task) -> tuple[xr.Dataset, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    found = run(task)
    spent = {"cell_seconds": time.perf_counter() - wall, "cell_processor_seconds": time.process_time() - processor}
    if not isinstance(found, xr.Dataset):
        raise TypeError(f"run must return an xarray.Dataset, got {type(found).__name__}; see quantities().")
    return found, spent


def _write(task: Task, found: xr.Dataset, spent: dict[str, float], folder: Path) -> None:
    times = {name: ((), value, {"units": "s", "long_name": name.replace("_", " ")}) for name, value in spent.items()}
    cell = found.assign(times)
    settings = json.dumps(task.settings(), sort_keys=True, default=lambda value: value.item())
    cell.attrs = {**found.attrs, **provenance(), "task": type(task).__name__, "settings": settings, "key": task.key}
    write_results(xr.DataTree(cell), result_path(folder, task.key))


def _write_failure(task: Task, error: Exception, folder: Path) -> None:
    lines = traceback.format_exception(error)
    record = {"key": task.key, "settings": task.settings(), "error": lines[-1].strip(), "traceback": "".join(lines)}
    with whole_file(failure_path(folder, task.key)) as partial:
        partial.write_text(json.dumps(record, indent=1, default=str) + "\n")


def _locked(folder: Path, key: str) -> AbstractContextManager[bool]:
    """Hold the lock of a cell, or give False at once if someone else does."""
    return lock(folder / f".{key}.lock", wait=False)
