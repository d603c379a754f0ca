"""What scikit-learn users may do with the estimators of this package and of its neighbours: one table, run here.

Run ``python -m experiments.benchmarks.peers [NAME ...]``. Rows in the folder ``data`` are printed as found, with the
versions of then; ``--folder`` and another folder judge anew, which takes an hour or two and goes on where it was
stopped. Every estimator has a process of its own. Neighbours are judged where they are installed, and named as missing
where they are not: qiskit-machine-learning, squlearn and pennylane are packages; qml-benchmarks is a repository, whose
folder ``src`` belongs on PYTHONPATH. All are made as their documentation makes them, for scaled moons with labels
-1 and 1.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from experiments.benchmarks.candidates import CANDIDATES

TRAIT_SECONDS, CHECKS_SECONDS = 120, 1200  # most processor time for one trait, and for all checks
REVISION = 2


def table(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_moons(n_rows, noise=0.15, random_state=seed)
    return StandardScaler().fit_transform(X), np.where(y > 0, 1, -1)


def fitted(model: Any, X: np.ndarray, y: np.ndarray, **options: Any) -> Any:
    """Fit a model and return it, also where its own ``fit`` returns nothing, which scikit-learn's checks count."""
    model.fit(X, y, **options)
    return model


def _text_labels(model: Any) -> bool:
    X, y = table(30, 0)
    names = np.where(y > 0, "up", "down")
    return set(fitted(model, X, names).predict(X)) <= {"up", "down"}


def _three_classes(model: Any) -> bool:
    X, y = make_blobs(30, 2, centers=3, random_state=0)
    return fitted(model, StandardScaler().fit_transform(X), y).predict(X).shape == (30,)


def _probabilities(model: Any) -> bool:
    X, y = table(30, 0)
    return bool(np.allclose(fitted(model, X, y).predict_proba(X).sum(axis=1), 1))


def _weights(model: Any) -> bool:
    X, y = table(30, 0)
    return fitted(model, X, y, sample_weight=np.ones(30)) is model


def _remembers_width(model: Any) -> bool:
    return bool(fitted(model, *table(30, 0)).n_features_in_ == 2)


def _pickles(model: Any) -> bool:
    X, y = table(30, 0)
    fitted(model, X, y)
    return bool((pickle.loads(pickle.dumps(model)).predict(X) == model.predict(X)).all())


TRAITS: dict[str, Callable[[Any], bool]] = {
    "clone": lambda model: type(clone(model)) is type(model),
    "search": lambda model: hasattr(GridSearchCV(model, {}, cv=2).fit(*table(30, 0)), "best_estimator_"),
    "2 jobs": lambda model: len(cross_val_score(model, *table(30, 0), cv=2, n_jobs=2, error_score="raise")) == 2,
    "text": _text_labels,
    "3 cl.": _three_classes,
    "proba": _probabilities,
    "weights": _weights,
    "width": _remembers_width,
    "pickle": _pickles,
}


class OutOfTimeError(Exception):
    """Something took longer than it may."""


def limited(seconds: int, work: Callable[[], Any]) -> Any:
    """Return what a call returns, or raise OutOfTimeError after so many seconds of processor time."""

    def stop(*_: Any) -> None:
        raise OutOfTimeError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def judged(trait: Callable[[Any], bool], make: Callable[[], Any]) -> str:
    """Return yes or no; no is any error, of whatever kind. A question mark stands for no answer in time."""
    try:
        return "yes" if limited(TRAIT_SECONDS, lambda: trait(make())) else "no"
    except OutOfTimeError:
        return "?"
    except Exception:  # noqa: BLE001 - whatever another package raises
        return "no"


