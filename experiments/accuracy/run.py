"""Test accuracy in the whole space on five small tables, beside classical models on the same rows.

Run ``python -m experiments.accuracy.run``; it takes some minutes. An early prototype of this package left test
accuracies of one split and one start, together with those of two classical models. These ten classical numbers tell
which rows it trained on: one rule, `prototype_rows`, gives all of them again. The first table trains there, from
several starts with the prototype's step size and epochs. The prototype's accuracies are one draw each, so that beside
our mean stands how often a start of ours does at least as well. The second table takes splits of our own; where tables
are drawn, it tests on 2,000 rows that are drawn besides. ``--everything`` keeps the prototype's test rows but trains on
all other rows and all features, with the penalty that cross-validation within them prefers, and so tells how far these
test rows let any model come.

``--scales`` shows that cross-validation within the training rows does not tell start scales apart; where all basis
states are used, nothing asks for a start near a field.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.datasets import Split, Table, load_table, split_table

TEST_FRACTION = 0.3
MOST_TRAINING_ROWS = 160  # of the prototype
EPOCHS = {"learning_rate": 0.05, "max_iter": 60}  # of the prototype
SCALES = (0.02, 0.1, 0.2, 0.3)
PENALTIES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
DRAWN = ("moons", "circles")
DRAWN_TABLES = 10  # of 200 rows each, to test on


@dataclass(frozen=True, kw_only=True)
class Task:
    """One table: how many qubits, which components and classes, and what the prototype and its peers reached."""

    dataset: str
    n_qubits: int
    prototype: float
    logistic: float
    kernel: float
    classes: tuple[str, ...]  # in the prototype's order, which its split depends on
    components: int | None = None
    scaled_first: bool = False  # whether the prototype scaled features before it took components
    fit: dict[str, Any] = field(default_factory=lambda: EPOCHS)  # settings on splits of our own


TASKS = [
    Task(dataset="moons", n_qubits=3, prototype=0.983, logistic=0.883, kernel=0.967, classes=("upper", "lower"),
         fit={"learning_rate": 0.1, "max_iter": 300, "alpha": 1e-3}),
    Task(dataset="circles", n_qubits=3, prototype=0.983, logistic=0.433, kernel=1.0, classes=("outer", "inner")),
    Task(dataset="wine", n_qubits=3, prototype=0.981, logistic=1.0, kernel=1.0,
         classes=("class_0", "class_1", "class_2")),
    Task(dataset="breast_cancer", n_qubits=5, prototype=0.965, logistic=0.942, kernel=0.936, components=8,
         scaled_first=True, classes=("malignant", "benign")),
    Task(dataset="digits", n_qubits=3, prototype=0.981, logistic=0.963, kernel=0.991, components=8,
         classes=("3", "8")),
]  # fmt: skip


def model(task: Task, *, seed: int, **settings: Any) -> HamiltonianClassifier:
    """Return our classifier on all basis states, trained to the last epoch."""
    return HamiltonianClassifier(
        task.n_qubits, selection="full", tol=0.0, n_iter_no_change=10**6, random_state=seed, **settings
    )


def prototype_rows(task: Task) -> Split:
    """Return the prototype's rows: components of the whole table, a split of seed 0, its first 160 training rows."""
    features = _table(task, seed=0).features
    if task.components is not None:
        reduce = [StandardScaler()] * task.scaled_first + [PCA(task.components, random_state=0)]
        features = make_pipeline(*reduce).fit_transform(features)
    return _divided(task, features, MOST_TRAINING_ROWS)


def all_rows(task: Task) -> Split:
    """Return all rows and features, with the prototype's test rows."""
    return _divided(task, _table(task, seed=0).features, None)


def _divided(task: Task, features: NDArray[np.float64], most: int | None) -> Split:
    """Divide rows as the prototype did, keep so many training rows at most, and scale by these."""
    labels = _table(task, seed=0).labels
    places = [task.classes.index(label) for label in labels]
    train, test = train_test_split(np.arange(len(features)), test_size=TEST_FRACTION, stratify=places, random_state=0)
    train = train[:most]
    scale = StandardScaler().fit(features[train]).transform
    return Split(train, test, scale(features[train]), scale(features[test]), labels[train], labels[test])


def own_rows(task: Task, seed: int) -> Split:
    """Return a split of our own, with components of its training rows alone; drawn tables get more test rows."""
    table = _table(task, seed=seed)
    parts = split_table(table, test_fraction=TEST_FRACTION, seed=seed)
    if task.dataset in DRAWN:
        others = [_table(task, seed=1000 + DRAWN_TABLES * seed + k) for k in range(DRAWN_TABLES)]
        scale = StandardScaler().fit(table.features[parts.train]).transform
        return replace(
            parts,
            test=np.arange(sum(len(other.features) for other in others)),
            test_features=scale(np.concatenate([other.features for other in others])),
            test_labels=np.concatenate([other.labels for other in others]),
        )
    if task.components is None:
        return parts
    reduce = make_pipeline(PCA(task.components, random_state=0), StandardScaler()).fit(parts.train_features)
    return replace(
        parts,
        train_features=reduce.transform(parts.train_features),
        test_features=reduce.transform(parts.test_features),
    )


