"""Train at 4 to 50 qubits from sampled states, and judge every test row by the exact ground state or by DMRG.

Beside them: training in all basis states where they are few; from states that a noisy device samples; and in as many
states that are sampled, chosen classically, drawn at random, or what noise alone would make. All settings but the
number of qubits are the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import xarray as xr
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from experiments.judging import EXACT_QUBITS, judge
from experiments.parts import Part, Profile, Task, rows_of
from hamiltonian_ml import HamiltonianClassifier, KrylovSelection, NoiseSelection, PauliBasis
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.datasets import Split

SIZES = (4, 8, 12, 16, 20, 30, 40, 50)
DEVICE = "fake_kingston"
EPOCHS = {"moons": 40, "breast_cancer": 20}


@dataclass(frozen=True, kw_only=True)
class Training(Task):
    """One model.

    Attributes
    ----------
    states : {"exact", "sampled", "noisy", "equal", "classical", "random", "noise"}
        How basis states are chosen; "noisy" samples them on a simulated device of today, "equal" keeps no more of the
        sampled ones than the three that are compared with them.
    judged_rows : int
        Test rows that the referee solves; 0 for all.
    """

    dataset: str
    states: str
    n_qubits: int
    seed: int
    max_iter: int
    judged_rows: int = 0
    test_fraction: float = 1 / 3
    learning_rate: float = 0.01
    batch_size: int = 32
    shots: int = 500
    krylov_dimension: int = 4
    refresh_every: int = 5
    max_dimension: int = 1276  # the states within two flips of the reference at 50 qubits
    control_dimension: int = 200  # about as many as are sampled there from models in training
    max_bond: int = 32
    noisy_rows: int = 16  # sampled on the noisy device at each refresh
    revision: int = 4  # 3: shots without the last round of sampling, after training; `figure` counts it there


def tasks(profile: Profile) -> list[Training]:
    """Return the models of a profile, those of the first seed first."""
    sizes, seeds, judged = {
        "tiny": ((3,), 1, 4),
        "quick": ((4, 8, 16, 30), 2, 10),
        "full": (SIZES, 5, 0),
    }[profile]
    data = ("moons",) if profile == "tiny" else tuple(EPOCHS)

    def one(dataset: str, states: str, n: int, seed: int, rows: int) -> Training:
        epochs = 2 if profile == "tiny" else EPOCHS[dataset]
        return Training(
            dataset=dataset, states=states, n_qubits=n, seed=seed, judged_rows=rows, max_iter=epochs
        )  # fmt: skip

    main = [
        one(dataset, states, n, seed, judged)
        for seed in range(seeds)
        for n in sizes
        for dataset in data
        for states in ("sampled", "exact")
        if states == "sampled" or n <= EXACT_QUBITS
    ]
    noisy = [one(dataset, "noisy", n, seed, judged) for seed in range(seeds) for n in sizes for dataset in data]
    controls = [
        one("moons", states, n, seed, 10)
        for seed in range(min(seeds, 3))
        for n in ((12, 50) if profile == "full" else sizes[:3])
        for states in ("equal", "classical", "random", "noise")
    ]
    return main + controls + noisy


def model(task: Training) -> HamiltonianClassifier:
    """Return the classifier of a task, not fitted."""
    selections = {"exact": "full", "sampled": "krylov", "equal": "krylov", "classical": "classical", "random": "random"}
    few = min(task.control_dimension, 2**task.n_qubits)
    dimension = task.max_dimension if task.states in ("sampled", "noisy") else few
    own = {
        "noise": NoiseSelection(few),
        "noisy": KrylovSelection(
            DEVICE, shots=task.shots, krylov_dimension=task.krylov_dimension, max_rows=task.noisy_rows,
            max_dimension=dimension,
        ),
    }  # fmt: skip
    return HamiltonianClassifier(
        task.n_qubits,
        selection=own[task.states] if task.states in own else selections[task.states],
        backend="auto" if task.n_qubits <= EXACT_QUBITS else "mps",
        max_iter=task.max_iter,
        learning_rate=task.learning_rate,
        batch_size=task.batch_size,
        shots=task.shots,
        krylov_dimension=task.krylov_dimension,
        refresh_every=task.refresh_every,
        max_dimension=dimension,
        tol=0.0,
        n_iter_no_change=task.max_iter,
        random_state=task.seed,
        decision_rounds=0,  # accuracies are those of the states that were chosen; `judge` looks at the default beside
    )


def run(task: Training) -> xr.Dataset:
    """Train, judge, and compare with classical models on the same rows."""
    rows = rows_of(task.dataset, task.seed, test_fraction=task.test_fraction)
    start = time.perf_counter()
    fitted = model(task).fit(rows.train_features, rows.train_labels)
    seconds = time.perf_counter() - start
    found = quantities(
        train_accuracy=(fitted.score(rows.train_features, rows.train_labels), "1", "share of training rows right"),
        test_accuracy=(fitted.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
        dimension=(fitted.subspace_.dimension, "1", "basis states in the last subspace"),
        training_seconds=(seconds, "s", "time to train"),
        smallest_gap=(float(fitted.history_.smallest_gap.min()), "start field", "smallest gap while training"),
    )
    curve = fitted.history_[["loss", "gradient_norm", "smallest_gap"]].rename(smallest_gap="gap_by_epoch")
    n_judged = task.judged_rows or len(rows.test_labels)
    judged = judge(
        fitted, rows.test_features[:n_judged], rows.test_labels[:n_judged], max_bond=task.max_bond,
        settled=task.states in ("sampled", "noisy"),
    )  # fmt: skip
    parts = [judged, _classical(task, rows), _circuits(task, rows)]
    return xr.merge([found, curve.drop_attrs(deep=False), *parts])


def _classical(task: Training, rows: Split) -> xr.Dataset:
    """Fit logistic regression, an RBF SVC and a network with as many parameters."""
    n_features, n_classes = rows.train_features.shape[1], len(np.unique(rows.train_labels))
    n_parameters = (1 + n_features + n_classes) * (12 * task.n_qubits - 9)
    width = max(1, round((n_parameters - 1) / (n_features + 2)))  # one output for two classes
    others = {
        "logistic": (LogisticRegression(max_iter=5000), "logistic regression"),
        "svc": (SVC(), "RBF SVC"),
        "network": (
            MLPClassifier((width,), solver="lbfgs", alpha=1e-2, max_iter=20_000, random_state=task.seed),
            "a network of one hidden layer with as many parameters",
        ),
    }
    scores = {
        f"{name}_accuracy": (
            other.fit(rows.train_features, rows.train_labels).score(rows.test_features, rows.test_labels), "1",
            f"share of test rows right, {text}",
        )
        for name, (other, text) in others.items()
    }  # fmt: skip
    return quantities(**scores, n_parameters=(n_parameters, "1", "parameters learned"))


def _circuits(task: Training, rows: Split) -> xr.Dataset:
    """Count shots, gates and layers."""
    deepest = krylov_template(PauliBasis.chain(task.n_qubits), krylov_dimension=task.krylov_dimension).circuits[-1]
    return quantities(
        shots_spent=(model(task).preview(rows.train_features).executions, "1", "shots of all rounds of sampling"),
        cz_depth=(deepest.depth(lambda gate: gate.operation.name == "cz"), "1", "CZ layers of the deepest circuit"),
        cz_count=(deepest.count_ops().get("cz", 0), "1", "CZ gates of the deepest circuit"),
    )


PARTS = {"training": Part(tasks, run)}
