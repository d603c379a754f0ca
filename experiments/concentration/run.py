"""States that hold 99 % of the weight against the number of qubits, by start scale and frame, untrained and trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr

from experiments.parts import Part, Profile, Task, rows_of
from hamiltonian_ml import HamiltonianClassifier, PauliBasis, Subspace, mean_field_frames, restrict
from hamiltonian_ml.bases.frames import rotate
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.subspace.ground_state import lowest_levels

SHARE = 0.99


@dataclass(frozen=True, kw_only=True)
class Spread(Task):
    """One set of Hamiltonians in one frame.

    Attributes
    ----------
    kind : {"scale 0.02", "scale 0.15", "scale 0.5", "isotropic", "trained", "trained from 0.15"}
        Random parts of that size around a field of one along z; normal coefficients without a field; or the rows of
        two moons after training, from start values of scale 0.02 where no other is named.
    """

    kind: str
    frame: str
    n_qubits: int
    seed: int
    n_rows: int = 8
    max_iter: int = 40


def tasks(profile: Profile) -> list[Spread]:
    sizes, n_seeds = {"tiny": ((3,), 1), "quick": ((4, 6, 8, 10), 2), "full": ((4, 6, 8, 10, 12, 14), 5)}[profile]
    kinds = ("scale 0.02", "scale 0.15", "scale 0.5", "isotropic", "trained", "trained from 0.15")
    return [
        Spread(kind=kind, frame=frame, n_qubits=n, seed=seed, max_iter=2 if profile == "tiny" else 40)
        for seed, n, kind, frame in product(range(n_seeds), sizes, kinds, ("mean_field", "computational"))
        if "trained" not in kind or n <= 10
    ]


def run(task: Spread) -> xr.Dataset:
    """Solve in the whole space and count the largest weights."""
    basis = PauliBasis.chain(task.n_qubits)
    rows = _trained(task) if "trained" in task.kind else _random(task, basis)
    if task.frame == "mean_field":
        rows = rotate(basis, rows, mean_field_frames(basis, rows).rotations)
    found = lowest_levels(restrict(basis, Subspace.full(task.n_qubits)), rows, n_levels=1, tol=1e-6)
    weights = np.sort(np.abs(found.ground_states) ** 2, axis=1)[:, ::-1].cumsum(axis=1)
    needed = (weights < SHARE).sum(axis=1) + 1
    return quantities(
        log2_states=(np.log2(needed).mean(), "1", "log2 of the states that hold 99 % of the weight"),
        largest=(needed.max(), "1", "the same number for the worst row"),
    )


def _random(task: Spread, basis: PauliBasis) -> np.ndarray:
    rng = np.random.default_rng(task.seed_sequence("rows", "seed", "kind", "n_qubits"))
    drawn = rng.standard_normal((task.n_rows, basis.n_terms))
    if task.kind == "isotropic":
        return drawn
    drawn *= float(task.kind.split()[1])
    drawn[:, (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)] -= 1.0
    return drawn


def _trained(task: Spread) -> np.ndarray:
    rows = rows_of("moons", task.seed)
    start_scale = 0.02 if task.kind == "trained" else float(task.kind.removeprefix("trained from "))
    model = HamiltonianClassifier(
        task.n_qubits, selection="full", max_iter=task.max_iter, batch_size=32, learning_rate=0.01, tol=0.0,
        n_iter_no_change=1000, random_state=task.seed, start_scale=start_scale,
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    return np.asarray(linear_embedding(model.parameters_, rows.test_features[: task.n_rows]))


PARTS = {"spread": Part(tasks, run)}
