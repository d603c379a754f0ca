"""``hamiltonian-ml preview``: what a fit takes on a processor, before anything is sent."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hamiltonian_ml.commands import options as given
from hamiltonian_ml.commands.output import is_watched

_MANY_QUBITS = 500


def preview(
    table: given.Table,
    target: given.Target,
    drop: given.Drop = None,
    task: given.Kind = "auto",
    test_fraction: given.TestFraction = 0.2,
    qubits: given.Qubits = 6,
    connectivity: given.Connectivity = "chain",
    selection: given.Selection = "auto",
    backend: given.Backend = "auto",
    shots: given.Shots = 1000,
    krylov_dimension: given.KrylovDimension = 4,
    max_iter: given.MaxIter = 100,
    price_per_minute: Annotated[
        float | None, typer.Option(help="What a minute on the processor costs you, in any currency.")
    ] = None,
    seed: given.Seed = 0,
    as_json: given.AsJson = False,
) -> None:
    """Show circuits, depth, executions, jobs, QPU seconds and cost of a fit. Sends nothing and touches no network."""
    from hamiltonian_ml.study.fitting import FitSettings, preview_table
    from hamiltonian_ml.study.tables import read_table

    options = {
        "n_qubits": qubits, "connectivity": connectivity, "selection": selection, "backend": backend, "shots": shots,
        "krylov_dimension": krylov_dimension, "max_iter": max_iter,
    }  # fmt: skip
    settings = FitSettings(
        target=target, drop=tuple(drop or ()), task=task, test_fraction=test_fraction, seed=seed, options=options
    )
    if qubits > _MANY_QUBITS and is_watched(quiet=as_json):
        typer.echo(f"writing down the circuits on {qubits} qubits, which takes some seconds", err=True)
    usage = preview_table(read_table(table), settings, price_per_minute=price_per_minute)
    typer.echo(json.dumps(usage.to_dict()) if as_json else str(usage))
