"""A sweep over a user's own table: qubits x selection x backend x seeds, from one small TOML file or from options.

In: a `Plan`. Out: tasks, the function that runs one of them, and their results as one dataset.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hamiltonian_ml.bases.checks import check_choice, check_integer, check_real
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.sampling.backends import Backend, as_backend
from hamiltonian_ml.sampling.store import jobs_used
from hamiltonian_ml.study.budget import whole_fits_only
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.datasets import Table, known_datasets, load_table, split_table
from hamiltonian_ml.study.tables import numbers_of, read_table, require_columns, row_numbers
from hamiltonian_ml.study.tasks import Task

SELECTIONS = ("auto", "full", "krylov", "classical", "random")  # by name; objects cannot be written in a file
# Set by the plan, or by how it is run, and so not among its settings.
_SWEPT = ("n_qubits", "selection", "backend", "random_state", "verbose", "store", "max_qpu_seconds", "checkpoint")


@dataclass(frozen=True, kw_only=True)
class Fit(Task):
    """One classifier on one split of a table, known by ``digest``, which changes with what is in the file."""

    table: str = field(compare=False)  # however its path is spelt
    target: str
    digest: str
    n_qubits: int
    selection: str
    backend: str
    seed: int
    test_fraction: float
    settings_of_model: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is swept.

    Parameters
    ----------
    table : str
        A .csv, .tsv or .parquet file, or one of `known_datasets`.
    target : str
        Column of the labels; not used for a known data set.
    qubits, selection, backend : sequences
        Values of the classifier's parameters.
    seeds : int
        Splits and start values, from 0 on.
    test_fraction : float
        Share of the rows that no model sees before it is judged.
    settings : dict
        Other parameters of `HamiltonianClassifier`, the same for all.
    store : str, optional
        Folder of samples and jobs, shared by all cells; devices that charge need one. It decides no result.
    max_qpu_seconds : float, optional
        Budget of all cells together. A cell that would exceed it fails with one line, and sends nothing more.

    Raises
    ------
    ValueError
        If a value is not allowed.

    Examples
    --------
    >>> from hamiltonian_ml.study.plan import Plan
    >>> len(Plan(table="iris", qubits=[2, 3], selection=["full"], seeds=5).tasks())
    10
    """

    table: str
    target: str = ""
    qubits: Sequence[int] = (6,)
    selection: Sequence[str] = ("auto",)
    backend: Sequence[str] = ("auto",)
    seeds: int = 3
    test_fraction: float = 0.3
    settings: dict[str, Any] | None = None
    store: str | None = None
    max_qpu_seconds: float | None = None

    def __post_init__(self) -> None:
        _check_kinds({name: value for name, value in vars(self).items() if value is not None})
        for name in ("qubits", "selection", "backend"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence) or not value:
                raise ValueError(f"{name} must be a list of at least one value, got {value!r}.")
        for n_qubits in self.qubits:
            check_integer("qubits", n_qubits, at_least=1)
        for selection in self.selection:
            check_choice("selection", selection, SELECTIONS)
        for backend in self.backend:
            place = as_backend(backend)
            if isinstance(place, Backend) and place.is_remote and self.store is None:
                raise ValueError(f"backend {backend!r} charges for its jobs: give store, a folder that keeps them.")
        if self.max_qpu_seconds is not None:
            check_real("max_qpu_seconds", self.max_qpu_seconds)
            if self.store is None:
                raise ValueError("max_qpu_seconds needs store, the folder in which all jobs of the sweep are counted.")
        check_integer("seeds", self.seeds, at_least=1)
        check_real("test_fraction", self.test_fraction)
        if not 0 < self.test_fraction < 1:
            raise ValueError(f"test_fraction must be between 0 and 1, got {self.test_fraction!r}.")
        allowed = [name for name in HamiltonianClassifier().get_params() if name not in _SWEPT]
        for name in self.settings or {}:
            check_choice("settings", name, tuple(allowed))

    def tasks(self) -> list[Fit]:
        """Return a task for each cell; reads the table, so that what is wrong with it shows before any work."""
        table, digest = _table(self.table, self.target, seed=0)
        split_table(table, test_fraction=self.test_fraction, seed=0)
        others = tuple(sorted((name, _frozen(value)) for name, value in (self.settings or {}).items()))
        return [
            Fit(
                table=self.table, target=self.target, digest=digest, n_qubits=n, selection=selection, backend=backend,
                seed=seed, test_fraction=self.test_fraction, settings_of_model=others,
            )
            for seed, n, selection, backend in product(range(self.seeds), self.qubits, self.selection, self.backend)
        ]  # fmt: skip


