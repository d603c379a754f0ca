"""The figures: what each is about, how long it takes, and its results, from a simulation or from the repository."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import xarray as xr

from experiments.parts import PROFILES, Part, Profile
from hamiltonian_ml.study.gather import gather
from hamiltonian_ml.study.results import read_results, write_results
from hamiltonian_ml.study.sweep import sweep

_HERE = Path(__file__).parent
CELLS = _HERE / ".cells"  # whole results of single cells, not in the repository


@dataclass(frozen=True, kw_only=True)
class Study:
    """One figure.

    Attributes
    ----------
    name, title : str
    claims : tuple of int
        Numbers of the claims that it decides.
    minutes : mapping of str to float
        Of each profile, on two idle cores: half the processor time of its cells, where they have been run.
    qpu_seconds : float
        On a quantum processor.
    has_data : bool
        False for a drawing.
    """

    name: str
    title: str
    claims: tuple[int, ...]
    minutes: Mapping[str, float]
    qpu_seconds: float = 0.0
    has_data: bool = True

    def parts(self) -> dict[str, Part]:
        """Return the sweeps behind the figure."""
        parts: dict[str, Part] = import_module(f"experiments.{self.name}.run").PARTS
        return parts


def _study(name: str, title: str, claims: tuple[int, ...], quick: float, full: float, **more: bool) -> Study:
    return Study(name=name, title=title, claims=claims, minutes={"quick": quick, "full": full}, **more)


STUDIES = {
    study.name: study
    for study in (
        _study("method", "(a) the method, drawn", (), 0, 0, has_data=False),
        _study("gradients", "(b) gradients against qubits and distance", (5, 7, 8, 9), 1, 1),
        _study("convergence", "(c) Krylov samples: time step, powers, shots, size, controls", (16, 17, 18, 20), 1, 1),
        _study("concentration", "(d) states that hold 99 % of the weight", (19, 22), 1, 2),
        _study("qubits", "(e) training and accuracy from 4 to 50 qubits", (1, 2, 3, 4, 11, 14), 10, 40),
        _study("ladder", "(f) noise of three Heron generations", (6, 13), 3, 7),
        _study("errors", "(g) errors of energies, observables and gradients", (23,), 1, 1),
        _study("cost", "(h) depth of circuits, time of ground states", (10, 12), 1, 1),
        _study("sensitivity", "(i) accuracy against settings", (15, 26), 1, 5),
        _study("carry", "states carried over between rows and epochs", (21,), 1, 1),
        _study("hardness", "(j) bond dimensions, chain against heavy-hex", (24,), 3, 5),
        _study("heads", "(k) heads on a frozen language model", (27, 28), 15, 60),
    )
}


def simulate(
    name: str,
    profile: Profile,
    *,
    cluster: str | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
) -> Path:
    """Run all cells of a figure that are not there yet, and keep its results in the repository.

    Raises
    ------
    ValueError
        If a cell failed; its traceback is in the folder of cells.
    """
    failures = []
    for part_name, part in STUDIES[name].parts().items():
        done = sweep(
            part.tasks(profile), part.run, cluster, folder=CELLS / name / part_name, workers=workers,
            retry_failed=retry_failed, progress=sys.stderr.isatty(),
        )  # fmt: skip
        failures += done.failures()
    if failures:
        raise ValueError(
            f"{len(failures)} cells of {name} failed, the first with {failures[0].error!r}; see {CELLS / name} for "
            "tracebacks, and --retry runs them again."
        )
    return collect(name, profile)


def collect(name: str, profile: Profile) -> Path:
    """Gather the finished cells of a figure into the file that the repository keeps, and return its path."""
    parts = {key: gather(part.tasks(profile), CELLS / name / key) for key, part in STUDIES[name].parts().items()}
    for part in parts.values():
        for variable in part.data_vars.values():  # grids that are NaN where no cell was asked for shrink to nothing
            variable.encoding = {"zlib": True, "complevel": 9} if variable.ndim and variable.dtype.kind == "f" else {}
    path = _HERE / name / "data" / f"{profile}.nc"
    path.parent.mkdir(exist_ok=True)
    write_results(xr.DataTree.from_dict(parts), path)
    return path


def cached_profile(name: str) -> Profile | None:
    """Return the best profile whose results are in the repository."""
    there = [profile for profile in PROFILES if (_HERE / name / "data" / f"{profile}.nc").exists()]
    return there[-1] if there else None


def results(name: str, profile: Profile | None = None) -> xr.DataTree:
    """Return the results of a figure from the repository, the full ones where they are there.

    Raises
    ------
    ValueError
        If there are none.
    """
    chosen = profile or cached_profile(name)
    path = _HERE / name / "data" / f"{chosen}.nc"
    if chosen is None or not path.exists():
        raise ValueError(
            f"{name} has no cached results{f' of the profile {profile}' if profile else ''}; compute them with "
            f"python -m experiments reproduce {name} --from simulation."
        )
    return read_results(path)
