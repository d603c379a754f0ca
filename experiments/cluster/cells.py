"""Cells that do nothing but keep a core busy, in a module that workers can import."""

from __future__ import annotations

import time
from dataclasses import dataclass

import xarray as xr

from experiments.parts import Task
from hamiltonian_ml.study.cells import quantities


@dataclass(frozen=True, kw_only=True)
class Spin(Task):
    """One cell of so many seconds of processor time."""

    number: int
    seconds: float


def spin(task: Spin) -> xr.Dataset:
    """Keep one core busy."""
    start = time.process_time()
    while time.process_time() - start < task.seconds:
        sum(range(10_000))
    return quantities(spent=(time.process_time() - start, "s", "processor time"))
