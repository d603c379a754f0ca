"""Sweeps: many tasks on any executor, one file a cell, which may be killed at any time and simply started again.

In: tasks, the function that runs one, an executor and a folder. Out: a `Sweep`, which gathers all cells.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from tqdm.auto import tqdm

from hamiltonian_ml.study.cells import (
    Failure,
    Run,
    Status,
    failure_path,
    forget_failed,
    read_failure,
    record_failure,
    remove_leftovers,
    result_path,
    run_cell,
)
from hamiltonian_ml.study.executors import open_executor, pinned_threads
from hamiltonian_ml.study.gather import gather
from hamiltonian_ml.study.tasks import Task, check_distinct

_MAX_BREAKS = 3  # times in a row that workers die before any cell is done: then the cells kill them
_DEATH = "its worker was killed while it ran this cell alone, perhaps for want of memory; take a smaller task."
_PATIENCE = (0.05, 2.0)  # seconds between looks at cells that another sweep is running, from and to


class WorkersDiedError(OSError):
    """Worker processes were killed again and again before any cell was done, or their scheduler was lost."""


@dataclass(frozen=True)
class Sweep:
    """What a sweep did.

    Attributes
    ----------
    tasks : tuple of Task
    folder : Path
    ran, skipped, failed : int
        Cells that this sweep ran, that were there (or came from another sweep), and whose failure is on record.
    """

    tasks: tuple[Task, ...]
    folder: Path
    ran: int
    skipped: int
    failed: int

    def results(self) -> xr.Dataset:
        """Return all finished cells as one dataset; see `hamiltonian_ml.study.gather.gather`."""
        return gather(self.tasks, self.folder)

    def failures(self) -> list[Failure]:
        """Return the records of the failed cells."""
        keys = [task.key for task in self.tasks]
        return [read_failure(self.folder, key) for key in keys if failure_path(self.folder, key).exists()]


def sweep(
    tasks: Iterable[Task],
    run: Run,
    executor: Executor | str | None = None,
    *,
    folder: Path,
    workers: int | None = None,
    threads: int = 1,
    retry_failed: bool = False,
    progress: bool = False,
) -> Sweep:
    """Run all tasks whose results are not there yet.

    Parameters
    ----------
    tasks : iterable of Task
        Frozen; equal ones are run once.
    run : callable
        From a task to an `xarray.Dataset`; a function at the top of a module that the workers can import.
    executor : Executor, str or None
        Any `concurrent.futures.Executor`, the address of a Dask scheduler, or None for processes on this machine.
    folder : Path
        Where the files are; made if need be. Sweeps may share it, also from several machines on one file system.
    workers : int, optional
        Local processes, where no executor is given; one a core by default.
    threads : int
        Threads of numerical libraries in each worker.
    retry_failed : bool
        Whether cells whose failure is on record, or whose file is damaged, run again.
    progress : bool
        Whether a bar with the time to finish is drawn on stderr.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If something is not a `Task`.
    WorkersDiedError
        If workers of an executor or a cluster are killed before they finish a cell, the scheduler of a cluster is lost,
        or local workers end before they begin one. What is done is kept.
    OSError
        If the folder cannot be written to, or no scheduler answers.

    Notes
    -----
    A cell is finished once its file has its name, which happens at one instant: a sweep that is killed loses the cells
    that were running and nothing else. A running cell is locked, by a lock that goes with its process, so that two
    sweeps on one folder share the work.

    Where local workers are killed again and again, perhaps for want of memory, the cells left run one at a time. One
    that kills its worker then too is recorded as failed.

    Examples
    --------
    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from dataclasses import dataclass
    >>> from pathlib import Path
    >>> from hamiltonian_ml.study.cells import quantities
    >>> from hamiltonian_ml.study.sweep import sweep
    >>> from hamiltonian_ml.study.tasks import Task
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Square(Task):
    ...     side: float
    >>> def area(task):
    ...     return quantities(area=(task.side**2, "m^2", "area"))
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
    ...     sweep([Square(side=1.0), Square(side=3.0)], area, pool, folder=Path(folder)).results().area.values
    array([1., 9.])
    """
    wanted = list(dict.fromkeys(tasks))
    check_distinct(wanted)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    if retry_failed:
        for task in wanted:
            forget_failed(folder, task.key)
    counts: Counter[str] = Counter(_known(folder, task) for task in wanted)
    pending = [task for task in wanted if _known(folder, task) == "new"]
    with tqdm(total=len(pending), desc="sweep", unit="cell", disable=not progress) as bar:
        for status in _run_all(pending, run, executor, folder, workers, threads):
            counts[status] += 1
            bar.set_postfix(failed=counts["failed"])
            bar.update(1)
    return Sweep(tuple(wanted), folder, counts["done"], counts["skipped"], counts["failed"])


def _known(folder: Path, task: Task) -> str:
    if result_path(folder, task.key).exists():
        return "skipped"
    return "failed" if failure_path(folder, task.key).exists() else "new"


def _run_all(
    pending: list[Task],
    run: Run,
    executor: Executor | str | None,
    folder: Path,
    workers: int | None,
    threads: int,
) -> Iterator[Status]:
    """Yield how each cell ended. Those that another sweep runs are looked at again until they are done."""
    wait, breaks = _PATIENCE[0], 0
    while pending and breaks < _MAX_BREAKS:
        left: dict[str, Task] = {task.key: task for task in pending}
        try:
            with _opened(executor, workers) as pool:
                for status in _run_in(pool, left, run, folder, threads):
                    breaks = 0
                    yield status
        except BrokenExecutor as error:  # the system killed a worker: finished cells are on disk, the others run again
            breaks += 1
            if isinstance(executor, Executor) or (executor is not None and breaks >= _MAX_BREAKS):
                raise WorkersDiedError(
                    f"workers were killed with {len(left)} cells to go, perhaps for want of memory: use fewer workers "
                    "or smaller tasks, and start the sweep again; finished cells are kept."
                ) from error
        except CancelledError as error:  # which no cell asks for: Dask does it where it loses its scheduler
            raise WorkersDiedError(
                f"{len(left)} cells were cancelled before they were done, for the scheduler was lost or the executor "
                "was closed: see what ended it, and start the sweep again; finished cells are kept."
            ) from error
        else:
            if left:  # all of them busy elsewhere
                time.sleep(wait)
                wait = min(2 * wait, _PATIENCE[1])
        pending = list(left.values())
    if pending:
        yield from _run_alone(pending, run, folder, threads)


def _run_in(pool: Executor, left: dict[str, Task], run: Run, folder: Path, threads: int) -> Iterator[Status]:
    """Yield how each cell ended but for those that are busy elsewhere, which stay in ``left``."""
    futures: dict[Future[Status], Task] = {
        pool.submit(run_cell, task, run, folder, threads=threads): task for task in left.values()
    }
    for future in as_completed(futures):
        status = future.result()
        if status != "busy":
            del left[futures[future].key]
            yield status


def _run_alone(pending: list[Task], run: Run, folder: Path, threads: int) -> Iterator[Status]:
    """Yield how each cell ended, one at a time in one worker: if that dies, it is known which cell killed it."""
    waiting, wait = deque(pending), _PATIENCE[0]
    while waiting:
        with open_executor(workers=1) as pool:
            _check_worker(pool, run, waiting[0])
            alive = True
            while waiting and alive:
                task = waiting.popleft()
                try:
                    status = pool.submit(run_cell, task, run, folder, threads=threads).result()
                except BrokenExecutor:
                    alive, status = False, record_failure(task, WorkersDiedError(_DEATH), folder)
                if status == "busy":
                    waiting.append(task)
                    time.sleep(wait)
                    wait = min(2 * wait, _PATIENCE[1])
                else:
                    wait = _PATIENCE[0]
                    yield status


def _check_worker(pool: Executor, run: Run, task: Task) -> None:
    """Raise WorkersDiedError if a worker ends where it only has to load what it needs, which is no cell's doing."""
    try:
        pool.submit(bool, (run, task)).result()
    except BrokenExecutor as error:
        raise WorkersDiedError(
            "workers end before they begin a cell: run and its tasks must be in a module that they can import, and a "
            "script must start its sweep below if __name__ == '__main__'; finished cells are kept."
        ) from error


@contextmanager
def _opened(executor: Executor | str | None, workers: int | None) -> Iterator[Executor]:
    if isinstance(executor, Executor):
        with pinned_threads(1):  # were they threads of this process, each would put back what another had pinned
            yield executor
        return
    with open_executor(executor, workers=workers) as pool:
        yield pool
