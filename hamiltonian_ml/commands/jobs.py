"""``hamiltonian-ml submit`` and ``collect``: a fit on a device with a queue, begun here and finished anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltonian_ml.commands import options as given
from hamiltonian_ml.commands.fit import summary
from hamiltonian_ml.commands.output import check_file, check_folder, show

if TYPE_CHECKING:
    from hamiltonian_ml.study.submitted import SubmittedFit

NOT_DONE = 3  # exit status of collect while jobs are awaited, for scripts that ask again

Store = Annotated[Path, typer.Option(help="Folder of samples and jobs; collect needs it and nothing else.")]
Out = Annotated[Path, typer.Option(help="File for the model, netCDF, once the fit is done.")]


def submit(
    table: given.Table,
    target: given.Target,
    store: Store,
    out: Out = Path("model.nc"),
    drop: given.Drop = None,
    task: given.Kind = "auto",
    test_fraction: given.TestFraction = 0.2,
    qubits: given.Qubits = 6,
    connectivity: given.Connectivity = "chain",
    backend: given.Backend = "auto",
    shots: given.Shots = 1000,
    krylov_dimension: given.KrylovDimension = 4,
    max_iter: given.MaxIter = 100,
    learning_rate: given.LearningRate = 0.02,
    alpha: given.Alpha = 0.0,
    max_qpu_seconds: given.MaxQpuSeconds = None,
    seed: given.Seed = 0,
    as_json: given.AsJson = False,
) -> None:
    """Begin a fit by Krylov samples, send its jobs and do not wait for them; collect goes on with it."""
    check_folder(store, option="--store")
    check_file(out)
    from hamiltonian_ml.study.fitting import FitSettings
    from hamiltonian_ml.study.submitted import submit_table

    options = {
        "n_qubits": qubits, "connectivity": connectivity, "selection": "krylov", "backend": backend, "shots": shots,
        "krylov_dimension": krylov_dimension, "max_iter": max_iter, "learning_rate": learning_rate, "alpha": alpha,
        "max_qpu_seconds": max_qpu_seconds,
    }  # fmt: skip
    settings = FitSettings(
        target=target, drop=tuple(drop or ()), task=task, test_fraction=test_fraction, seed=seed, options=options
    )
    _report(submit_table(table, settings, store), out, as_json=as_json)


def collect(
    store: Store,
    name: Annotated[str | None, typer.Option(help="Of the fit, where the store has several.")] = None,
    out: Out = Path("model.nc"),
    wait: Annotated[bool, typer.Option("--wait", help="Wait for all jobs until the fit is done.")] = False,
    replay: Annotated[bool, typer.Option("--replay", help="Take all from the store and ask no service.")] = False,
    max_qpu_seconds: given.MaxQpuSeconds = None,
    as_json: given.AsJson = False,
) -> None:
    """Go on with a fit that submit began, here or on another machine; status 3 while jobs are awaited.

    Training needs new samples every few epochs, so that a fit takes several rounds: each collect trains as far as there
    are samples and sends what comes next. A folder whose fit is done replays on any machine, without an account.
    """
    check_file(out)
    from hamiltonian_ml.study.submitted import collect_table

    progress = collect_table(store, name=name, wait=wait, replay=replay, max_qpu_seconds=max_qpu_seconds)
    _report(progress, out, as_json=as_json)
    if progress.fitted is None:
        raise typer.Exit(NOT_DONE)


def _report(progress: SubmittedFit, out: Path, *, as_json: bool) -> None:
    """Print what is awaited, or write the model and print its scores."""
    fitted, jobs = progress.fitted, list(progress.pending_jobs)
    if fitted is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        fitted.model.save(out)
        done = {"fit": progress.name, "pending_jobs": jobs} if as_json else {"fit": progress.name}
        show(done | summary(fitted) | {"written_to": str(out)}, as_json=as_json)
    elif as_json:
        typer.echo(json.dumps({"fit": progress.name, "pending_jobs": jobs}))
    else:
        show({"fit": progress.name, "waits_for_jobs": ", ".join(jobs)}, as_json=False)
