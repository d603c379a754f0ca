"""Basis states carried over from an earlier epoch and from other rows, at equal size, beside fresh samples of each row.

Rows of a model in training on 12 qubits are sampled at one epoch and five epochs later, each time in their own
mean-field frames. Every way to put the later epoch's subspace together is judged by the exact ground states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.parts import Part, Profile, Task, rows_of
from hamiltonian_ml import (
    HamiltonianClassifier,
    KrylovSelection,
    PauliBasis,
    Samples,
    Subspace,
    mean_field_frames,
    restrict,
)
from hamiltonian_ml.bases.frames import rotate
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.selection.strategy import span_with_flips
from hamiltonian_ml.subspace.ground_state import lowest_levels

SIZES = (16, 32, 64, 128)
# Whether the samples of other rows, and those of the earlier epoch, have a say; or twice the shots instead.
RULES = ("own", "own, carried", "own, twice the shots", "pooled", "pooled, carried", "pooled, twice the shots")


@dataclass(frozen=True, kw_only=True)
class Carry(Task):
    """One model at two epochs."""

    dataset: str
    seed: int
    n_qubits: int = 12
    epochs: int = 10
    later: int = 5
    n_rows: int = 12
    shots: int = 100


def tasks(profile: Profile) -> list[Carry]:
    n, n_seeds, epochs = {"tiny": (3, 1, 1), "quick": (8, 3, 10), "full": (12, 10, 10)}[profile]
    return [
        Carry(dataset=dataset, seed=seed, n_qubits=n, epochs=epochs)
        for seed in range(n_seeds)
        for dataset in ("moons", "breast_cancer")
    ]


def run(task: Carry) -> xr.Dataset:
    """Judge all rules at all sizes on the same rows."""
    basis = PauliBasis.chain(task.n_qubits)
    before, now = (_in_frames(basis, rows) for rows in _in_training(task))
    fresh, more = (_sampled(task, basis, now, purpose) for purpose in ("fresh", "more"))
    old = _sampled(task, basis, before, "old")
    pools = {
        "": fresh,
        ", carried": [Samples.union(pair) for pair in zip(fresh, old, strict=True)],
        ", twice the shots": [Samples.union(pair) for pair in zip(fresh, more, strict=True)],
    }
    exact = lowest_levels(restrict(basis, Subspace.full(task.n_qubits)), now, n_levels=1, tol=1e-9).energies[:, 0]
    errors, used = np.empty((2, len(RULES), len(SIZES)))
    for rule, name in enumerate(RULES):
        who, _, how = name.partition(",")
        parts = pools["," + how if how else ""]
        for place, size in enumerate(SIZES):
            errors[rule, place], used[rule, place] = _judged(
                basis, now, parts, exact, size=size, pooled=who == "pooled"
            )
    dims, units = ("rule", "size"), {"units": "1"}
    return xr.Dataset(
        {
            "energy_error": (dims, errors, {**units, "long_name": "relative energy error, median of the rows"}),
            "dimension": (dims, used, {**units, "long_name": "basis states used, mean of the rows"}),
        },
        {"rule": list(RULES), "size": list(SIZES)},
    )


def _in_training(task: Carry) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (n_rows, n_terms) of some training rows at both epochs."""
    rows = rows_of(task.dataset, task.seed)
    model = HamiltonianClassifier(
        task.n_qubits, selection=KrylovSelection("statevector", shots=500, max_rows=16, max_dimension=256),
        max_iter=task.epochs, learning_rate=0.01, batch_size=32, tol=0.0, n_iter_no_change=1000, warm_start=True,
        random_state=task.seed,
    )  # fmt: skip
    found = []
    for epochs in (task.epochs, task.later):
        model.set_params(max_iter=epochs).fit(rows.train_features, rows.train_labels)
        found.append(np.asarray(linear_embedding(model.parameters_, rows.train_features[: task.n_rows])))
    return found[0], found[1]


def _in_frames(basis: PauliBasis, coefficients: np.ndarray) -> np.ndarray:
    return rotate(basis, coefficients, mean_field_frames(basis, coefficients).rotations)


def _sampled(task: Carry, basis: PauliBasis, rows: np.ndarray, purpose: str) -> list[Samples]:
    seed = int(np.random.default_rng(task.seed_sequence(purpose)).integers(2**31))
    return sample_krylov(basis, rows, shots=task.shots, backend="statevector", seed=seed)


def _judged(
    basis: PauliBasis, rows: np.ndarray, parts: list[Samples], exact: np.ndarray, *, size: int, pooled: bool
) -> tuple[float, float]:
    """Return median error and mean dimension with one subspace for all rows, or one for each."""
    sets = [Samples.union(parts)] if pooled else parts
    spaces = [span_with_flips(basis.n_qubits, samples.most_frequent(), size) for samples in sets]
    shares = [rows] if pooled else list(rows[:, None])
    energies = np.concatenate([
        lowest_levels(restrict(basis, space), some, n_levels=1, tol=1e-9).energies[:, 0]
        for space, some in zip(spaces, shares, strict=True)
    ])  # fmt: skip
    return float(np.median((energies - exact) / np.abs(exact))), float(np.mean([s.dimension for s in spaces]))


PARTS = {"carry": Part(tasks, run)}
