"""Tasks for tests of sweeps, in a module that worker processes can import; every run leaves a line on disk."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.sweep import sweep
from hamiltonian_ml.study.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Cell(Task):
    number: int
    log: str
    seconds: float = 0.0


def run(task: Cell) -> xr.Dataset:
    """Note that the cell begins, work a little, and return numbers that depend on the task alone."""
    with Path(task.log).open("a") as log:  # one short write: lines of different processes do not mix
        log.write(f"{task.key}\n")
    time.sleep(task.seconds)
    draw = np.random.default_rng(task.seed_sequence("draw", "number")).normal()
    return quantities(square=(float(task.number) ** 2, "m^2", "area"), draw=(draw, "1", "a random number"))


def fail_once(task: Cell) -> xr.Dataset:
    """Fail in odd cells, the first time."""
    first = task.key not in Path(task.log).read_text() if Path(task.log).exists() else True
    if first and task.number % 2:
        with Path(task.log).open("a") as log:
            log.write(f"{task.key}\n")
        raise RuntimeError(f"cell {task.number} is odd")
    return run(task)


def die_once(task: Cell) -> xr.Dataset:
    """Kill the worker in cell 3, the first time."""
    marker = Path(task.log).with_suffix(".died")
    if task.number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run(task)


def die_in_first_and_sixth(task: Cell) -> xr.Dataset:
    """Kill the worker in two cells, every time."""
    if task.number in (0, 5):
        os._exit(1)
    return run(task)


def spin(task: Cell) -> xr.Dataset:
    """Keep one core busy for so many seconds of processor time."""
    end, total = time.process_time() + task.seconds, 0.0
    while time.process_time() < end:
        total += sum(range(10_000))
    return quantities(total=(total > 0, "1", "whether it worked"))


def tasks(n_cells: int, log: Path, seconds: float) -> list[Cell]:
    return [Cell(number=k, log=str(log), seconds=seconds) for k in range(n_cells)]


if __name__ == "__main__":  # folder, log, cells, seconds, address or "local"
    where, file, cells, pause, address = sys.argv[1:]
    chosen = tasks(int(cells), Path(file), float(pause))
    sweep(chosen, run, None if address == "local" else address, folder=Path(where), workers=2)
