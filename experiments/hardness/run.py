"""Entanglement and bond dimension of ground states: chain against heavy-hex patch, at the start and after training.

The exact state of 16 or 21 qubits is cut everywhere in a row of its qubits that few edges cross; the bond dimension is
the number of Schmidt values that a truncation to a given weight keeps, at the cut that needs most. On longer chains the
referee's own bond is taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from experiments.parts import Part, Profile, Task, rows_of
from experiments.speed.workload import hamiltonians
from hamiltonian_ml import HamiltonianClassifier, PauliBasis, Subspace, restrict
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.referee import dmrg_expectations
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.subspace.ground_state import lowest_levels

CUTOFF = 1e-8  # weight that a truncation may discard
# Two hexagons of a heavy-hex lattice: rings of twelve, corners and links in turn, that share a side, which is a link
# between two corners.
TWO_CELLS = [(q, (q + 1) % 12) for q in range(12)] + [(0, 12), *((q, q + 1) for q in range(12, 20)), (20, 2)]
_PATCH = 21


@dataclass(frozen=True, kw_only=True)
class Cut(Task):
    """Random Hamiltonians near a field, exact."""

    graph: str
    strength: float
    seed: int
    n_qubits: int = 16
    n_rows: int = 2
    cutoff: float = CUTOFF


@dataclass(frozen=True, kw_only=True)
class Chain(Task):
    """Trained chains, by the referee."""

    n_qubits: int
    max_iter: int
    seed: int
    n_rows: int = 10
    max_bond: int = 64
    cutoff: float = CUTOFF


def cuts(profile: Profile) -> list[Cut]:
    n_seeds, n = {"tiny": (1, 4), "quick": (2, 12), "full": (5, 16)}[profile]
    graphs = ("chain",) if profile == "tiny" else ("chain", "heavy-hex")
    return [
        Cut(graph=g, strength=s, seed=k, n_qubits=n if g == "chain" else _PATCH)
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
    """Count Schmidt values at every cut of a row of the qubits."""
    basis = PauliBasis.chain(task.n_qubits) if task.graph == "chain" else PauliBasis.from_edges(_PATCH, TWO_CELLS)
    rows = hamiltonians(basis, task.n_rows, strength=task.strength, rng=np.random.default_rng(task.seed))
    found = lowest_levels(restrict(basis, Subspace.full(task.n_qubits)), rows, n_levels=1, tol=1e-6)
    row = in_a_row(basis.edges, task.n_qubits)
    cuts = [[_schmidt(state, row, place) for place in range(1, task.n_qubits)] for state in found.ground_states]
    bonds = [max(int((w.sum() - w.cumsum() > task.cutoff).sum()) + 1 for w in weights) for weights in cuts]
    entropies = [max(float(-(w * np.log2(np.maximum(w, 1e-300))).sum()) for w in weights) for weights in cuts]
    return quantities(
        bond=(np.mean(bonds), "1", "largest bond dimension of a row at a discarded weight of 1e-8"),
        entropy=(np.mean(entropies), "bit", "largest entanglement entropy of a cut"),
        crossed=(max(_crossed(basis.edges, row)), "1", "edges across the cut that most of them cross"),
    )


def in_a_row(edges: Iterable[tuple[int, int]], n_qubits: int) -> list[int]:
    """Return an order of the qubits that few edges cross at any cut.

    From each qubit on, the next is the one after which the fewest edges are open; the best of these orders is taken.
    """
    neighbours: dict[int, set[int]] = {q: set() for q in range(n_qubits)}
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    rows = []
    for start in range(n_qubits):
        row, rest = [start], set(range(n_qubits)) - {start}
        while rest:
            row.append(min(rest, key=lambda q: (len(neighbours[q] & rest) - len(neighbours[q] - rest), q)))
            rest.remove(row[-1])
        rows.append(row)
    return min(rows, key=lambda row: (max(_crossed(edges, row)), sum(_crossed(edges, row))))


def _crossed(edges: Iterable[tuple[int, int]], row: list[int]) -> list[int]:
    """Return the number of edges across each cut of a row, none of one qubit alone included."""
    spans = [sorted((row.index(a), row.index(b))) for a, b in edges]
    return [sum(left < place <= right for left, right in spans) for place in range(1, len(row))] or [0]


def _schmidt(state: NDArray[np.complex128], row: list[int], place: int) -> NDArray[np.float64]:
    """Return the squared Schmidt values of the first qubits of a row with the others."""
    n = len(row)
    ordered = state.reshape((2,) * n).transpose([n - 1 - q for q in row])  # the first axis is the highest qubit
    values: NDArray[np.float64] = np.linalg.svd(ordered.reshape(2**place, -1), compute_uv=False)
    return values**2


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
    truth = dmrg_expectations(model.basis_, coefficients, max_bond=task.max_bond, cutoff=task.cutoff, random_state=0)
    return quantities(
        bond=(truth.bond_dimensions.mean(), "1", "bond dimension of the referee at a discarded weight of 1e-8"),
        row_seconds=((time.process_time() - start) / len(coefficients), "s", "processor time of the referee for a row"),
    )


PARTS = {"cut": Part(cuts, run_cut), "chain": Part(chains, run_chain)}
