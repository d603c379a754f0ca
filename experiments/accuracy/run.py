"""Test accuracy in the whole space on five small tables, beside classical models on the same splits.

Run ``python -m experiments.accuracy.run``; it prints one line a table in a minute or two. Settings are the same for all
seeds of a table; the column "prototype" holds what an early prototype of this package reached on a single split.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.datasets import Split, load_table, split_table

TEST_FRACTION = 0.3


@dataclass(frozen=True, kw_only=True)
class Task:
    """One table: how many qubits, which components and classes, and the prototype's accuracy."""

    dataset: str
    n_qubits: int
    prototype: float
    components: int | None = None
    classes: tuple[str, ...] = ()
    fit: dict[str, Any] = field(default_factory=lambda: {"learning_rate": 0.05, "max_iter": 60})


TASKS = [
    Task(dataset="moons", n_qubits=3, prototype=0.983, fit={"learning_rate": 0.1, "max_iter": 300, "alpha": 1e-3}),
    Task(dataset="circles", n_qubits=3, prototype=0.983),
    Task(dataset="wine", n_qubits=3, prototype=0.981),
    Task(dataset="breast_cancer", n_qubits=5, prototype=0.965, components=8),
    Task(dataset="digits", n_qubits=3, prototype=0.981, components=8, classes=("3", "8")),
]


def split(task: Task, seed: int) -> Split:
    """Return the rows of a task, split and scaled, reduced to principal components where it says so."""
    table = load_table(task.dataset, seed=seed)
    if task.classes:
        keep = np.isin(table.labels, task.classes)
        table = replace(table, features=table.features[keep], labels=table.labels[keep])
    parts = split_table(table, test_fraction=TEST_FRACTION, seed=seed)
    if task.components is None:
        return parts
    reduce = make_pipeline(PCA(task.components, random_state=0), StandardScaler()).fit(parts.train_features)
    return replace(
        parts,
        train_features=reduce.transform(parts.train_features),
        test_features=reduce.transform(parts.test_features),
    )


def accuracies(task: Task, seed: int) -> list[float]:
    """Return train and test accuracy of ours, and test accuracy of logistic regression and an RBF SVC."""
    rows = split(task, seed)
    ours = HamiltonianClassifier(
        task.n_qubits, selection="full", tol=0.0, n_iter_no_change=10**6, random_state=seed, **task.fit
    ).fit(rows.train_features, rows.train_labels)
    scores = [ours.score(rows.train_features, rows.train_labels), ours.score(rows.test_features, rows.test_labels)]
    for model in (LogisticRegression(max_iter=1000), SVC()):
        model.fit(rows.train_features, rows.train_labels)
        scores.append(model.score(rows.test_features, rows.test_labels))
    return scores


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="number of splits and start values (default 3)")
    seeds = range(parser.parse_args().seeds)
    print(
        f"{'table':14} {'qubits':>6} {'train':>6} {'test':>6} {'s.e.':>6} {'prototype':>9} {'logistic':>8} {'SVC':>6}"
    )
    for task in TASKS:
        scores = np.array([accuracies(task, seed) for seed in seeds])
        train, test, logistic, kernel = scores.mean(axis=0)
        error = scores[:, 1].std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else np.nan
        print(
            f"{task.dataset:14} {task.n_qubits:6d} {train:6.3f} {test:6.3f} {error:6.3f} {task.prototype:9.3f} "
            f"{logistic:8.3f} {kernel:6.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
