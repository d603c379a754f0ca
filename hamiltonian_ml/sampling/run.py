"""Run the Krylov circuits of many rows and collect what was measured.

In: coefficients of Pauli strings, a backend, a number of shots. Out: one `Samples` for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, words_from_register_bytes
from hamiltonian_ml.sampling.backends import Backend, as_backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.weyl import Real

# Rows in one job of a simulator: enough to make the cost of a job's start small, few enough to report progress and
# to keep the measured strings, which Aer returns as text, out of memory's way.
_ROWS_A_JOB = 64


def sample_krylov(
    basis: PauliBasis,
    coefficients: ArrayLike,
    *,
    krylov_dimension: int = 4,
    time_step: float | str = "auto",
    trotter_order: int = 1,
    shots: int = 1000,
    backend: str | Backend | BaseSamplerV2 = "auto",
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Samples]:
    """Measure the Krylov states ``U(dt)^k |0...0>``, ``k = 1 .. krylov_dimension - 1``, of many Hamiltonians.

    Parameters
    ----------
    basis : PauliBasis
        Strings of the Hamiltonians.
    coefficients : (n_rows, n_terms) float
        One Hamiltonian a row, in energy units, in the frame whose reference state is ``|0...0>``.
    krylov_dimension : int
        Number of Krylov states a row, at least 2. The first is the reference state; it is not measured, and not
        added to the samples.
    time_step : "auto" or float
        Time ``dt`` of one Trotter step in 1/energy (hbar = 1); "auto" takes `krylov_time_step` for each row.
    trotter_order : int
        1 or 2.
    shots : int
        Shots a circuit; a row takes ``shots * (krylov_dimension - 1)``.
    backend : str, Backend or BaseSamplerV2
        Where circuits run. A sampler that is passed in gets all rows in one job.
    seed : int, optional
        The same seed gives the same samples, whatever the number of threads. A sampler that is passed in keeps its own.
    progress : callable, optional
        Called after each job with the number of rows done and the number of rows.

    Returns
    -------
    list of Samples
        For each row, the states measured in any of its circuits, with their shots summed.

    Raises
    ------
    ValueError
        If an argument is not one of those above, or the backend cannot hold so many qubits.
    """
    check_integer("shots", shots, at_least=1, why="a circuit that is not measured shows no state")
    place = as_backend(backend)
    template = krylov_template(basis, krylov_dimension=krylov_dimension, trotter_order=trotter_order)
    angles = krylov_angles(template, coefficients, time_step=time_step)
    circuits = place.compile(template.circuits, basis) if isinstance(place, Backend) else template.circuits
    n_rows = len(angles[0])
    samples: list[Samples] = []
    for sampler, rows in _jobs(place, basis.n_qubits, n_rows, seed):
        samples += _run_job(sampler, circuits, [values[rows] for values in angles], basis.n_qubits, shots=int(shots))
        if progress is not None:
            progress(len(samples), n_rows)
    return samples


def _jobs(
    place: Backend | BaseSamplerV2, n_qubits: int, n_rows: int, seed: int | None
) -> Iterator[tuple[BaseSamplerV2, slice]]:
    """Yield the sampler and the rows of each job, opening a simulator with its own seed for each of them."""
    if isinstance(place, BaseSamplerV2):
        if n_rows:
            yield place, slice(None)
        return
    starts = range(0, n_rows, _ROWS_A_JOB)
    seeds = np.random.SeedSequence(seed).generate_state(len(starts))
    for start, job_seed in zip(starts, seeds, strict=True):
        yield place.open(n_qubits, seed=int(job_seed)), slice(start, start + _ROWS_A_JOB)


def _run_job(
    sampler: BaseSamplerV2, circuits: Sequence[QuantumCircuit], angles: list[Real], n_qubits: int, *, shots: int
) -> list[Samples]:
    """Run one PUB for each power, with the rows as its parameter values."""
    n_rows = len(angles[0])
    pubs = [(circuit, values, shots) for circuit, values in zip(circuits, angles, strict=True)]
    registers = [result.data.meas.array for result in sampler.run(pubs).result()]
    measured = np.concatenate(registers, axis=1)  # (n_rows, shots of all powers, bytes)
    words = words_from_register_bytes(measured, n_qubits).reshape(n_rows, measured.shape[1], -1)
    return [Samples.from_words(row, n_qubits) for row in words]
