"""The demonstration: a classifier trained from Krylov samples beside two classical ones, on the same rows.

In: `DemoSettings`. Out: one labelled tree of arrays with everything that the summary and the figure show.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.sampling.backends import as_backend
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.study.datasets import Split, load_table, split_table
from hamiltonian_ml.study.provenance import provenance

OURS, LINEAR, KERNEL = "Hamiltonian", "logistic regression", "RBF SVC"
_FOLDS = 5
_STRENGTHS = {"C": [0.01, 0.1, 1.0, 10.0]}
_WIDTHS = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": ["scale", 0.01, 0.1]}


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What the demonstration does.

    Parameters
    ----------
    dataset : str
        One of `hamiltonian_ml.study.datasets.known_datasets`.
    n_qubits : int
        Qubits on a chain.
    backend : str
        Where circuits run.
    seed : int
        Seed of data that are drawn, of the split, start values and samples.
    test_fraction : float
        Share of the rows that no model sees before it is judged.
    max_iter : int or None
        Epochs; None takes as many as make ``n_steps`` steps of the optimiser, or one or two more.
    n_steps : int
        Least number of steps, not used if ``max_iter`` is given. Tables of all sizes are learned in about as many.
    batch_size, learning_rate, alpha, krylov_dimension, shots, refresh_every
        As in `HamiltonianClassifier`.
    max_dimension : int
        Most basis states for few qubits; for many it is the number of states within two flips of the reference.
    """

    dataset: str = "breast_cancer"
    n_qubits: int = 12
    backend: str = "auto"
    seed: int = 0
    test_fraction: float = 0.3
    max_iter: int | None = None
    n_steps: int = 140
    batch_size: int = 64
    learning_rate: float = 0.01
    alpha: float = 0.03
    krylov_dimension: int = 4
    shots: int = 500
    refresh_every: int = 4
    max_dimension: int = 256

    def __post_init__(self) -> None:
        check_integer("n_qubits", self.n_qubits, at_least=1)
        check_integer("seed", self.seed, at_least=0)
        as_backend(self.backend)

    def model(self, n_rows: int, *, verbose: bool = False) -> HamiltonianClassifier:
        """Return the classifier for so many training rows, not fitted."""
        steps_an_epoch = math.ceil(n_rows / self.batch_size)
        max_iter = math.ceil(self.n_steps / steps_an_epoch) if self.max_iter is None else self.max_iter
        two_flips = 1 + self.n_qubits + self.n_qubits * (self.n_qubits - 1) // 2
        return HamiltonianClassifier(
            self.n_qubits,
            selection="krylov",
            backend=self.backend,
            krylov_dimension=self.krylov_dimension,
            shots=self.shots,
            max_dimension=max(self.max_dimension, two_flips),
            refresh_every=self.refresh_every,
            max_iter=max_iter,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            alpha=self.alpha,
            n_iter_no_change=max(max_iter, 1),  # every new choice of basis states moves the loss a little, up or down
            random_state=self.seed,
            verbose=int(verbose),
        )


def run_demo(
    settings: DemoSettings, *, verbose: bool = False, report: Callable[[str], None] | None = None
) -> xr.DataTree:
    """Train three classifiers on one split of a data set and judge them on the rows left out.

    Parameters
    ----------
    settings : DemoSettings
    verbose : bool
        Whether a progress bar is drawn while the Hamiltonian classifier is trained.
    report : callable, optional
        Called with one line when a phase begins.

    Returns
    -------
    xarray.DataTree
        The root has ``accuracy`` (model, part), ``confusion`` (truth, predicted), ``seconds`` (phase), sizes of
        subspace and circuit, and settings and provenance as attributes. Below it: ``history`` (epoch), ``operators``
        (term) and ``certificate`` (row), the last for the test rows, numbered as in the data set.

    Raises
    ------
    ValueError
        If a setting is not allowed.

    Notes
    -----
    Strength and width of the classical models are chosen by five-fold cross-validation on the training rows; the
    Hamiltonian classifier has one setting for all data sets.
    """
    say = report or (lambda line: None)
    clock = _Clock()
    table = load_table(settings.dataset, seed=settings.seed)
    split = split_table(table, test_fraction=settings.test_fraction, seed=settings.seed)
    say(f"{table.name}: {len(split.train)} rows to train on, {len(split.test)} to test on")
    model = settings.model(len(split.train), verbose=verbose)
    with clock("training"):
        model.fit(split.train_features, split.train_labels)
    say("certifying the ground states of the test rows")
    with clock("prediction"):
        predicted = model.predict(split.test_features)
    with clock("certificate"):
        certificate = model.certify(split.test_features)
    say("fitting logistic regression and a support vector machine")
    with clock("classical models"):
        others = {name: search.fit(split.train_features, split.train_labels) for name, search in _others(settings.seed)}
    root = _judge({OURS: model, **others}, split, predicted).merge(_sizes(model)).merge(clock.seconds())
    root.attrs = {"title": f"Demonstration on {table.name}", **_as_attributes(settings), **provenance()}
    # Other names than those of the root's coordinates, which the groups below it inherit.
    rows = {"label": ("row", split.test_labels), "predicted_label": ("row", predicted), "row": split.test}
    nodes = {
        "/": root,
        "history": model.history_,
        "operators": learned_operators(model, table.feature_names),
        "certificate": certificate.assign(rows),
    }
    return xr.DataTree.from_dict(nodes)


