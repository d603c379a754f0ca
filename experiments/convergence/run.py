"""Energy errors of Krylov samples in the number of powers, the time step, the shots and the size of the subspace.

Three parts: bounds of the theory on small dense matrices; scans on 14 qubits beside classical, random and noise-only
subspaces of equal size; and the XXZ ring of a public course, whose exact energy is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from scipy.linalg import eigh, expm

from experiments.parts import Part, Profile, Task
from experiments.speed.workload import hamiltonians
from hamiltonian_ml import (
    ClassicalSelection,
    KrylovSelection,
    NoiseSelection,
    PauliBasis,
    RandomSelection,
    Samples,
    Subspace,
    restrict,
)
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.subspace.ground_state import lowest_levels

RING_ENERGY = -23.936013  # exact; 22 sites
COURSE_ENERGY = -23.934184  # printed by the course, from samples
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 10.0)
SIZES = (32, 100, 316, 1000)


@dataclass(frozen=True, kw_only=True)
class Bound(Task):
    """Exact Krylov spaces of one small Hamiltonian."""

    seed: int
    n_qubits: int = 7
    strength: float = 0.15
    powers: int = 8


@dataclass(frozen=True, kw_only=True)
class Sampling(Task):
    """One subspace for one Hamiltonian. ``factor`` is the time step over pi / W, W the width of the spectrum."""

    scan: str
    states: str
    seed: int
    krylov_dimension: int = 4
    factor: float = 4.0
    shots: int = 2000
    max_dimension: int = 10_000
    n_qubits: int = 14
    strength: float = 0.15


@dataclass(frozen=True, kw_only=True)
class Ring(Task):
    """The XXZ ring from the Neel state."""

    shots: int
    seed: int
    n_sites: int = 22
    krylov_dimension: int = 5
    time_step: float = 0.15
    trotter_order: int = 1


def bounds(profile: Profile) -> list[Bound]:
    n_seeds, n = {"tiny": (1, 3), "quick": (5, 7), "full": (20, 7)}[profile]
    return [Bound(seed=seed, n_qubits=n) for seed in range(n_seeds)]


def scans(profile: Profile) -> list[Sampling]:
    n_seeds, n = {"tiny": (1, 4), "quick": (3, 10), "full": (10, 14)}[profile]
    cells = []
    for seed in range(n_seeds):
        common = {"seed": seed, "n_qubits": n}
        cells += [Sampling(scan="time step", states="sampled", factor=f, **common) for f in FACTORS]
        cells += [Sampling(scan="powers", states="sampled", krylov_dimension=k, **common) for k in (2, 3, 4, 6, 8)]
        cells += [Sampling(scan="shots", states="sampled", shots=s, **common) for s in (100, 300, 1000, 3000, 10_000)]
        cells += [
            Sampling(
                scan="size", states=states, max_dimension=d, shots=20_000 if states == "sampled" else 2000, **common
            )
            for d, states in product(SIZES, ("sampled", "classical", "random", "noise"))
        ]
    return cells


def rings(profile: Profile) -> list[Ring]:
    if profile == "tiny":
        return [Ring(shots=100, seed=0, n_sites=6)]
    n_seeds, shots = (2, (1000, 10_000)) if profile == "quick" else (3, (1000, 10_000, 100_000))
    return [Ring(shots=s, seed=seed) for seed in range(n_seeds) for s in shots]


def run_bound(task: Bound) -> xr.Dataset:
    """Diagonalise in the exact Krylov spaces of growing dimension."""
    basis = PauliBasis.chain(task.n_qubits)
    row = hamiltonians(basis, 1, strength=task.strength, rng=np.random.default_rng(task.seed))[0]
    matrix = restrict(basis, Subspace.full(task.n_qubits)).matrix(row).toarray()
    levels, states = eigh(matrix)
    width, gap, overlap = levels[-1] - levels[0], levels[1] - levels[0], abs(states[0, 0]) ** 2
    step = expm(-1j * np.pi / width * matrix)
    vectors = [np.eye(len(matrix))[0].astype(complex)]
    errors, limits = [], []
    for power in range(1, task.powers + 1):
        space = np.linalg.svd(np.array(vectors).T, full_matrices=False)
        kept = space.U[:, 1e-10 * space.S[0] < space.S]
        errors.append(np.linalg.eigvalsh(kept.conj().T @ matrix @ kept)[0] - levels[0])
        limits.append(8 * width * (1 - overlap) / overlap * (1 + np.pi * gap / width) ** -(power - 1))
        vectors.append(step @ vectors[-1])
    units = {"units": "field"}
    return xr.Dataset(
        {"error": ("dimension", errors, units), "bound": ("dimension", limits, units)},
        {"dimension": np.arange(1, task.powers + 1)},
    )


def run_sampling(task: Sampling) -> xr.Dataset:
    """Choose states, solve in them, and compare with the exact ground state."""
    basis = PauliBasis.chain(task.n_qubits)
    row = hamiltonians(basis, 1, strength=task.strength, rng=np.random.default_rng(task.seed))
    whole = restrict(basis, Subspace.full(task.n_qubits))
    exact = lowest_levels(whole, row, n_levels=2, tol=1e-9, gap_tol=1e-4)
    top = -lowest_levels(whole, -row, n_levels=1, tol=1e-3).energies[0, 0]
    width = top - exact.energies[0, 0]
    chosen = _selection(task, np.pi / width).select(
        basis, row, np.ones(1), seed=task.seed_sequence("states", "seed", "states", "shots", "krylov_dimension")
    )
    structure = restrict(basis, chosen.subspace)
    energy = lowest_levels(structure, row, n_levels=1, tol=1e-9).energies[0, 0]
    weight = float((np.abs(exact.ground_states[0][chosen.subspace.words[:, 0].astype(int)]) ** 2).sum())
    norm = max(abs(top), abs(exact.energies[0, 0]))
    return quantities(
        energy_error=((energy - exact.energies[0, 0]) / abs(exact.energies[0, 0]), "1", "relative energy error"),
        dimension=(structure.dimension, "1", "basis states"),
        weight=(weight, "1", "weight of the exact ground state in the subspace"),
        bound=(np.sqrt(8) * norm * np.sqrt(max(0.0, 1 - np.sqrt(weight))) / abs(exact.energies[0, 0]), "1", "bound"),
        gap=(float(exact.gaps[0]), "field", "gap"),
        width=(width, "field", "width of the spectrum"),
    )


def _selection(task: Sampling, unit_step: float):
    if task.states == "sampled":
        return KrylovSelection(
            backend="statevector", krylov_dimension=task.krylov_dimension, time_step=task.factor * unit_step,
            shots=task.shots, max_dimension=task.max_dimension,
        )  # fmt: skip
    controls = {"classical": ClassicalSelection, "random": RandomSelection, "noise": NoiseSelection}
    return controls[task.states](min(task.max_dimension, 2**task.n_qubits))


def run_ring(task: Ring) -> xr.Dataset:
    """Sample the ring's Krylov states with every other site turned, so that the Neel state is the reference."""
    basis = PauliBasis.ring(task.n_sites)
    # Turning a site about x by pi takes Y and Z to their opposites; an edge has one turned site.
    weights = {(1, 1): 0.3, (2, 2): -0.3, (3, 3): -1.0}
    row = np.array([weights.get((int(a), int(b)), 0.0) for a, b in basis.paulis])
    used = basis.subset(row != 0)
    samples = sample_krylov(
        used, row[row != 0][None], krylov_dimension=task.krylov_dimension, time_step=task.time_step,
        trotter_order=task.trotter_order, shots=task.shots, backend="statevector", seed=task.seed,
    )[0]  # fmt: skip
    reference = Samples.from_words(np.zeros((1, 1), dtype=np.uint64), task.n_sites, [1.0])
    space = Subspace.span(task.n_sites, Samples.union([samples, reference]).words)
    energy = lowest_levels(restrict(used, space), row[row != 0][None], n_levels=1, tol=1e-9).energies[0, 0]
    return quantities(energy=(energy, "coupling", "energy"), dimension=(space.dimension, "1", "basis states"))


PARTS = {"scan": Part(scans, run_sampling), "bound": Part(bounds, run_bound), "ring": Part(rings, run_ring)}
