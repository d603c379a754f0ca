"""Fits of tables that are sent now and collected later, by whoever has the folder of the store.

In: a table, settings and a store. Out: a fit that is done, or the names of the jobs that it waits for.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hamiltonian_ml.estimators.identity import identity_of
from hamiltonian_ml.sampling.files import reading, write_whole
from hamiltonian_ml.sampling.jobs import SamplesPendingError
from hamiltonian_ml.sampling.store import SampleStore
from hamiltonian_ml.study.budget import whole_fits_only
from hamiltonian_ml.study.fitting import FitSettings, FittedTable, fit_table, preview_table
from hamiltonian_ml.study.tables import read_table

_FOLDER = "tables"


@dataclass(frozen=True)
class SubmittedFit:
    """A fit that was submitted, and how far it has come.

    Attributes
    ----------
    name : str
        Of the fit, in its store.
    fitted : FittedTable or None
        None while jobs are awaited.
    pending_jobs : tuple of str
        What the service calls the jobs that are awaited.
    """

    name: str
    fitted: FittedTable | None
    pending_jobs: tuple[str, ...] = ()


def submit_table(table: str | Path, settings: FitSettings, folder: str | Path) -> SubmittedFit:
    """Begin a fit, or go on with it: train as far as there are samples, send what comes next, do not wait.

    The file of the table and the settings are kept in the folder of the store before anything is sent, so that
    `collect_table` needs nothing else. Calling it again sends nothing twice; with another budget, that one holds.

    Raises
    ------
    ValueError
        If the table or an option is wrong, or the budget does not suffice; what is wrong from the start sends nothing.
    OSError
        If there is no such table, or the service cannot be reached or refuses a job.
    """
    preview_table(read_table(table), settings)  # what is wrong shows before anything is kept or sent
    content = Path(table).read_bytes()
    kept = f"{hashlib.sha256(content).hexdigest()[:20]}{Path(table).suffix.lower()}"
    known = {"table": kept, "settings": asdict(settings)}
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    # With another budget it is the same fit: what was sent counts, and the last budget given holds.
    decisive = {"table": kept, "settings": asdict(replace(settings, options=identity_of(settings.options)))}
    name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]
    write_whole(Path(folder) / _FOLDER / kept, content)
    write_whole(Path(folder) / _FOLDER / f"{name}.json", text.encode())
    return _go_on(Path(folder), name, mode="submit", max_qpu_seconds=settings.options.get("max_qpu_seconds"))


def collect_table(
    folder: str | Path,
    *,
    name: str | None = None,
    wait: bool = False,
    replay: bool = False,
    max_qpu_seconds: float | None = None,
) -> SubmittedFit:
    """Go on with a fit that `submit_table` began, in another process or on another machine if need be.

    Parameters
    ----------
    folder : path_like
        Of the store.
    name : str, optional
        Of the fit, where the store has several.
    wait : bool
        Whether to wait for all jobs until the fit is done.
    replay : bool
        Whether to do a fit that was done before once more from its samples: nothing is sent, no service is asked.
    max_qpu_seconds : float, optional
        A new budget of all jobs of the store; without it, that of the submitted fit.

    Raises
    ------
    ValueError
        If the store has no fit of that name, several without a name, or the budget does not suffice; or if it is to be
        both waited for and replayed.
    OSError
        If the service cannot be reached or refuses a job, or samples are missing that are to be replayed.
    """
    if wait and replay:
        raise ValueError("wait and replay exclude each other: a replay takes what is in the store and asks no service.")
    names = submitted_names(folder)
    if name is None and len(names) != 1:
        some = f": choose one of {', '.join(names)}" if names else "; hamiltonian-ml submit begins one"
        raise ValueError(f"the store {folder} has {len(names)} submitted fits of tables, not one{some}.")
    if name is not None and name not in names:
        raise ValueError(f"the store {folder} has no submitted fit {name!r}, only: {', '.join(names) or 'none'}.")
    mode = "replay" if replay else "run" if wait else "submit"
    return _go_on(Path(folder), name or names[0], mode=mode, max_qpu_seconds=max_qpu_seconds)


def submitted_names(folder: str | Path) -> list[str]:
    """Return the names of the fits that were submitted to a store.

    Examples
    --------
    >>> submitted_names("nothing-here")
    []
    """
    return sorted(file.stem for file in (Path(folder) / _FOLDER).glob("*.json"))


def _go_on(folder: Path, name: str, *, mode: str, max_qpu_seconds: float | None) -> SubmittedFit:
    """Fit from the start: samples that are there cost nothing, and the same ones lead to the same next request."""
    file = folder / _FOLDER / f"{name}.json"
    with reading(file, remedy="restore it from a copy, or delete it and submit its table again: no job is sent twice"):
        known = json.loads(file.read_text())
        table, settings = folder / _FOLDER / known["table"], FitSettings(**known["settings"])
    options = {**settings.options, "store": SampleStore(str(folder), mode=mode)}
    if max_qpu_seconds is not None:
        options["max_qpu_seconds"] = max_qpu_seconds
    try:
        with whole_fits_only("submit it again, or collect it with a larger one"):
            fitted = fit_table(read_table(table), replace(settings, options=options))
    except SamplesPendingError as pending:
        return SubmittedFit(name, None, tuple(pending.job_ids))
    return SubmittedFit(name, fitted)
