"""The same ground state from qiskit-addon-sqd and from fulqrum, each in a process of its own that takes its own time.

Their imports change settings of the whole process (JAX's precision, OpenMP's threads), and the function that runs
there is one of this file's, so that nothing of theirs is ever loaded beside ours.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh

from experiments.speed.timing import Cost, cost_of
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace

PACKAGES = {"addon-sqd": "qiskit-addon-sqd", "fulqrum": "fulqrum"}


@dataclass(frozen=True, eq=False)
class Problem:
    """One Hamiltonian in one subspace, with ARPACK's settings, the same for all that use it."""

    basis: PauliBasis
    coefficients: NDArray[np.float64]
    subspace: Subspace
    start: NDArray[np.float64]
    tol: float


@dataclass(frozen=True, eq=False)
class Answer:
    """What a peer found, and the cost of each of its steps in order."""

    energy: float
    state: NDArray[np.complex128]
    steps: tuple[Cost, ...]

    @property
    def cost(self) -> Cost:
        """Cost of all steps."""
        return sum(self.steps, Cost(0.0, 0.0))


class Peer:
    """A process that solves problems with one package; use `open_peer`."""

    def __init__(self, name: str, pool: ProcessPoolExecutor) -> None:
        self.name = name
        self._pool = pool

    def solve(self, problem: Problem) -> Answer:
        """Solve one problem; the cost leaves out what it takes to hand the problem over."""
        return self._pool.submit(_SOLVERS[self.name], problem).result()


@contextmanager
def open_peer(name: str) -> Iterator[Peer]:
    """Start the process of one peer, and end it afterwards."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Peer(name, pool)


def installed(name: str) -> str | None:
    """Return the version of a peer, or None where it is not installed."""
    try:
        return version(PACKAGES[name])
    except PackageNotFoundError:
        return None


def arpack_settings(matrix: Any, *, residual: float) -> tuple[NDArray[np.float64], float]:
    """Return a start vector, and the loosest tolerance with which ARPACK reaches a residual on this matrix.

    The vector is the state of lowest diagonal, with a hundredth of noise: what our own solver starts from.
    """
    d = matrix.shape[0]
    start = 0.01 * np.random.default_rng(0).standard_normal(d) / np.sqrt(d)
    start[np.argmin(matrix.diagonal().real)] += 1.0
    for tol in np.geomspace(1e-6, 1e-13, 15):
        energies, states = eigsh(matrix, k=1, which="SA", v0=start, tol=tol)
        if np.linalg.norm(matrix @ states[:, 0] - energies[0] * states[:, 0]) <= residual:
            return start, float(tol)
    raise RuntimeError(f"ARPACK reaches no residual of {residual:g}; ask for less.")


def _solve_by_sqd(problem: Problem) -> Answer:
    from qiskit_addon_sqd.qubit import solve_qubit

    bits = problem.subspace.bits()[:, ::-1].astype(bool)  # its leftmost column is the highest qubit
    operator = problem.basis.to_operator(problem.coefficients)
    # Its own eigensolver settings look for the largest size, from a random start.
    cost, (energies, states) = cost_of(
        lambda: solve_qubit(bits, operator, which="SA", k=1, v0=problem.start.astype(complex), tol=problem.tol)
    )
    return Answer(energies[0], states[:, 0].conj(), (cost,))  # its matrix is the transpose of the Hamiltonian


def _solve_by_fulqrum(problem: Problem) -> Answer:
    from fulqrum import Subspace as States
    from fulqrum import SubspaceHamiltonian
    from fulqrum.convert import sparsepauli_to_fulqrum

    strings = problem.subspace.bitstrings()
    operator = sparsepauli_to_fulqrum(problem.basis.to_operator(problem.coefficients))
    first, states = cost_of(lambda: States([strings]))
    second, matrix = cost_of(lambda: SubspaceHamiltonian(operator, states).to_csr_linearoperator_fast())
    start = problem.start.astype(matrix.dtype)
    third, (energies, vectors) = cost_of(lambda: eigsh(matrix, k=1, which="SA", v0=start, tol=problem.tol))
    return Answer(energies[0], vectors[:, 0].astype(complex), (first, second, third))


_SOLVERS = {"addon-sqd": _solve_by_sqd, "fulqrum": _solve_by_fulqrum}
