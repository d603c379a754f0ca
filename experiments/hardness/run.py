"""Entanglement and bond dimension of ground states: chain against heavy-hex patch, at the start and after training.

The exact state of up to 19 qubits is cut in the middle of a row of its qubits; the bond dimension is the number of
Schmidt values that a truncation to a given weight keeps. On a chain of 50 the referee's own bond is taken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.parts import Part, Profile, Task, rows_of
from experiments.speed.workload import hamiltonians
from hamiltonian_ml import HamiltonianClassifier, PauliBasis, Subspace, restrict
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.referee import dmrg_expectations
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.subspace.ground_state import lowest_levels

CUTOFF = 1e-8  # weight that a truncation may discard
# Two hexagons of a heavy-hex lattice that share a side: 12 corners and links in the first, 7 more in the second.
TWO_CELLS = [(q, (q + 1) % 12) for q in range(12)] + [(0, 12), *((q, q + 1) for q in range(12, 18)), (18, 4)]


@dataclass(frozen=True, kw_only=True)
class Cut(Task):
    """Random Hamiltonians near a field, exact."""

    graph: str
    strength: float
    seed: int
    n_qubits: int = 16
    n_rows: int = 2


@dataclass(frozen=True, kw_only=True)
class Chain(Task):
    """Trained chains, by the referee."""

    n_qubits: int
    max_iter: int
    seed: int
    n_rows: int = 10
    max_bond: int = 64


def cuts(profile: Profile) -> list[Cut]:
    n_seeds, n = {"tiny": (1, 4), "quick": (2, 12), "full": (5, 16)}[profile]
    graphs = ("chain",) if profile == "tiny" else ("chain", "heavy-hex")
    return [
        Cut(graph=g, strength=s, seed=k, n_qubits=n if g == "chain" else (12 if profile == "quick" else 19), n_rows=2)
        for k in range(n_seeds)
        for s in (0.05, 0.15, 0.3, 0.6)
        for g in graphs
    ]


def chains(profile: Profile) -> list[Chain]:
    n_seeds, sizes, epochs = {
        "tiny": (1, (4,), (2,)),
        "quick": (1, (8, 16), (5, 40)),
        "full": (3, (12, 30, 50), (5, 40)),
    }[profile]
    return [Chain(n_qubits=n, max_iter=e, seed=k) for k in range(n_seeds) for n in sizes for e in epochs]


def run_cut(task: Cut) -> xr.Dataset:
    """Count Schmidt values in the middle of the best-known order of the qubits."""
    edges = [edge for edge in TWO_CELLS if max(edge) < task.n_qubits]
    basis = PauliBasis.chain(task.n_qubits) if task.graph == "chain" else PauliBasis.from_edges(task.n_qubits, edges)
    rows = hamiltonians(basis, task.n_rows, strength=task.strength, rng=np.random.default_rng(task.seed))
    found = lowest_levels(restrict(basis, Subspace.full(task.n_qubits)), rows, n_levels=1, tol=1e-6)
    half = task.n_qubits // 2
    bonds, entropies = [], []
    for state in found.ground_states:
        weights = np.linalg.svd(state.reshape(2 ** (task.n_qubits - half), 2**half), compute_uv=False) ** 2
        bonds.append(int((weights.sum() - weights.cumsum() > CUTOFF).sum()) + 1)
        entropies.append(float(-(weights[weights > 1e-15] * np.log2(weights[weights > 1e-15])).sum()))
    return quantities(
        bond=(np.mean(bonds), "1", "bond dimension at a discarded weight of 1e-8"),
        entropy=(np.mean(entropies), "bit", "entanglement entropy of one half"),
    )


def run_chain(task: Chain) -> xr.Dataset:
    """Train from samples, then let the referee solve test rows."""
    rows = rows_of("moons", task.seed)
    model = HamiltonianClassifier(
        task.n_qubits, selection="krylov", backend="mps" if task.n_qubits > 12 else "auto", max_iter=task.max_iter,
        learning_rate=0.01, batch_size=32, shots=500, max_dimension=1276, tol=0.0, n_iter_no_change=task.max_iter,
        random_state=task.seed,
    ).fit(rows.train_features, rows.train_labels)  # fmt: skip
    coefficients = np.asarray(linear_embedding(model.parameters_, rows.test_features[: task.n_rows]))
    start = time.process_time()
    truth = dmrg_expectations(model.basis_, coefficients, max_bond=task.max_bond, cutoff=CUTOFF, random_state=0)
    return quantities(
        bond=(truth.bond_dimensions.mean(), "1", "bond dimension of the referee at a discarded weight of 1e-8"),
        row_seconds=((time.process_time() - start) / len(coefficients), "s", "processor time of the referee for a row"),
    )


PARTS = {"cut": Part(cuts, run_cut), "chain": Part(chains, run_chain)}