def learned_operators(model: HamiltonianClassifier, feature_names: tuple[str, ...]) -> xr.Dataset:
    """Return the coefficients of all learned operators with the names of their strings, features and classes.

    ``qubits`` and ``paulis`` (term, slot) are those of the `PauliBasis`, so that it can be built again.
    """
    basis, learned = model.basis_, model.parameters_
    field = {"units": "start field"}
    variables = {
        "bias": ("term", learned.bias, {"long_name": "bias operator", **field}),
        "features": (("feature", "term"), learned.features, {"long_name": "feature operators", **field}),
        "labels": (("label", "term"), learned.labels, {"long_name": "label operators", "units": "nat"}),
        "intercepts": ("label", learned.intercepts, {"long_name": "intercepts", "units": "nat"}),
        "qubits": (("term", "slot"), basis.qubits, {"long_name": "qubits of a string, -1 for none"}),
        "paulis": (("term", "slot"), basis.paulis, {"long_name": "0 none, 1 X, 2 Y, 3 Z"}),
    }
    coordinates = {
        "term": basis.short_labels,
        "feature": list(feature_names),
        "label": [str(label) for label in model.classes_],
    }
    return xr.Dataset(variables, coordinates, {"n_qubits": basis.n_qubits})


class _Clock:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[phase] = time.perf_counter() - start

    def seconds(self) -> xr.Dataset:
        values = ("phase", list(self._seconds.values()), {"long_name": "time of each phase", "units": "s"})
        return xr.Dataset({"seconds": values}, {"phase": list(self._seconds)})


def _others(seed: int) -> Iterator[tuple[str, BaseEstimator]]:
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    yield LINEAR, GridSearchCV(LogisticRegression(max_iter=5000), _STRENGTHS, cv=folds)
    yield KERNEL, GridSearchCV(SVC(), _WIDTHS, cv=folds)


def _judge(models: dict[str, BaseEstimator], split: Split, predicted: np.ndarray) -> xr.Dataset:
    classes = [str(label) for label in models[OURS].classes_]
    accuracy = [
        [
            model.score(split.train_features, split.train_labels),
            accuracy_score(split.test_labels, predicted if name == OURS else model.predict(split.test_features)),
        ]
        for name, model in models.items()
    ]
    counts = confusion_matrix(split.test_labels, predicted, labels=classes)
    variables = {
        "accuracy": (("model", "part"), accuracy, {"long_name": "share of rows with the right label", "units": "1"}),
        "confusion": (("truth", "predicted"), counts, {"long_name": "test rows", "units": "1"}),
        "n_rows": ("part", [len(split.train), len(split.test)], {"long_name": "rows", "units": "1"}),
    }
    coordinates = {"model": list(models), "part": ["train", "test"], "truth": classes, "predicted": classes}
    return xr.Dataset(variables, coordinates)


def _sizes(model: HamiltonianClassifier) -> xr.Dataset:
    template = krylov_template(model.basis_, krylov_dimension=model.krylov_dimension, trotter_order=model.trotter_order)
    deepest = template.circuits[-1]
    # By name: on two qubits the barrier before the measurement would count as a gate.
    depth = deepest.depth(lambda gate: gate.operation.name == "cz")
    sizes = {
        "subspace_dimension": (model.subspace_.dimension, "basis states in the subspace"),
        "two_qubit_depth": (depth, "layers of CZ gates in the deepest circuit"),
        "cz_count": (deepest.count_ops().get("cz", 0), "CZ gates in the deepest circuit"),
    }
    return xr.Dataset({name: ((), value, {"long_name": text, "units": "1"}) for name, (value, text) in sizes.items()})


def _as_attributes(settings: DemoSettings) -> dict[str, str | int | float]:
    given = {name: value for name, value in asdict(settings).items() if value is not None}
    return {f"setting_{name}": value for name, value in given.items()}
