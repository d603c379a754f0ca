"""Training through a device's calibrated noise, on breast cancer, beside the same training without noise.

`python -m experiments.noise.training` trains at 8, 12 and 20 qubits; ``--qubits 50`` at others. Each model is kept in
the folder ``--out``; what is there is not trained again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.datasets import load_table, split_table
from hamiltonian_ml.study.sweep import sweep
from hamiltonian_ml.study.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Training(Task):
    """One model: where its Krylov states are sampled, and how it is trained."""

    backend: str
    n_qubits: int
    seed: int
    dataset: str = "breast_cancer"
    test_fraction: float = 1 / 3
    max_iter: int = 20
    learning_rate: float = 0.01
    batch_size: int = 32
    shots: int = 500
    max_dimension: int = 256


def run(task: Training) -> xr.Dataset:
    """Train one model and return its accuracies."""
    rows = split_table(load_table(task.dataset, seed=task.seed), test_fraction=task.test_fraction, seed=task.seed)
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend=task.backend, max_iter=task.max_iter, batch_size=task.batch_size,
        learning_rate=task.learning_rate, shots=task.shots, max_dimension=task.max_dimension, tol=0.0,
        random_state=task.seed,
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    return quantities(
        train=(model.score(rows.train_features, rows.train_labels), "1", "accuracy on training rows"),
        test=(model.score(rows.test_features, rows.test_labels), "1", "accuracy on test rows"),
        states=(model.subspace_.dimension, "1", "basis states"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qubits", type=int, nargs="+", default=[8, 12, 20])
    parser.add_argument("--device", default="fake_kingston")
    parser.add_argument("--seeds", type=int, default=1, help="number of splits and start values (default 1)")
    parser.add_argument("--out", type=Path, default=Path("experiments/.cells/noise"))
    arguments = parser.parse_args()
    for n_qubits in arguments.qubits:
        for backend in ("auto", arguments.device):
            tasks = [Training(backend=backend, n_qubits=n_qubits, seed=seed) for seed in range(arguments.seeds)]
            found = sweep(tasks, run, folder=arguments.out, workers=1).results()
            means = "  ".join(f"{name} {float(found[name].mean()):.3f}" for name in ("train", "test", "states"))
            print(f"{n_qubits:3d} qubits  {backend:14s} {means}", flush=True)


if __name__ == "__main__":
    main()
