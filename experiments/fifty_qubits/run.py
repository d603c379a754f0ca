"""Two moons at fifty qubits or more, trained end to end from sampled Krylov states.

Run ``python -m experiments.fifty_qubits.run``; one line a seed, about half a minute each on a core. ``--qubits 70``
goes beyond one 64-bit word.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.datasets import load_table, split_table


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run: what is trained, and how."""

    seed: int
    n_qubits: int = 50
    dataset: str = "moons"
    test_fraction: float = 1 / 3
    max_iter: int = 40
    learning_rate: float = 0.01
    batch_size: int = 32
    shots: int = 500
    max_dimension: int = 1276  # the number of states within two flips of the reference at 50 qubits


def run(task: Task) -> dict[str, float]:
    """Train one model and return what it reached."""
    rows = split_table(load_table(task.dataset, seed=task.seed), test_fraction=task.test_fraction, seed=task.seed)
    start = time.perf_counter()
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend="mps", max_iter=task.max_iter, learning_rate=task.learning_rate,
        batch_size=task.batch_size, shots=task.shots, max_dimension=task.max_dimension, tol=0.0, random_state=task.seed,
        decision_rounds=0,  # what the sampled states alone decide
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    seconds = time.perf_counter() - start
    certificate = model.certify(rows.test_features)
    return {
        "train": model.score(rows.train_features, rows.train_labels),
        "test": model.score(rows.test_features, rows.test_labels),
        "states": model.subspace_.dimension,
        "smallest gap": float(model.history_.smallest_gap.min()),
        "captured weight": float(certificate.captured_weight.median()),
        "correction/energy": float((certificate.correction / certificate.energy).median()),
        "trusted": float(certificate.trusted.mean()),
        "seconds": seconds,
    }


def main() -> None:
    """Print one line a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qubits", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3, help="number of data sets, splits and start values (default 3)")
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        reached = run(Task(seed=seed, n_qubits=arguments.qubits))
        print(f"seed {seed}  " + "  ".join(f"{name} {value:.4g}" for name, value in reached.items()), flush=True)


if __name__ == "__main__":
    main()
