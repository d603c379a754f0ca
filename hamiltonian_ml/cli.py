"""The command line. Nothing is computed here: options come in, one call goes down, and its results are shown.

Whatever a command needs is imported inside it, so that ``hamiltonian-ml --help`` answers at once.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hamiltonian_ml.commands.doctor import doctor
from hamiltonian_ml.commands.fit import fit
from hamiltonian_ml.commands.interrupts import heard_interrupts
from hamiltonian_ml.commands.jobs import collect, submit
from hamiltonian_ml.commands.options import MOST_QUBITS
from hamiltonian_ml.commands.output import check_folder, is_watched
from hamiltonian_ml.commands.predict import predict
from hamiltonian_ml.commands.preview import preview
from hamiltonian_ml.commands.sweep import sweep

if TYPE_CHECKING:
    import xarray as xr

_NAME = "hamiltonian-ml"
_BAD_INPUT, _INTERRUPTED = 2, 130
# The parent of all errors in options and arguments: typer has it from click, or from a copy of its own.
_UsageError: Any = typer.BadParameter.__base__


class _OneLineErrors(TyperGroup):
    """Commands whose errors and warnings are one line on stderr: wrong options and bad values end with status 2."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and leave Python with its status."""
        try:
            with heard_interrupts(), warnings.catch_warnings():
                warnings.showwarning = _teller()
                status = super().main(*args, **{**options, "standalone_mode": False})
        except _UsageError as error:
            status = _complain(f"{error.format_message().rstrip('.')}; see {_NAME} --help.", _BAD_INPUT)
        except (ValueError, OSError, ImportError) as error:
            status = _complain(str(error), _BAD_INPUT)
        except MemoryError as error:
            status = _complain(str(error) or "the machine ran out of memory; take fewer qubits or states.", _BAD_INPUT)
        except Exception as error:
            if not _is_of_a_simulator(error):
                raise
            status = _complain(f"the backend failed: {error}", _BAD_INPUT)
        except (KeyboardInterrupt, typer.Abort):
            status = _INTERRUPTED
        if status == _INTERRUPTED:
            _complain("interrupted.", _INTERRUPTED)
        sys.exit(status)


def _is_of_a_simulator(error: Exception) -> bool:
    """Return whether an error is Qiskit's, whose base class is not worth an import of Qiskit."""
    return any(base.__module__.startswith("qiskit") for base in type(error).__mro__)


main = typer.Typer(cls=_OneLineErrors, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"{_NAME} {version('hamiltonian_ml')}")
        raise typer.Exit


@main.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Supervised learning with ground states of data-dependent Hamiltonians."""


@main.command()
def demo(
    qubits: Annotated[int, typer.Option(help="Qubits on a chain.", max=MOST_QUBITS)] = 12,
    dataset: Annotated[
        str, typer.Option(help="breast_cancer, wine, iris, digits, moons or circles.")
    ] = "breast_cancer",
    backend: Annotated[str, typer.Option(help="Where circuits run: auto, statevector or mps.")] = "auto",
    out: Annotated[Path, typer.Option(help="Folder for the figure and the netCDF file.")] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="Seed of the split, start values and samples.")] = 0,
    max_iter: Annotated[int | None, typer.Option(help="Epochs; without it, enough for 140 steps.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Train a classifier from Krylov samples, beside logistic regression and an RBF SVC on the same rows."""
    check_folder(out)
    watched = is_watched(quiet=quiet or as_json)
    if watched:
        typer.echo("loading JAX, Qiskit and scikit-learn", err=True)
    from hamiltonian_ml.study.demo import DemoSettings, run_demo

    chosen = {} if max_iter is None else {"max_iter": max_iter}
    settings = DemoSettings(dataset=dataset, n_qubits=qubits, backend=backend, seed=seed, **chosen)
    results = run_demo(settings, verbose=watched, report=_to_stderr if watched else None)
    files = _write(results, out)
    if as_json:
        typer.echo(json.dumps({**_summary(results), "files": [str(file) for file in files]}))
    else:
        _print_summary(results, files)


for _command in (fit, predict, preview, submit, collect, sweep, doctor):
    main.command()(_command)


