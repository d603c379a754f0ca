"""A sweep of a function of one's own: ten random operators, each at two numbers of shots, on all cores."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from hamiltonian_ml import PauliBasis, ground_state
from hamiltonian_ml.study.sweep import sweep
from hamiltonian_ml.study.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Cell(Task):
    """One random operator, sampled once."""

    n_qubits: int
    shots: int
    seed: int


def run(task):
    """Return what one cell finds."""
    basis = PauliBasis.chain(task.n_qubits)
    rng = np.random.default_rng(task.seed_sequence("operator", "n_qubits", "seed"))
    operator = basis.to_operator(rng.standard_normal(basis.n_terms))
    state = ground_state(operator, shots=task.shots, random_state=task.seed)
    return xr.Dataset({"energy": state.energy, "residual": state.residual})


if __name__ == "__main__":
    tasks = [
        Cell(n_qubits=n, shots=s, seed=i)
        for n in (8, 12)
        for s in (100, 1000)
        for i in range(5)
    ]
    print(sweep(tasks, run, folder=Path("cells"), progress=True).results())
