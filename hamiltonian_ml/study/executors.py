"""Where the cells of a sweep run: local processes, or the workers of a Dask cluster by its scheduler's address.

In: an address or none. Out: a `concurrent.futures.Executor`; and threads pinned inside whatever worker it has.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import connection
from pathlib import Path

import numba
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hamiltonian_ml.bases.cores import n_cores

# What libraries read when they start threads of their own; numba's may not change once it has some.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CONNECT_SECONDS = 30


@contextlib.contextmanager
def open_executor(cluster: str | None = None, *, workers: int | None = None) -> Iterator[Executor]:
    """Give an executor and close it at the end.

    Parameters
    ----------
    cluster : str, optional
        Address of a Dask scheduler, for instance "tcp://node1:8786", or the path of its scheduler file. Without one,
        processes on this machine.
    workers : int, optional
        Number of local processes, by default one for each core that this process may use. Not used with a cluster.

    Raises
    ------
    ValueError
        If ``workers`` is not a positive integer.
    ImportError
        If a cluster is asked for and Dask is not installed.
    OSError
        If no scheduler answers, or its file is not there.

    Notes
    -----
    On a machine with a queue, `dask_jobqueue` starts the workers, one thread each since a cell is one thread::

        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster(cores=1, processes=1, memory="4GB", walltime="08:00:00", queue="normal")
        cluster.scale(jobs=40)
        sweep(tasks, run, cluster.scheduler_address, folder=folder)

    ``PBSCluster`` and others take the same arguments. Workers see the folder of results and import the function that
    runs a task, so they start in the folder where the sweep starts, on a file system that all of them share.
    """
    if cluster is not None:
        with _dask_executor(cluster) as executor:
            yield executor
        return
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be a positive integer or None, got {workers!r}.")
    # A fork would copy locks that JAX's and OpenMP's threads hold.
    context = multiprocessing.get_context("spawn")
    with pinned_threads(1):  # children read the variables when they import
        executor = ProcessPoolExecutor(workers or n_cores(), mp_context=context, initializer=_begin_worker)
        try:
            yield executor
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def pinned_threads(number: int) -> Iterator[None]:
    """Let numerical libraries use so many threads while the block runs, in this process and its new children."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    numba_before = numba.get_num_threads()
    os.environ.update(dict.fromkeys(_VARIABLES, str(number)))
    numba.set_num_threads(min(number, numba_before))
    try:
        with threadpool_limits(number):
            yield
    finally:
        numba.set_num_threads(numba_before)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _dask_executor(cluster: str) -> Iterator[Executor]:
    by_file = cluster.endswith(".json")
    if by_file and not Path(cluster).is_file():  # for which Dask would wait without end
        raise FileNotFoundError(
            f"cluster names a scheduler file that is not there, {cluster}; start the scheduler with "
            "--scheduler-file first, or give its address."
        )
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "a cluster needs dask.distributed; run pip install -e '.[cluster]' in the checkout."
        ) from error
    where = {"scheduler_file": cluster} if by_file else {"address": cluster}
    with Client(**where, timeout=_CONNECT_SECONDS, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        executor = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)  # which cancels what has not begun


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all processes of a terminal: one of them says so
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process when its parent is gone, which a killed parent cannot ask for and a waiting child not see."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
