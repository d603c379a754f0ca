"""Errors of energies, observables and gradients in sampled subspaces of many sizes, on 12 qubits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr

from experiments.parts import Part, Profile, Task
from experiments.speed.workload import hamiltonians
from hamiltonian_ml import KrylovSelection, PauliBasis, Subspace, restrict
from hamiltonian_ml.learning.expectations import GroundStates, pull_back, solve
from hamiltonian_ml.study.cells import quantities


@dataclass(frozen=True, kw_only=True)
class Errors(Task):
    """One Hamiltonian in one subspace, sampled with a long time step and cut to its most frequent states."""

    strength: float
    max_dimension: int
    seed: int
    n_qubits: int = 12
    shots: int = 20_000
    time_step: float = 0.5


def tasks(profile: Profile) -> list[Errors]:
    n_seeds, n, shots = {"tiny": (1, 4, 100), "quick": (3, 10, 5000), "full": (10, 12, 20_000)}[profile]
    return [
        Errors(strength=s, max_dimension=d, seed=k, n_qubits=n, shots=shots)
        for k, s, d in product(range(n_seeds), (0.15, 0.3), (8, 16, 32, 64, 128, 256, 512))
    ]


def run(task: Errors) -> xr.Dataset:
    """Compare with the whole space."""
    basis, rng = PauliBasis.chain(task.n_qubits), np.random.default_rng(task.seed)
    row = hamiltonians(basis, 1, strength=task.strength, rng=rng)
    pull = rng.standard_normal((1, basis.n_terms)) / np.sqrt(basis.n_terms)
    selection = KrylovSelection(
        backend="statevector", time_step=task.time_step, shots=task.shots, max_dimension=task.max_dimension
    )
    seed = task.seed_sequence("samples", "seed", "strength")
    space = selection.select(basis, row, np.ones(1), seed=seed).subspace
    found = solve(row, restrict(basis, space), tol=1e-10)
    exact = solve(row, restrict(basis, Subspace.full(task.n_qubits)), tol=1e-10)
    slopes, true_slopes = pull_back(found, pull), pull_back(exact, pull)
    return quantities(
        energy_error=(_energy(found) - _energy(exact), "field", "energy error"),
        observable_error=(abs(((found.expectations - exact.expectations) * pull).sum()), "1", "error of <O>"),
        gradient_error=(np.linalg.norm(slopes - true_slopes) / np.linalg.norm(true_slopes), "1", "gradient error"),
        dimension=(space.dimension, "1", "basis states"),
    )


def _energy(states: GroundStates) -> float:
    return float(states.levels.energies[0, 0])


PARTS = {"errors": Part(tasks, run)}
