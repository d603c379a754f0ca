"""All cells of a sweep as one dataset: the fields that differ between tasks become its dimensions.

In: tasks and their folder. Out: one `xarray.Dataset` with units, settings and what made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hamiltonian_ml.study.cells import read_cell, result_path
from hamiltonian_ml.study.tasks import Task

_OF_ONE_CELL = ("created", "settings", "key")  # attributes that every cell has of its own


def gather(tasks: Iterable[Task], folder: Path) -> xr.Dataset:
    """Return the finished cells of some tasks.

    Parameters
    ----------
    tasks : iterable of Task
    folder : Path
        Where their results are.

    Returns
    -------
    xarray.Dataset
        With a dimension for each field that takes more than one value, in the order of the fields, before the
        dimensions that each cell has. A field that follows from the others is a variable instead; fields are asked from
        the last to the first. NaN (or "") where a combination is no task or not done. Attributes: the fields that all
        tasks share (``setting_<name>``), what made the cells, ``n_cells`` and ``n_missing``.

    Raises
    ------
    ValueError
        If no cell is done, or the tasks are of different classes.
    OSError
        If the file of a cell is damaged.
    """
    wanted = list(dict.fromkeys(tasks))
    done = [task for task in wanted if result_path(folder, task.key).exists()]
    if not done:
        raise ValueError(f"no cell of {len(wanted)} is done in {folder}; run the sweep first.")
    if len({type(task) for task in wanted}) > 1:
        raise ValueError("tasks must be of one class to be gathered; gather those of each class on their own.")
    settings = [task.settings() for task in done]
    varied, following = _varied([task.settings() for task in wanted])
    cells = [read_cell(folder, task.key) for task in done]
    attributes = _shared_attributes(cells)
    loose = {*varied, *following}
    shared = {f"setting_{k}": _label(v) for k, v in settings[0].items() if k not in loose and v is not None}
    table = xr.concat(
        [cell.drop_attrs(deep=False) for cell in cells], "cell", join="outer", data_vars="all", coords="different",
        compat="equals",
    )  # fmt: skip
    for name in following:
        if name not in table:
            table[name] = ("cell", [_label(row[name]) for row in settings], {"long_name": name.replace("_", " ")})
    result = _on_grid(table, varied, settings) if varied else table.isel(cell=0)
    result.attrs = {**attributes, **shared, "n_cells": len(done), "n_missing": len(wanted) - len(done)}
    return result


def _varied(settings: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return the fields that tell the tasks apart, and those that vary with them."""
    labels = {name: [_label(row[name]) for row in settings] for name in settings[0]}
    varied = [name for name, values in labels.items() if len(set(values)) > 1]
    following: list[str] = []
    for name in reversed(varied.copy()):
        rest = [labels[other] for other in varied if other != name]
        if rest and len(set(zip(*rest, strict=True))) == len(settings):
            varied.remove(name)
            following.insert(0, name)
    return varied, following


def _on_grid(table: xr.Dataset, varied: Sequence[str], settings: list[dict[str, Any]]) -> xr.Dataset:
    """Spread the cells over the grid of the fields that vary."""
    values = {name: list(dict.fromkeys(_label(row[name]) for row in settings)) for name in varied}
    for name, labels in values.items():
        if all(isinstance(label, int | float) for label in labels):
            values[name] = sorted(labels)
    places = tuple(np.array([values[name].index(_label(row[name])) for row in settings]) for name in varied)
    shape = tuple(len(values[name]) for name in varied)
    variables = {}
    for name, variable in ((str(name), array) for name, array in table.data_vars.items()):
        inner = variable.dims[1:]
        fresh = np.full(
            (*shape, *variable.shape[1:]), "" if variable.dtype.kind in "UO" else np.nan, dtype=_kind(variable)
        )
        fresh[places] = variable.values
        variables[name] = ((*varied, *inner), fresh, variable.attrs)
    inner_coordinates = {k: v for k, v in table.coords.items() if "cell" not in v.dims}
    return xr.Dataset(variables, {**inner_coordinates, **{k: _coordinate(k, v) for k, v in values.items()}})


def _coordinate(name: str, labels: list[Any]) -> Any:
    return xr.Variable(name, np.array(labels), {"long_name": name.replace("_", " ")})


def _kind(variable: xr.DataArray) -> Any:
    kind = variable.dtype.kind
    return object if kind in "UO" else variable.dtype if kind == "c" else np.float64


def _label(value: Any) -> Any:
    """Return a value that can label a coordinate: a number, or text for everything else."""
    if isinstance(value, bool | np.bool_) or value is None:
        return str(value)
    if isinstance(value, int | float | str):
        return value
    return json.dumps(value, sort_keys=True, default=str)


def _shared_attributes(cells: list[xr.Dataset]) -> dict[str, Any]:
    """Return the attributes of all cells; where they differ, all values that there are."""
    names = dict.fromkeys(name for cell in cells for name in cell.attrs if name not in _OF_ONE_CELL)
    found: dict[str, Any] = {}
    for name in names:
        values = list(dict.fromkeys(cell.attrs[name] for cell in cells if name in cell.attrs))
        found[name] = values[0] if len(values) == 1 else "; ".join(str(value) for value in values)
    times = sorted(str(cell.attrs["created"]) for cell in cells if "created" in cell.attrs)
    return {**found, "created": times[0] if times[0] == times[-1] else f"{times[0]} to {times[-1]}"} if times else found
