"""Cells become one labelled dataset: a dimension a field that varies, units and provenance kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.study.gather import gather
from hamiltonian_ml.study.sweep import sweep
from hamiltonian_ml.study.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Cell(Task):
    states: str
    n_qubits: int
    entangling: bool = True


def run(task: Cell) -> xr.Dataset:
    if task.n_qubits == 99:
        raise RuntimeError("too many")
    values = ("epoch", task.n_qubits + np.arange(task.n_qubits), {"units": "nat"})
    job = {"job_ids": f"job-{task.states}"}
    return xr.Dataset({"loss": values, "name": task.states}, {"epoch": np.arange(task.n_qubits)}, job)


def swept(folder, cells):
    with ThreadPoolExecutor(1) as pool:
        return sweep(cells, run, pool, folder=folder).results()


def test_fields_that_vary_become_dimensions_in_their_order_and_the_others_attributes(tmp_path):
    cells = [Cell(states=m, n_qubits=n) for m, n in product(["sampled", "exact"], [3, 2])]
    found = swept(tmp_path, cells)
    assert found.loss.dims == ("states", "n_qubits", "epoch")
    assert found.n_qubits.values.tolist() == [2, 3]  # numbers ascend, names keep the order of the tasks
    assert found.states.values.tolist() == ["sampled", "exact"]
    assert found.loss.sel(states="exact", n_qubits=3, epoch=1) == 4
    assert found.loss.units == "nat"
    assert found.attrs["setting_entangling"] == "True"
    assert found["name"].sel(states="exact", n_qubits=2) == "exact"


def test_what_is_longer_in_one_cell_is_nan_in_the_others(tmp_path):
    found = swept(tmp_path, [Cell(states="a", n_qubits=n) for n in (1, 3)])
    assert np.isnan(found.loss.sel(n_qubits=1, epoch=2))


def test_a_field_that_follows_from_others_is_a_variable(tmp_path):
    cells = [Cell(states=s, n_qubits=n, entangling=s == "a") for s, n in product("ab", [2, 3])]
    found = swept(tmp_path, cells)
    assert found.loss.dims == ("states", "n_qubits", "epoch")
    assert found.entangling.sel(states="b", n_qubits=3) == "False"


def test_missing_cells_are_nan_and_counted(tmp_path):
    found = swept(tmp_path, [Cell(states="a", n_qubits=2), Cell(states="b", n_qubits=2), Cell(states="b", n_qubits=99)])
    assert (found.n_cells, found.n_missing) == (2, 1)
    assert found.attrs["job_ids"] == "job-a; job-b"


def test_versions_and_time_come_along(tmp_path):
    found = swept(tmp_path, [Cell(states="a", n_qubits=2)])
    assert {"version_numpy", "created", "python", "task"} <= set(found.attrs)


def test_nothing_done_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"no cell of 1 is done in .*; run the sweep first"):
        gather([Cell(states="a", n_qubits=2)], tmp_path)
