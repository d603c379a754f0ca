"""Trained fifty-qubit models against the tensor-network referee: energies, decisions and logits on every test row.

Run ``python -m experiments.fifty_qubits.truth``; a few minutes a data set on 2 cores. Needs the extra ``referee``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import readout
from hamiltonian_ml.referee import dmrg_expectations
from hamiltonian_ml.study.datasets import load_table, split_table


@dataclass(frozen=True, kw_only=True)
class Task:
    """One trained model and how it is judged."""

    dataset: str
    seed: int = 0
    n_qubits: int = 50
    test_fraction: float = 1 / 3
    max_iter: int = 50
    learning_rate: float = 0.01
    batch_size: int = 32
    shots: int = 500
    train_dimension: int = 1276
    refined_dimension: int = 5000
    refining_rounds: int = 3
    max_bond: int = 32


TASKS = [Task(dataset="moons"), Task(dataset="breast_cancer", max_iter=20)]


def run(task: Task) -> dict[str, float]:
    """Train, refine, and compare with the referee."""
    rows = split_table(load_table(task.dataset, seed=task.seed), test_fraction=task.test_fraction, seed=task.seed)
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend="mps", max_iter=task.max_iter, learning_rate=task.learning_rate,
        batch_size=task.batch_size, shots=task.shots, max_dimension=task.train_dimension, tol=0.0,
        random_state=task.seed, decision_rounds=0,
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(rows.train_features, rows.train_labels)
    trained = time.perf_counter()
    model.refine(rows.train_features, max_dimension=task.refined_dimension, rounds=task.refining_rounds)
    refined = time.perf_counter()
    certificate = model.certify(rows.test_features)
    coefficients = np.asarray(linear_embedding(model.parameters_, rows.test_features))
    truth = dmrg_expectations(model.basis_, coefficients, max_bond=task.max_bond, random_state=0)
    judged = time.perf_counter()
    exact = np.asarray(readout(model.parameters_, truth.expectations))
    exact_decisions = model.classes_[exact.argmax(axis=1)]
    ours, theirs = model.decision_function(rows.test_features), exact[:, 1] - exact[:, 0]
    error = (certificate.energy.values - truth.energies) / np.abs(truth.energies)
    return {
        "test accuracy": model.score(rows.test_features, rows.test_labels),
        "states": model.subspace_.dimension,
        "energy error, median": float(np.median(error)),
        "energy error, largest": float(error.max()),
        "decisions as the referee's": float((model.predict(rows.test_features) == exact_decisions).mean()),
        "logit error, median": float(np.median(np.abs(ours - theirs) / np.abs(theirs))),
        "captured weight, median": float(certificate.captured_weight.median()),
        "trusted": float(certificate.trusted.mean()),
        "referee residual, median": float(np.median(truth.residuals)),
        "test rows": len(rows.test_labels),
        "seconds to train": trained - start,
        "seconds to refine": refined - trained,
        "seconds of the referee": judged - refined,
    }


def main() -> None:
    """Print one block a data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[task.dataset for task in TASKS], help="one data set")
    only = parser.parse_args().only
    for task in TASKS:
        if only in (None, task.dataset):
            print(task.dataset)
            for name, value in run(task).items():
                print(f"  {name:28} {value:.4g}", flush=True)


if __name__ == "__main__":
    main()
