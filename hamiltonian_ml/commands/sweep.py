"""The command ``hamiltonian-ml sweep``: options and a TOML file come in, one sweep runs, its results are shown.

Whatever it needs is imported inside, so that ``hamiltonian-ml --help`` answers at once.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hamiltonian_ml.commands.options import MOST_QUBITS
from hamiltonian_ml.commands.output import check_folder, is_watched

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.study.plan import Plan
    from hamiltonian_ml.study.sweep import Sweep

_TABLES = "CSV, TSV or Parquet file, or one of breast_cancer, wine, iris, digits, moons and circles."


def sweep(
    plan: Annotated[Path | None, typer.Argument(help="TOML file with any of the options below as keys.")] = None,
    table: Annotated[str | None, typer.Option(help=_TABLES)] = None,
    target: Annotated[str | None, typer.Option(help="Column of the labels, which are classes.")] = None,
    qubits: Annotated[
        list[int] | None, typer.Option(help="Number of qubits; may be repeated.", max=MOST_QUBITS)
    ] = None,
    selection: Annotated[list[str] | None, typer.Option(help="How basis states are chosen; may be repeated.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="Where circuits run; may be repeated.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Splits and start values, 3 without it.")] = None,
    max_iter: Annotated[int | None, typer.Option(help="Epochs.")] = None,
    store: Annotated[str | None, typer.Option(help="Folder of samples and jobs, shared by all cells.")] = None,
    max_qpu_seconds: Annotated[float | None, typer.Option(help="Budget of all cells together; needs --store.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for cells, results and figure; a sweep goes on in it.")] = Path(
        "sweep-output"
    ),
    workers: Annotated[int | None, typer.Option(help="Local processes; one a core without it.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run failed cells again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Train on a table for all combinations of qubits, selections, backends and seeds.

    Status 1 if a cell failed, after the results of the others; 2 if none is left to show.
    """
    check_folder(out)
    from hamiltonian_ml.study.plan import on_axes

    options = {
        "table": table, "target": target, "qubits": qubits, "selection": selection, "backend": backend,
        "seeds": seeds, "store": store, "max_qpu_seconds": max_qpu_seconds,
    }  # fmt: skip
    chosen = _plan(plan, options, max_iter)
    done = _run(
        chosen, cluster, folder=out / "cells", workers=workers, retry_failed=retry,
        progress=is_watched(quiet=quiet or as_json),
    )  # fmt: skip
    results = on_axes(done.results())
    results.attrs["title"] = Path(chosen.table).stem
    _report(done, results, _write(results, out), as_json=as_json)
    if done.failed:
        raise typer.Exit(1)


def _plan(file: Path | None, options: dict[str, Any], max_iter: int | None) -> Plan:
    """Return the plan of a file, if there is one, with the options that were given in the place of its own."""
    from hamiltonian_ml.study.plan import Plan, read_plan

    given: dict[str, Any] = {} if file is None else read_plan(file)
    given |= {name: value for name, value in options.items() if value or value == 0}
    if max_iter is not None:
        given["settings"] = {**given.get("settings", {}), "max_iter": max_iter}
    if "table" not in given:
        raise ValueError("table is missing: give a TOML file with it, or --table.")
    return Plan(**given)


def _run(plan: Plan, cluster: str | None, **options: Any) -> Sweep:
    """Run the cells of a plan, or raise ValueError if all of them failed."""
    from hamiltonian_ml.study.plan import run
    from hamiltonian_ml.study.sweep import sweep as run_sweep

    one = run
    if plan.store is not None:
        one = partial(run, store=plan.store, max_qpu_seconds=plan.max_qpu_seconds)
    done = run_sweep(plan.tasks(), one, cluster, **options)
    if done.failed == len(done.tasks):
        raise ValueError(f"all {done.failed} cells failed, the first with {done.failures()[0].error}")
    return done


def _write(results: xr.Dataset, out: Path) -> list[Path]:
    from hamiltonian_ml.bases.files import whole_file
    from hamiltonian_ml.display.sweep import sweep_figure
    from hamiltonian_ml.study.results import write_results

    figure, data = out / "sweep.png", out / "sweep.nc"
    write_results(results, data)
    with whole_file(figure) as partial:
        sweep_figure(results).savefig(partial, format="png", dpi=150)
    return [figure, data]


def _report(done: Sweep, results: xr.Dataset, files: list[Path], *, as_json: bool) -> None:
    rows = _rows(results)
    counts = {"ran": done.ran, "skipped": done.skipped, "failed": done.failed}
    if as_json:
        failures = [{"key": failure.key, "error": failure.error} for failure in done.failures()]
        typer.echo(json.dumps({"rows": rows, **counts, "failures": failures, "files": [str(file) for file in files]}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 3, 0, 0))
    for name in ("qubits", "selection", "backend", "test accuracy", "states", "trusted", "seeds"):
        table.add_column(name, justify="left" if name in ("selection", "backend") else "right")
    for row in rows:
        table.add_row(
            str(row["n_qubits"]), row["selection"], row["backend"], row["accuracy"], f"{row['dimension']:.0f}",
            f"{row['trusted']:.1%}", str(row["n_seeds"]),
        )  # fmt: skip
    Console(highlight=False).print(table)
    typer.echo(f"\ncells: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    for failure in done.failures():
        typer.echo(f"failed: {failure.error} ({done.folder / failure.key}.failed.json)")
    typer.echo("written to " + " and ".join(str(file) for file in files))


def _rows(results: xr.Dataset) -> list[dict[str, Any]]:
    """Return a row for each combination that has a result: means over seeds, as plain numbers and text."""
    from hamiltonian_ml.study.statistics import estimate

    rows = []
    for n_qubits in results["n_qubits"].values:
        for selection in results["selection"].values:
            for backend in results["backend"].values:
                here = results.sel(n_qubits=n_qubits, selection=selection, backend=backend)
                if here["test_accuracy"].notnull().any():
                    found = estimate(here["test_accuracy"])
                    rows.append(
                        {
                            "n_qubits": int(n_qubits), "selection": str(selection), "backend": str(backend),
                            "accuracy": str(found), "mean": found.mean,
                            "error": found.error if found.n > 1 else None, "n_seeds": found.n,
                            "dimension": float(here["dimension"].mean()), "trusted": float(here["trusted"].mean()),
                        }
                    )  # fmt: skip
    return rows
