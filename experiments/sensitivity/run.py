"""Change one setting at a time, on two moons from sampled states; and compare models of more or fewer strings."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from experiments.parts import Part, Profile, Task, rows_of
from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.cells import quantities

VALUES: dict[str, tuple[float, ...]] = {
    "learning_rate": (0.003, 0.01, 0.03, 0.1),
    "time_step": (0.03, 0.1, 0.3, 1.0),
    "krylov_dimension": (2, 3, 4, 6),
    "shots": (20, 100, 500, 2000),
    "refresh_every": (1, 5, 20),
    "max_dimension": (16, 32, 64, 128),
    "start_scale": (0.005, 0.02, 0.06, 0.2),
}


@dataclass(frozen=True, kw_only=True)
class Setting(Task):
    """One model with one setting changed; the values of the others stand below."""

    setting: str
    value: float
    seed: int
    n_qubits: int = 12
    max_iter: int = 20
    learning_rate: float = 0.02
    krylov_dimension: int = 4
    shots: int = 500
    refresh_every: int = 5
    max_dimension: int = 256
    start_scale: float = 0.02


def tasks(profile: Profile) -> list[Setting]:
    n_seeds, n, epochs = {"tiny": (1, 3, 2), "quick": (2, 8, 20), "full": (5, 12, 20)}[profile]
    return [
        Setting(setting=name, value=float(value), seed=seed, n_qubits=n, max_iter=epochs)
        for seed in range(n_seeds)
        for name, values in VALUES.items()
        for value in (values[:1] if profile == "tiny" else values)
    ]


def run(task: Setting) -> xr.Dataset:
    """Train one model."""
    rows = rows_of("moons", task.seed)
    usual = {name: getattr(task, name) for name in VALUES if name != "time_step"}
    whole = isinstance(usual.get(task.setting, 0.0), int)
    changed = {task.setting: int(task.value) if whole else task.value}
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend="statevector", max_iter=task.max_iter, batch_size=32, tol=0.0,
        n_iter_no_change=task.max_iter, random_state=task.seed, decision_rounds=0, **{**usual, **changed},
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    certificate = model.certify(rows.test_features)
    return quantities(
        test_accuracy=(model.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
        loss=(model.loss_curve_[-1], "nat", "loss of the last epoch"),
        dimension=(model.subspace_.dimension, "1", "basis states"),
        captured_weight=(float(certificate.captured_weight.median()), "1", "captured weight, median"),
    )


@dataclass(frozen=True, kw_only=True)
class Operators(Task):
    """One model in all basis states, with more strings or more features than usual, or without."""

    dataset: str
    operators: str
    seed: int
    n_qubits: int = 5
    max_iter: int = 60
    components: int = 6


def operator_tasks(profile: Profile) -> list[Operators]:
    n_seeds, epochs = {"tiny": (1, 2), "quick": (2, 60), "full": (5, 60)}[profile]
    data = ("moons",) if profile == "tiny" else ("moons", "circles", "wine", "breast_cancer")
    kinds = ("no edges", "chain", "range 2", "all pairs", "chain, quadratic features")
    return [
        Operators(dataset=name, operators=kind, seed=seed, max_iter=epochs, n_qubits=3 if profile == "tiny" else 5)
        for seed in range(n_seeds)
        for name in data
        for kind in kinds
    ]


def run_operators(task: Operators) -> xr.Dataset:
    """Train one model; equal seeds have equal rows."""
    rows = rows_of(task.dataset, task.seed)
    few = min(task.components, rows.train_features.shape[1])
    steps = [PCA(few, random_state=0), StandardScaler()]
    if "quadratic" in task.operators:
        steps += [PolynomialFeatures(2, include_bias=False), StandardScaler()]
    n = task.n_qubits
    reach = {"no edges": 0, "range 2": 2, "all pairs": n}.get(task.operators, 1)
    edges = [(i, j) for i in range(n) for j in range(i + 1, min(n, i + reach + 1))]
    classifier = HamiltonianClassifier(
        n, connectivity=edges, selection="full", max_iter=task.max_iter, learning_rate=0.05, batch_size=64, tol=0.0,
        n_iter_no_change=task.max_iter, random_state=task.seed,
    )  # fmt: skip
    model = make_pipeline(*steps, classifier).fit(rows.train_features, rows.train_labels)
    return quantities(
        test_accuracy=(model.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
        train_accuracy=(model.score(rows.train_features, rows.train_labels), "1", "share of training rows right"),
    )


PARTS = {"setting": Part(tasks, run), "operators": Part(operator_tasks, run_operators)}
