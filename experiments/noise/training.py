"""Training through a device's calibrated noise, on breast cancer, beside the same training without noise.

`python -m experiments.noise.training` prints the results in the repository; ``--run`` trains anew, at the numbers of
``--qubits``, which takes some minutes a model. Each model's scores are kept in the folder ``--out``: what is there is
not trained again. ``--keep`` writes all that is there to the repository. Points are per cent of the test rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from experiments.parts import rows_of
from experiments.studies import CELLS
from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.gather import gather
from hamiltonian_ml.study.results import read_results, write_results
from hamiltonian_ml.study.statistics import estimate
from hamiltonian_ml.study.sweep import sweep
from hamiltonian_ml.study.tasks import Task

DATA = Path(__file__).parent / "data" / "training.nc"
NOISELESS = "auto"


@dataclass(frozen=True, kw_only=True)
class Training(Task):
    """One model: where its Krylov states are sampled, and how it is trained."""

    backend: str
    n_qubits: int
    seed: int
    revision: int = 2  # 1: readout errors of 0 and 1 alike
    dataset: str = "breast_cancer"
    test_fraction: float = 1 / 3
    max_iter: int = 20
    learning_rate: float = 0.01
    batch_size: int = 32
    shots: int = 500
    max_dimension: int = 256


def run(task: Training) -> xr.Dataset:
    """Train one model and return its accuracies."""
    rows = rows_of(task.dataset, task.seed, test_fraction=task.test_fraction)
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend=task.backend, max_iter=task.max_iter, batch_size=task.batch_size,
        learning_rate=task.learning_rate, shots=task.shots, max_dimension=task.max_dimension, tol=0.0,
        random_state=task.seed, decision_rounds=0,
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    return quantities(
        train=(model.score(rows.train_features, rows.train_labels), "1", "accuracy on training rows"),
        test=(model.score(rows.test_features, rows.test_labels), "1", "accuracy on test rows"),
        states=(model.subspace_.dimension, "1", "basis states"),
    )


def tasks(qubits: Sequence[int], seeds: int, device: str) -> list[Training]:
    """Return pairs of trainings, without noise and with it."""
    return [
        Training(backend=backend, n_qubits=n, seed=seed) for n in qubits for seed in range(seeds)
        for backend in (NOISELESS, device)
    ]  # fmt: skip


def report(found: xr.Dataset, device: str) -> list[str]:
    """Return a line for each number of qubits: means over the splits that were trained both ways."""
    for name in ("n_qubits", "seed"):  # a field that is the same in all tasks is no dimension of what was gathered
        if name not in found.dims:
            found = found.expand_dims({name: [found.attrs[f"setting_{name}"]]})
    lines = [f"{'qubits':>6}  {'splits':>6}  {'no noise':>8}  {device:>14}  {'points lost':>15}  {'basis states':>12}"]
    for n_qubits in found["n_qubits"].values:
        here = found.sel(n_qubits=n_qubits)
        both = here["test"].sel(backend=[NOISELESS, device]).dropna("seed")
        if both.sizes["seed"]:
            lost = 100 * (both.sel(backend=NOISELESS) - both.sel(backend=device))
            clean, noisy = (float(both.sel(backend=name).mean()) for name in (NOISELESS, device))
            error = f" +- {estimate(lost).error:.2f}" if lost.size > 1 else ""
            states = float(here["states"].sel(backend=device, seed=both["seed"]).mean())
            lines.append(
                f"{n_qubits:6d}  {lost.size:6d}  {clean:8.3f}  {noisy:14.3f}  {f'{float(lost.mean()):+.2f}{error}':>15}"
                f"  {states:12.0f}"
            )
    return lines


def main() -> None:
    """Print the table, after training if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true", help="train what is not in --out")
    parser.add_argument("--keep", action="store_true", help="write what is in --out to the repository")
    parser.add_argument("--qubits", type=int, nargs="+", default=[8, 12, 20, 50])
    parser.add_argument("--device", default="fake_kingston")
    parser.add_argument("--seeds", type=int, default=3, help="number of splits and start values (default 3)")
    parser.add_argument("--out", type=Path, default=CELLS / "noise")
    arguments = parser.parse_args()
    wanted = tasks(arguments.qubits, arguments.seeds, arguments.device)
    if arguments.run:
        sweep(wanted, run, folder=arguments.out, workers=1, progress=True)
    if arguments.keep:
        write_results(xr.DataTree(gather(wanted, arguments.out)), DATA)
    found = gather(wanted, arguments.out) if arguments.run else read_results(DATA).to_dataset()
    print("\n".join(report(found, arguments.device)))


if __name__ == "__main__":
    main()
