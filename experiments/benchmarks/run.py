"""Scores on scikit-learn's tables by cross-validation, beside tuned classical models on the same folds.

Run ``python -m experiments.benchmarks.run [TABLE ...]``. Each fold of each table is a cell that is written once; a run
that was stopped goes on. The classical models choose their settings within the training rows of each fold, and so does
ours for diabetes and wine. Its other settings are fixed: they, and the ranges of these searches, were chosen by
cross-validation within the training rows of the first fold of digits, diabetes and wine. On small tables of classes
ours is averaged over 10 models of different rows, where one alone varies with its rows.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from sklearn import datasets
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from hamiltonian_ml import HamiltonianClassifier, HamiltonianRegressor
from hamiltonian_ml.study.cells import quantities, read_cell, run_cell
from hamiltonian_ml.study.tasks import Task

FOLDS = 5
REVISIONS = {"digits": 4, "iris": 4, "wine": 6, "breast_cancer": 4, "diabetes": 4}  # raised where a model changes
REPEATS = {"digits": 1, "iris": 4, "wine": 4, "breast_cancer": 2, "diabetes": 4}
LOADERS = {
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}


@dataclass(frozen=True, kw_only=True)
class Fold(Task):
    """One test fold of a table."""

    table: str
    repeat: int
    fold: int
    revision: int


def models(table: str, seed: int) -> tuple[Any, Any]:
    """Return our model and the classical one, which searches for its settings."""
    if table == "digits":
        ours = HamiltonianClassifier(8, learning_rate=0.05, max_iter=20, batch_size=128, random_state=seed)
        # All pixels by one factor: those at the rim hardly vary, and would be noise at unit variance.
        quartered = FunctionTransformer(_scaled, kw_args={"factor": 0.25})
        return make_pipeline(StandardScaler(with_std=False), quartered, ours), _svc(seed)
    fit = {"learning_rate": 0.05, "max_iter": 60, "random_state": seed}
    if table == "diabetes":
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 25)))
        return _regressor(HamiltonianRegressor(2, **fit), seed), ridge
    ours = HamiltonianClassifier(4, alpha=0.01, **fit)
    bag = BaggingClassifier(ours, 10, max_samples=0.8, bootstrap=False, random_state=seed)
    model = make_pipeline(StandardScaler(), bag)
    if table == "wine":
        inner = StratifiedKFold(5, shuffle=True, random_state=seed)
        model = GridSearchCV(model, {"baggingclassifier__estimator__alpha": [0.01, 0.1]}, cv=inner)
    return model, _svc(seed)


def _regressor(model: HamiltonianRegressor, seed: int) -> Any:
    """Return a search for the size of the features beside the start field, and for the penalty.

    Small features leave the ground state near that of the field, where outputs are linear in the features; larger ones
    bend them. The search decides how much of that the table asks for.
    """
    search = {
        "functiontransformer__kw_args": [{"factor": factor} for factor in (0.015, 0.03, 0.06, 0.12, 0.25)],
        "hamiltonianregressor__alpha": [3e-4, 1e-3, 3e-3],
    }
    inner = KFold(5, shuffle=True, random_state=seed)
    return GridSearchCV(make_pipeline(StandardScaler(), FunctionTransformer(_scaled), model), search, cv=inner)


def _scaled(X: np.ndarray, factor: float = 1.0) -> np.ndarray:
    return factor * X


def _svc(seed: int) -> Any:
    search = {"svc__C": [0.1, 1.0, 10.0, 100.0], "svc__gamma": [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.3]}
    inner = StratifiedKFold(5, shuffle=True, random_state=seed)
    return GridSearchCV(make_pipeline(StandardScaler(), SVC()), search, cv=inner)


def run(task: Fold) -> xr.Dataset:
    """Fit both models on the training rows of a fold and score them on its test rows."""
    X, y = LOADERS[task.table](return_X_y=True)
    kind = KFold if task.table == "diabetes" else StratifiedKFold
    folds = kind(FOLDS, shuffle=True, random_state=task.repeat)
    train, test = list(folds.split(X, y))[task.fold]
    ours, classical = models(task.table, seed=task.repeat)
    start = time.perf_counter()
    ours.fit(X[train], y[train])
    seconds = time.perf_counter() - start
    score = r2_score if task.table == "diabetes" else accuracy_score
    unit, text = "1", "R2" if task.table == "diabetes" else "accuracy"
    return quantities(
        ours=(score(y[test], ours.predict(X[test])), unit, f"test {text}, Hamiltonian model"),
        classical=(score(y[test], classical.fit(X[train], y[train]).predict(X[test])), unit, f"test {text}, the other"),
        fit_seconds=(seconds, "s", "time to fit the Hamiltonian model, its search included"),
    )


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=list(LOADERS), help=f"any of {', '.join(LOADERS)} (default all)")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "data", help="where cells are kept")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    head = f"{'table':14} {'folds':>5} {'ours':>6} {'s.e.':>6} {'tuned':>6} {'s.e.':>6} {'difference':>10} {'s.e.':>6}"
    print(f"{head} {'seconds a fold':>14}")
    for table in options.tables:
        tasks = [
            Fold(table=table, repeat=r, fold=k, revision=REVISIONS[table])
            for r in range(REPEATS[table])
            for k in range(FOLDS)
        ]
        for task in tasks:
            run_cell(task, run, options.folder, threads=2)
        cells = [read_cell(options.folder, task.key) for task in tasks]
        ours, tuned = (np.array([float(cell[name]) for cell in cells]) for name in ("ours", "classical"))
        numbers = [f"{value:6.3f} {_error(scores):6.3f}" for scores in (ours, tuned) for value in [scores.mean()]]
        difference = f"{(ours - tuned).mean():10.3f} {_error(ours - tuned):6.3f}"
        seconds = np.mean([float(cell.fit_seconds) for cell in cells])
        print(f"{table:14} {len(cells):5d} {' '.join(numbers)} {difference} {seconds:14.1f}", flush=True)


def _error(scores: np.ndarray) -> float:
    return float(scores.std(ddof=1) / np.sqrt(len(scores)))


if __name__ == "__main__":
    main()
