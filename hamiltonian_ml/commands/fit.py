"""``hamiltonian-ml fit``: a model for a column of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hamiltonian_ml.commands import options as given
from hamiltonian_ml.commands.output import check_file, is_watched, show

if TYPE_CHECKING:
    from hamiltonian_ml.study.fitting import FittedTable


def fit(
    table: given.Table,
    target: given.Target,
    out: Annotated[Path, typer.Option(help="File for the model, netCDF.")] = Path("model.nc"),
    drop: given.Drop = None,
    task: given.Kind = "auto",
    test_fraction: given.TestFraction = 0.2,
    qubits: given.Qubits = 6,
    connectivity: given.Connectivity = "chain",
    selection: given.Selection = "auto",
    backend: given.Backend = "auto",
    shots: given.Shots = 1000,
    max_iter: given.MaxIter = 100,
    learning_rate: given.LearningRate = 0.02,
    alpha: given.Alpha = 0.0,
    store: Annotated[Path | None, typer.Option(help="Folder of samples and jobs; nothing is measured twice.")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Only samples of the store; measure nothing.")] = False,
    max_qpu_seconds: given.MaxQpuSeconds = None,
    seed: given.Seed = 0,
    as_json: given.AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Learn to predict a column of a table from its other columns, which are scaled on the way."""
    check_file(out)
    from hamiltonian_ml.study.fitting import FitSettings, fit_table
    from hamiltonian_ml.study.tables import read_table

    options = {
        "n_qubits": qubits, "connectivity": connectivity, "selection": selection, "backend": backend, "shots": shots,
        "max_iter": max_iter, "learning_rate": learning_rate, "alpha": alpha,
        "store": _store(store, replay=replay), "max_qpu_seconds": max_qpu_seconds,
    }  # fmt: skip
    settings = FitSettings(
        target=target, drop=tuple(drop or ()), task=task, test_fraction=test_fraction, seed=seed, options=options
    )
    fitted = fit_table(read_table(table), settings, verbose=is_watched(quiet=quiet or as_json))
    out.parent.mkdir(parents=True, exist_ok=True)
    fitted.model.save(out)
    show(summary(fitted) | {"written_to": str(out)}, as_json=as_json)


def summary(fitted: FittedTable) -> dict[str, Any]:
    """Return what is printed of a fit."""
    score = "accuracy" if hasattr(fitted.model, "classes_") else "R2"
    return {
        "model": type(fitted.model).__name__,
        "rows_to_train_on": fitted.n_train,
        "rows_to_test_on": fitted.n_test,
        f"train_{score}": fitted.train_score,
        f"test_{score}": fitted.test_score,
        "share_of_rows_trusted": fitted.trusted,
        "basis_states": fitted.model.subspace_.dimension,
    }


def _store(folder: Path | None, *, replay: bool) -> Any:
    """Return the value of the parameter ``store``."""
    if not replay:
        return None if folder is None else str(folder)
    if folder is None or not folder.is_dir():
        raise ValueError(f"--replay needs --store with a folder of samples, got {folder}.")
    from hamiltonian_ml.sampling.store import SampleStore

    return SampleStore(str(folder), mode="replay")
