"""A trained model whose basis states are sampled again through the noise of three generations of Heron; and training
in that noise at growing numbers of qubits, beside the same training without noise.

Noise is that of the calibrations which qiskit-ibm-runtime ships: Aer's full model on 8 qubits, Pauli trajectories
beyond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.judging import judge
from experiments.parts import Part, Profile, Task, rows_of
from hamiltonian_ml import HamiltonianClassifier, KrylovSelection, PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.ladder import resample

GENERATIONS = {"none": "auto", "Heron r3": "fake_boston", "Heron r2": "fake_kingston", "Heron r1": "fake_torino"}
BOND = 32


@dataclass(frozen=True, kw_only=True)
class Rungs(Task):
    """One model, trained without noise, on all rungs of the ladder."""

    n_qubits: int
    seed: int
    max_iter: int = 20
    dataset: str = "moons"
    learning_rate: float = 0.01
    shots: int = 500
    max_rows: int = 16  # rows whose circuits are run
    max_dimension: int = 128
    judged_rows: int = 20


@dataclass(frozen=True, kw_only=True)
class Noisy(Task):
    """One model, trained with basis states from one place."""

    backend: str
    n_qubits: int
    seed: int
    max_iter: int = 20
    dataset: str = "moons"
    learning_rate: float = 0.01
    shots: int = 500
    max_rows: int = 16
    max_dimension: int = 128
    judged_rows: int = 20


def rungs(profile: Profile) -> list[Rungs]:
    sizes, n_seeds, epochs = {
        "tiny": ((3,), 1, 2),
        "quick": ((8, 20), 2, 20),
        "full": ((8, 20, 50), 5, 20),
    }[profile]
    return [Rungs(n_qubits=n, seed=seed, max_iter=epochs) for seed in range(n_seeds) for n in sizes]


def noisy(profile: Profile) -> list[Noisy]:
    sizes, n_seeds, epochs = {
        "tiny": ((3,), 1, 2),
        "quick": ((9, 12, 16, 20, 24), 2, 20),
        "full": ((9, 12, 16, 20, 24, 30, 50), 5, 20),
    }[profile]
    return [
        Noisy(backend=backend, n_qubits=n, seed=seed, max_iter=epochs)
        for seed in range(n_seeds)
        for n in sizes
        for backend in ("auto", "fake_kingston")
    ]


def _model(task: Rungs | Noisy, backend: str) -> HamiltonianClassifier:
    selection = KrylovSelection(
        backend, shots=task.shots, max_rows=task.max_rows, max_dimension=min(task.max_dimension, 2**task.n_qubits)
    )
    return HamiltonianClassifier(
        task.n_qubits, selection=selection, max_iter=task.max_iter, learning_rate=task.learning_rate, batch_size=32,
        tol=0.0, n_iter_no_change=task.max_iter, random_state=task.seed, decision_rounds=0,
    )  # fmt: skip


def run_rungs(task: Rungs) -> xr.Dataset:
    """Train once, and judge test rows with basis states that each generation samples for them."""
    rows, first = rows_of(task.dataset, task.seed), slice(task.judged_rows)
    model = _model(task, "auto").fit(rows.train_features, rows.train_labels)
    found = []
    for backend in GENERATIONS.values():
        rung = resample(model, rows.test_features, backend=backend, seed=task.seed)
        judged = judge(rung, rows.test_features[first], rows.test_labels[first], max_bond=BOND)
        own = quantities(
            test_accuracy=(rung.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
            dimension=(rung.structure_.dimension, "1", "basis states"),
            expected_errors=(_expected_errors(backend, task.n_qubits), "1", "errors expected in the deepest circuit"),
        )
        found.append(xr.merge([own, judged]))
    return xr.concat(found, xr.Variable("generation", list(GENERATIONS)))


def _expected_errors(backend: str, n_qubits: int) -> float:
    """Return the number of gate and readout errors to be expected in one shot of the last Krylov power."""
    if backend == "auto":
        return 0.0
    basis, place = PauliBasis.chain(n_qubits), Backend(backend)
    circuit = place.compile(krylov_template(basis, krylov_dimension=4).circuits[-1:], basis)[0]
    return -math.log(place.error_free_fraction(circuit))


def run_noisy(task: Noisy) -> xr.Dataset:
    """Train, judge, and keep the size of the gradients."""
    rows, first = rows_of(task.dataset, task.seed), slice(task.judged_rows)
    model = _model(task, task.backend).fit(rows.train_features, rows.train_labels)
    n_parameters = sum(np.size(part) for part in model.parameters_)
    square = model.history_.gradient_norm.drop_attrs() ** 2 / n_parameters
    own = quantities(
        test_accuracy=(model.score(rows.test_features, rows.test_labels), "1", "share of test rows right"),
        dimension=(model.subspace_.dimension, "1", "basis states in the last subspace"),
    )
    own["mean_square"] = square.assign_attrs(units="(nat/field)^2", long_name="mean square of all derivatives")
    return xr.merge([own, judge(model, rows.test_features[first], rows.test_labels[first], max_bond=BOND)])


PARTS = {"rungs": Part(rungs, run_rungs), "noisy": Part(noisy, run_noisy)}