def _complain(message: str, status: int) -> int:
    """Say in one line, and in the terms of the command line, what is wrong."""
    line = re.sub(r"\bn_qubits\b", "--qubits", " ".join(message.split()))
    line = re.sub(r'\b(selection|backend|connectivity)="(\w+)"', r"--\1 \2", line)
    typer.echo(f"{_NAME}: {line}", err=True)
    return status


def _teller() -> Callable[..., None]:
    """Return what says each warning once, in one line."""
    told: set[str] = set()

    def tell(message: Warning | str, *_: Any) -> None:
        if str(message) not in told:
            _complain(f"warning: {str(message).rstrip('.')}.", 0)
        told.add(str(message))

    return tell


def _to_stderr(line: str) -> None:
    typer.echo(line, err=True)


def _write(results: xr.DataTree, folder: Path) -> list[Path]:
    """Write figure and results, each of them whole or not at all, and return their paths."""
    from hamiltonian_ml.bases.files import whole_file
    from hamiltonian_ml.display.demo import demo_figure
    from hamiltonian_ml.study.results import write_results

    folder.mkdir(parents=True, exist_ok=True)
    figure, data = folder / "demo.png", folder / "demo.nc"
    write_results(results, data)
    with whole_file(figure) as partial:
        demo_figure(results).savefig(partial, format="png")
    return [figure, data]


def _summary(results: xr.DataTree) -> dict[str, Any]:
    """Return what is shown of the results, as plain numbers and text."""
    found, certificate = results.to_dataset(), results["certificate"].to_dataset()
    accuracy = found["accuracy"].sel(part="test")
    ratio = certificate["residual"] / certificate["gap"]
    return {
        "dataset": found.attrs["setting_dataset"],
        "n_qubits": int(found.attrs["setting_n_qubits"]),
        "backend": found.attrs["setting_backend"],
        "seed": int(found.attrs["setting_seed"]),
        "n_train": int(found["n_rows"].sel(part="train")),
        "n_test": int(found["n_rows"].sel(part="test")),
        "test_accuracy": {str(name): float(accuracy.sel(model=name)) for name in found["model"].values},
        "subspace_dimension": int(found["subspace_dimension"]),
        "two_qubit_depth": int(found["two_qubit_depth"]),
        "cz_count": int(found["cz_count"]),
        "certificate": {
            "trusted_share": float(certificate["trusted"].mean()),
            "median_captured_weight": float(certificate["captured_weight"].median()),
            "median_residual_over_gap": float(ratio.median()),
        },
        "seconds": {str(phase): float(found["seconds"].sel(phase=phase)) for phase in found["phase"].values},
        "version": found.attrs["version_hamiltonian_ml"],
    }


def _print_summary(results: xr.DataTree, files: list[Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    found = _summary(results)
    certificate, seconds = found["certificate"], found["seconds"]
    table = Table(
        title=f"{found['dataset']}: {found['n_train']} rows to train on, {found['n_test']} to test on",
        title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 3, 0, 0),
    )  # fmt: skip
    for name, value in found["test_accuracy"].items():
        table.add_row("test accuracy", name, f"{value:.3f}")
    table.add_section()
    whole = f"2^{found['n_qubits']}"
    table.add_row("subspace", "basis states", f"{found['subspace_dimension']:,} of {whole}")
    table.add_row("deepest circuit", "two-qubit depth", f"{found['two_qubit_depth']}")
    table.add_row("", "CZ gates", f"{found['cz_count']}")
    table.add_row("certificate", "test rows trusted", f"{certificate['trusted_share']:.1%}")
    table.add_row("", "captured weight, median", f"{certificate['median_captured_weight']:.4f}")
    table.add_row("", "residual / gap, median", f"{certificate['median_residual_over_gap']:.2g}")
    for number, (phase, value) in enumerate(seconds.items()):
        table.add_row("seconds" if number == 0 else "", phase, f"{value:.1f}")
    Console(highlight=False).print(table)
    # Not in the table, which would cut a long path to the width of the terminal.
    typer.echo("\nwritten to " + " and ".join(str(file) for file in files))


if __name__ == "__main__":
    main()
