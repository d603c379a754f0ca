"""``hamiltonian-ml doctor``: what this machine has, and what it lacks."""

from __future__ import annotations

import json
import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hamiltonian_ml.bases.cores import n_cores
from hamiltonian_ml.commands.output import show

_EXTRAS = {
    "referee": ("quimb",),
    "cluster": ("distributed", "dask_jobqueue"),
    "heads": ("torch", "transformers"),
    "tables": ("pyarrow",),
}
_VERSIONS = ("hamiltonian-ml", "numpy", "numba", "jax", "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "scikit-learn")
_NEEDED_GIB = 1.0


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show versions, processor, memory, GPU, account and folders; exit with status 1 if something needed is missing."""
    troubles: list[str] = []
    found = {**_versions(troubles), **_machine(troubles), **_places(troubles), **_extras()}
    show({**found, "troubles": "; ".join(troubles) or "none"}, as_json=as_json)
    if troubles:
        raise typer.Exit(1)


def _versions(troubles: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
            troubles.append(f"{name} is not installed")
    return found


def _machine(troubles: list[str]) -> dict[str, object]:
    import jax

    from hamiltonian_ml.bases.memory import free_memory

    memory = free_memory() / 2**30
    if memory < _NEEDED_GIB:
        troubles.append(f"{memory:.1f} GiB of memory are free, {_NEEDED_GIB:.0f} are needed")
    gpus = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return {
        "processor_cores": n_cores(),
        "free_memory_in_GiB": round(memory, 1),
        "GPU": ", ".join(gpus) or "none",
    }


def _places(troubles: list[str]) -> dict[str, object]:
    found: dict[str, object] = {"IBM_Quantum_account": _account()}
    for name, folder in (("working_folder", Path.cwd()), ("temporary_folder", Path(tempfile.gettempdir()))):
        writable = os.access(folder, os.W_OK | os.X_OK)
        found[name] = f"{folder} ({'writable' if writable else 'not writable'})"
        if not writable:
            troubles.append(f"{folder} is not writable")
    return found


def _account() -> str:
    """Return whether an account is there; the runtime's file of accounts may be there without one."""
    if "QISKIT_IBM_TOKEN" in os.environ:
        return "in QISKIT_IBM_TOKEN"
    path = Path.home() / ".qiskit" / "qiskit-ibm.json"
    try:
        return "saved" if json.loads(path.read_bytes()) else "none"
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError) as error:
        return f"none that can be read ({' '.join(str(error).split())}); mend or delete {path}"


def _extras() -> dict[str, object]:
    """Return which extras are installed, and how a checkout gets the others."""
    how = {name: f"missing: pip install -e '.[{name}]'" for name in _EXTRAS} | {"heads": "missing: make heads"}
    return {
        f"extra_{name}": "installed" if all(map(find_spec, modules)) else how[name] for name, modules in _EXTRAS.items()
    }