def checks(model: Any) -> str:
    """Return how many of scikit-learn's checks were passed and failed, and how many skip themselves."""
    found: Counter[str] = Counter()

    def note(*, status: str, **_: Any) -> None:
        found[status] += 1

    try:
        limited(CHECKS_SECONDS, lambda: check_estimator(model, on_fail=None, on_skip=None, callback=note))
    except OutOfTimeError:
        return f"{found['passed']} / {found['failed']} / {found['skipped']}, then out of time"
    except Exception as error:  # noqa: BLE001 - as above
        return f"raises {type(error).__name__}"
    return f"{found['passed']} / {found['failed']} / {found['skipped']}"


def accuracy(make: Callable[[], Any]) -> str:
    """Return the accuracy on 100 test rows after training on 100, and the processor time of both."""
    X, y = table(200, 1)
    start = time.process_time()
    try:
        model = limited(2 * TRAIT_SECONDS, lambda: fitted(make(), X[:100], y[:100]))
        score = float(np.mean(model.predict(X[100:]) == y[100:]))
    except OutOfTimeError:
        return "?"
    except Exception:  # noqa: BLE001 - as above
        return "-"
    return f"{score:.2f} in {time.process_time() - start:.1f} s"


def judge(name: str) -> dict[str, str]:
    """Return a row of the table."""
    make, classifies = CANDIDATES[name].make, CANDIDATES[name].classifies
    warnings.simplefilter("ignore")
    found = {trait: judged(test, make) for trait, test in TRAITS.items()} if classifies else {}
    moons = accuracy(make) if classifies else ""
    counts = checks(make())
    return {**found, "moons": moons, "passed / failed / skipped": counts, "with": versions(CANDIDATES[name].package)}


def versions(package: str) -> str:
    """Return the versions of a package and of scikit-learn; a repository on PYTHONPATH has none."""
    known = packages_distributions()
    known["hamiltonian_ml"] = ["hamiltonian_ml"]  # which an editable installation does not list
    names = sorted(set(known.get(package, ())))
    return ", ".join(f"{name} {version(name)}" for name in (*names, "scikit-learn"))


def main() -> None:
    """Judge what is missing, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(CANDIDATES), help="estimators (default all)")
    parser.add_argument("--one", action="store_true", help="judge one in this process, and keep its row")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "data", help="where results are kept")
    options = parser.parse_args()
    if options.one:
        row = json.dumps(judge(options.names[0]))
        _file(options.names[0], options.folder).write_text(row, encoding="utf-8")
        return
    columns = [*TRAITS, "moons", "passed / failed / skipped"]
    widths = [max(7, len(column)) for column in columns]
    widths[columns.index("moons")] = 16
    print(" " * 40 + " ".join(f"{column:>{width}}" for column, width in zip(columns, widths, strict=True)))
    for name in options.names:
        row = _kept(name, options.folder)
        cells = " ".join(f"{row.get(c, ''):>{w}}" for c, w in zip(columns, widths, strict=True)) if row else "missing"
        print(f"{name:40}{cells}  {row.get('with', '') if row else ''}", flush=True)


def _kept(name: str, folder: Path) -> dict[str, str] | None:
    """Return a row, from its file if there is one; None if the package is not installed."""
    file = _file(name, folder)
    if not file.exists():
        if find_spec(CANDIDATES[name].package) is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        one = [sys.executable, "-m", "experiments.benchmarks.peers", name, "--one", "--folder", str(folder)]
        found = subprocess.run(one, capture_output=True, text=True, env={**os.environ, **_more(name)})
        if not file.exists():
            return {"moons": f"ended with status {found.returncode}: {found.stderr.strip()[-200:]}"}
    row: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return row


def _more(name: str) -> dict[str, str]:
    """Return what ours are judged by beyond the others: without this variable a check of other arrays skips itself.

    SciPy reads it when it is imported, and some neighbours fail with it.
    """
    return {"SCIPY_ARRAY_API": "1"} if CANDIDATES[name].package == "hamiltonian_ml" else {}


def _file(name: str, folder: Path) -> Path:
    return folder / f"peers-{REVISION}-{name.replace(' ', '-')}.json"


if __name__ == "__main__":
    main()
