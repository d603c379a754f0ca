"""Depth and gates of the circuits against the number of qubits, and processor time against the number of states.

Ratios to other packages are in `experiments.speed`, which takes them side by side in one run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import xarray as xr
from qiskit import transpile
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate

from experiments.parts import Part, Profile, Task
from experiments.speed.workload import drawn_subspace, hamiltonians
from hamiltonian_ml import PauliBasis, restrict
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.subspace.ground_state import lowest_levels


@dataclass(frozen=True, kw_only=True)
class Depth(Task):
    """One Trotter step on a chain."""

    n_qubits: int


@dataclass(frozen=True, kw_only=True)
class Seconds(Task):
    """Eight Hamiltonians on one subspace, one thread."""

    n_states: int
    n_qubits: int = 50
    n_rows: int = 8
    strength: float = 0.15
    turns: int = 3


def depths(profile: Profile) -> list[Depth]:
    return [Depth(n_qubits=n) for n in ((4,) if profile == "tiny" else (4, 8, 12, 16, 20, 30, 40, 50))]


def sizes(profile: Profile) -> list[Seconds]:
    numbers = {"tiny": (20,), "quick": (300, 1000, 3000, 10_000), "full": (300, 1000, 3000, 10_000, 30_000, 100_000)}
    return [Seconds(n_states=n, n_qubits=6 if profile == "tiny" else 50) for n in numbers[profile]]


def run_depth(task: Depth) -> xr.Dataset:
    """Count layers of CZ on a line, ours and those of a generic evolution gate."""
    basis = PauliBasis.chain(task.n_qubits)
    ours = krylov_template(basis, krylov_dimension=2).circuits[0]
    row = hamiltonians(basis, 1, strength=0.15, rng=np.random.default_rng(0))[0]
    generic = QuantumCircuit(task.n_qubits)
    generic.append(PauliEvolutionGate(basis.to_operator(row), time=0.1), range(task.n_qubits))
    line = [[q, q + 1] for q in range(task.n_qubits - 1)] + [[q + 1, q] for q in range(task.n_qubits - 1)]
    options = {"basis_gates": ["rz", "sx", "x", "cz"], "coupling_map": line, "seed_transpiler": 0}
    levels = {k: transpile(generic, optimization_level=k, **options) for k in (1, 3)}

    def depth(circuit: QuantumCircuit) -> int:
        return circuit.depth(lambda gate: gate.operation.name == "cz")

    return quantities(
        depth=(depth(ours), "1", "CZ layers of one step"),
        cz_count=(ours.count_ops().get("cz", 0), "1", "CZ gates of one step"),
        swaps=(ours.count_ops().get("swap", 0), "1", "SWAP gates"),
        generic_depth=(depth(levels[1]), "1", "CZ layers of a generic evolution gate, optimisation level 1"),
        generic_depth_3=(depth(levels[3]), "1", "CZ layers of a generic evolution gate, optimisation level 3"),
    )


def run_seconds(task: Seconds) -> xr.Dataset:
    """Take the median processor time of the structure and of the solution."""
    basis = PauliBasis.chain(task.n_qubits)
    rows = hamiltonians(basis, task.n_rows, strength=task.strength, rng=np.random.default_rng(0))
    space = drawn_subspace(basis, task.n_states, rng=np.random.default_rng(0))
    spent: list[tuple[float, float]] = []
    for _ in range(task.turns + 1):
        start = time.process_time()
        structure = restrict(basis, space)
        middle = time.process_time()
        lowest_levels(structure, rows, n_levels=1, tol=1e-6)
        spent.append((middle - start, (time.process_time() - middle) / task.n_rows))
    building, solving = np.median(spent[1:], axis=0)  # the first turn loads compiled code
    return quantities(
        building=(building, "s", "processor time of the structure"),
        solving=(solving, "s", "processor time of one ground state"),
        entries=(structure.n_entries, "1", "entries of the matrix off its diagonal"),
    )


PARTS = {"depth": Part(depths, run_depth), "seconds": Part(sizes, run_seconds)}