def _table(task: Task, *, seed: int) -> Table:
    table = load_table(task.dataset, seed=seed)
    keep = np.isin(table.labels, task.classes)
    return replace(table, features=table.features[keep], labels=table.labels[keep])


def accuracies(task: Task, rows: Split, seed: int, **settings: Any) -> list[float]:
    """Return train and test accuracy of ours, and test accuracy of logistic regression and an RBF SVC."""
    return _scores(model(task, seed=seed, **settings), rows)


def _scores(ours: Any, rows: Split) -> list[float]:
    ours.fit(rows.train_features, rows.train_labels)
    scores = [ours.score(rows.train_features, rows.train_labels), ours.score(rows.test_features, rows.test_labels)]
    for other in (LogisticRegression(max_iter=5000), SVC()):
        other.fit(rows.train_features, rows.train_labels)
        scores.append(other.score(rows.test_features, rows.test_labels))
    return scores


def on_prototype_rows(task: Task, starts: int) -> list[list[float]]:
    """Return the accuracies of so many starts on the prototype's rows."""
    rows = prototype_rows(task)
    return [accuracies(task, rows, seed, start_scale=0.2, **EPOCHS) for seed in range(starts)]


def on_all_rows(task: Task, starts: int) -> list[list[float]]:
    """Return the accuracies of so many starts on the prototype's test rows, trained on everything else."""
    rows, found = all_rows(task), []
    for seed in range(starts):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        ours = model(task, seed=seed, start_scale=0.2, **EPOCHS)
        found.append(_scores(GridSearchCV(ours, {"alpha": PENALTIES}, cv=folds), rows))
    return found


def on_own_rows(task: Task, splits: int) -> list[list[float]]:
    """Return the accuracies of one start on each of so many splits."""
    return [accuracies(task, own_rows(task, seed), seed, **task.fit) for seed in range(splits)]


def table(find: Callable[[Task, int], list[list[float]]], number: int) -> Iterator[str]:
    """Yield the lines of a table: mean accuracies, the scatter of ours, and how often it is the prototype's or more."""
    yield (
        f"{'table':14} {'qubits':>6} {'train':>6} {'test':>6} {'s.d.':>6} {'prototype':>9} {'as good':>8} "
        f"{'logistic':>8} {'SVC':>6}"
    )
    means = []
    for task in TASKS:
        scores = np.array(find(task, number))
        train, test, logistic, kernel = scores.mean(axis=0)
        means.append((test, task.prototype))
        spread = scores[:, 1].std(ddof=1) if len(scores) > 1 else np.nan
        as_good = int((scores[:, 1] > task.prototype - 5e-4).sum())  # its numbers have three digits
        yield (
            f"{task.dataset:14} {task.n_qubits:6d} {train:6.3f} {test:6.3f} {spread:6.3f} {task.prototype:9.3f} "
            f"{f'{as_good}/{number}':>8} {logistic:8.3f} {kernel:6.3f}"
        )
    ours, prototype = np.mean(means, axis=0)
    yield f"{'mean':14} {'':6} {'':6} {ours:6.3f} {'':6} {prototype:9.3f}"


def scales() -> Iterator[str]:
    """Yield cross-validated accuracies within the prototype's training rows, for several start scales."""
    yield f"{'start scale':14} " + " ".join(f"{scale:>6g}" for scale in SCALES)
    found = []
    for task in TASKS:
        rows = prototype_rows(task)
        found.append([_cross_validated(task, rows, scale) for scale in SCALES])
        yield f"{task.dataset:14} " + " ".join(f"{score:6.3f}" for score in found[-1])
    yield f"{'mean':14} " + " ".join(f"{score:6.3f}" for score in np.mean(found, axis=0))


def _cross_validated(task: Task, rows: Split, scale: float) -> float:
    """Return the mean over five folds of the training rows, divided anew for each of five starts."""
    scores = [
        cross_val_score(
            model(task, seed=seed, start_scale=scale, **EPOCHS), rows.train_features, rows.train_labels,
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        )
        for seed in range(5)
    ]  # fmt: skip
    return float(np.mean(scores))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3, help="start values on the prototype's rows (default 3)")
    parser.add_argument("--splits", type=int, default=3, help="splits of our own, with a start each (default 3)")
    parser.add_argument("--everything", type=int, metavar="STARTS", help="train on all other rows and features instead")
    parser.add_argument("--scales", action="store_true", help="compare start scales instead")
    chosen = parser.parse_args()
    if chosen.scales:
        _show(scales())
        return
    tables = [
        ("the prototype's rows, starts", on_prototype_rows, chosen.starts),
        ("splits of our own", on_own_rows, chosen.splits),
    ]
    if chosen.everything:
        tables = [("all other rows and features for the prototype's test rows, starts", on_all_rows, chosen.everything)]
    for words, find, number in tables:
        if number > 0:
            print(f"{words}: {number}")
            _show(table(find, number))


def _show(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