def read_plan(path: Path) -> dict[str, Any]:
    """Return the fields of a `Plan` from a TOML file; a relative table or store is looked for beside it.

    Raises
    ------
    ValueError
        If the file is not TOML, has a key that a plan has not, or something else than text for a path.
    OSError
        If there is no such file.
    """
    try:
        given = tomllib.loads(Path(path).read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from error
    for name in given:
        check_choice(f"keys of {path}", name, tuple(each.name for each in fields(Plan)))
    _check_kinds(given)
    for name in ("table", "store"):
        if name in given and not (name == "table" and given[name] in known_datasets()):
            given[name] = str(Path(path).parent / given[name])
    return given


def run(task: Fit, *, store: str | None = None, max_qpu_seconds: float | None = None) -> xr.Dataset:
    """Train one classifier and judge it on the rows left out; ``job_ids`` names the jobs of a service it took.

    Raises
    ------
    ValueError
        If the table has changed, or the budget of the store does not suffice for all of the training: half of one would
        stand in the results as if it were whole.
    """
    table, digest = _table(task.table, task.target, seed=task.seed)
    if digest != task.digest:
        raise ValueError(f"{task.table} has changed since the sweep began; start it again.")
    rows = split_table(table, test_fraction=task.test_fraction, seed=task.seed)
    model = HamiltonianClassifier(
        task.n_qubits,
        selection=task.selection,
        backend=task.backend,
        random_state=task.seed,
        store=store,
        max_qpu_seconds=max_qpu_seconds,
        **dict(task.settings_of_model),
    )
    with whole_fits_only("run the cell again"), jobs_used() as jobs:
        model.fit(rows.train_features, rows.train_labels)
    certificate = model.certify(rows.test_features)
    found = quantities(
        test_accuracy=(model.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
        train_accuracy=(model.score(rows.train_features, rows.train_labels), "1", "share of training rows right"),
        dimension=(model.subspace_.dimension, "1", "basis states in the subspace"),
        trusted=(float(certificate.trusted.mean()), "1", "share of test rows that the certificate trusts"),
    )
    return found.assign_attrs(job_ids=", ".join(jobs)) if jobs else found


def on_axes(results: xr.Dataset) -> xr.Dataset:
    """Return the results with all four swept fields as dimensions, those of one value included."""
    for name, kind in (("n_qubits", int), ("selection", str), ("backend", str), ("seed", int)):
        if name not in results.dims:
            results = results.expand_dims({name: [kind(results.attrs.get(f"setting_{name}", 0))]})
    return results


def _table(name: str, target: str, *, seed: int) -> tuple[Table, str]:
    """Return a table and what identifies its contents."""
    if name in known_datasets():
        return load_table(name, seed=seed), name
    if not Path(name).suffix and not Path(name).exists():
        known = ", ".join(known_datasets())
        raise ValueError(f"table must be a .csv, .tsv or .parquet file, or one of {known}; got {name!r}.")
    frame = read_table(name)
    if not target:
        raise ValueError(
            f"target is missing: name the column of {name} that holds the labels, by --target or as target in the file."
        )
    require_columns(frame, [target])
    gaps = frame[target].isna()
    if gaps.any():
        raise ValueError(
            f"column {target!r} is empty in {gaps.sum()} of {len(gaps)} rows; fill it or remove these rows."
        )
    rare = frame[target].value_counts() < 2
    if rare.any():
        raise ValueError(
            f"column {target!r} holds {len(rare)} different values in {len(frame)} rows, {rare.sum()} of them only "
            "once; sweep is for classification, and each class needs a row to train on and one to test on."
        )
    unnamed = [column for column in row_numbers(frame) if column != target]
    features = numbers_of(frame.drop(columns=[target, *unnamed]), may_drop=False)
    if not features.shape[1]:
        raise ValueError(f"{name} has no column but {target!r}; a table needs at least one feature.")
    labels = frame[target].astype(str).to_numpy(dtype=np.str_)
    table = Table(Path(name).stem, features.to_numpy(), labels, tuple(features.columns))
    return table, hashlib.sha256(Path(name).read_bytes()).hexdigest()


def _check_kinds(given: Mapping[str, Any]) -> None:
    """Raise ValueError unless names and paths are text, and the other parameters a table of names."""
    for name in ("table", "target", "store"):
        if not isinstance(given.get(name, ""), str):
            raise ValueError(f"{name} must be text, got {given[name]!r}; in a file, write it between quotes.")
    settings = given.get("settings", {})
    if not isinstance(settings, dict):
        raise ValueError(
            f"settings must be a table of parameters, got {settings!r}; in a file, begin it by [settings]."
        )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError(f"settings must be numbers, text, booleans or lists of those, but one of them is {value!r}.")
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
