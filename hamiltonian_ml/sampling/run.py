"""Run the Krylov circuits of many rows and collect what was measured.

In: coefficients of Pauli strings, a backend, a number of shots. Out: one `Samples` for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_integer, check_real
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, words_from_register_bytes
from hamiltonian_ml.sampling.backends import Backend, as_backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.jobs import Compiled, RemoteRun
from hamiltonian_ml.sampling.mirror import mirrored
from hamiltonian_ml.sampling.pieces import split_jobs
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.store import Measured, SampleStore, as_store
from hamiltonian_ml.sampling.template import KrylovTemplate, krylov_template
from hamiltonian_ml.sampling.usage import Usage, usage_of

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
    store: str | Path | SampleStore | None = None,
    max_qpu_seconds: float | None = None,
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
    store : str, Path or SampleStore, optional
        Folder of samples and jobs. What it has is not measured again; a remote backend needs one.
    max_qpu_seconds : float, optional
        Budget of processor time for all jobs of the store; without effect on simulators.
    progress : callable, optional
        Called after each job of a simulator with the number of rows done and the number of rows.

    Returns
    -------
    list of Samples
        For each row, the states measured in any of its circuits, with their shots summed.

    Raises
    ------
    ValueError
        If an argument is not one of those above, or the backend cannot hold so many qubits.
    OverBudgetError, SamplesPendingError, MissingSamplesError
        If the budget does not suffice, jobs are sent and not done, or a store that only replays has no such samples.
    ServiceError, JobRefusedError
        If a remote service cannot be reached, or does not run a job.
    """
    check_integer("shots", shots, at_least=1, why="a circuit that is not measured shows no state")
    if max_qpu_seconds is not None:
        check_real("max_qpu_seconds", max_qpu_seconds)
    place, folder = as_backend(backend), as_store(store)
    values = basis.check_coefficients(coefficients, ndim=2)
    if isinstance(place, BaseSamplerV2):
        if folder is not None:
            raise ValueError(
                "store needs a backend by name or a Backend: nothing says what decides the samples of a sampler object."
            )
        template = krylov_template(basis, krylov_dimension=krylov_dimension, trotter_order=trotter_order)
        angles = krylov_angles(template, values, time_step=time_step)
        measured = _run_job(place, template.circuits, angles, basis.n_qubits, shots=int(shots)) if len(values) else []
    else:
        request = SampleRequest(
            basis, values, krylov_dimension=krylov_dimension, time_step=time_step, trotter_order=trotter_order,
            shots=int(shots), seed=seed, backend=place.resolve(basis.n_qubits),
        )  # fmt: skip
        measured = measure(request, store=folder, max_qpu_seconds=max_qpu_seconds, progress=progress)
    return [Samples.union(cells) for cells in measured]


def measure(
    request: SampleRequest,
    *,
    store: SampleStore | None = None,
    max_qpu_seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Return the samples of each row's circuits: from the store, from a simulator or from a service.

    Raises as `sample_krylov` does.
    """
    template = _checked_template(request)
    if len(request.coefficients) == 0:
        return []
    backend, n_qubits = request.backend, request.basis.n_qubits

    def compiled() -> Compiled:
        circuits = backend.compile(template.circuits, request.basis)
        return circuits, _circumstances(backend, circuits, n_qubits)

    def send(store: SampleStore) -> None:
        RemoteRun(
            store=store,
            service=backend.service(n_qubits),
            n_circuits=len(template.circuits),
            compiled=compiled,
            angles=lambda coefficients: krylov_angles(template, coefficients, time_step=request.time_step),
            max_qpu_seconds=max_qpu_seconds,
        ).measure(request)

    if store is None and backend.is_remote:
        raise ValueError(
            f"backend {backend.name!r} charges for its jobs: give store=<folder>, so that none is lost or paid twice."
        )
    if store is None:
        return _simulate(request, template, progress)
    if backend.is_remote:
        return store.get(request, lambda: send(store))
    return store.get(request, lambda: store.keep(request, _simulate(request, template, progress)))


def sampling_usage(request: SampleRequest) -> Usage:
    """Return what a request takes on a processor; touches no network.

    On a simulator it is what the same would take on a processor. Circuits of a remote backend are those before
    transpilation, which have the two-qubit gates and depth of the compiled ones: their edges lie on its couplers.
    """
    template = _checked_template(request)
    backend = request.backend
    circuits = template.circuits if backend.is_remote else backend.compile(template.circuits, request.basis)
    each = request.seconds_an_execution
    jobs = split_jobs(len(request.coefficients), len(circuits), request.shots, seconds_an_execution=each)
    fraction = backend.error_free_fraction(circuits[-1])
    return usage_of(circuits, jobs, error_free_fraction=fraction, seconds_an_execution=each)


def _checked_template(request: SampleRequest) -> KrylovTemplate:
    """Return the circuits of a request after a look at its options, before any work and any key."""
    template = krylov_template(
        request.basis, krylov_dimension=request.krylov_dimension, trotter_order=request.trotter_order
    )
    krylov_angles(template, request.coefficients[:1], time_step=request.time_step)
    return mirrored(template) if request.mirrored else template


def _simulate(
    request: SampleRequest, template: KrylovTemplate, progress: Callable[[int, int], None] | None
) -> Measured:
    """Return the samples of each row's circuits, job after job of a simulator."""
    circuits = request.backend.compile(template.circuits, request.basis)
    angles = krylov_angles(template, request.coefficients, time_step=request.time_step)
    measured: Measured = []
    for sampler, rows in _jobs(request):
        of_rows = [values[rows] for values in angles]
        measured += _run_job(sampler, circuits, of_rows, request.basis.n_qubits, shots=request.shots)
        if progress is not None:
            progress(len(measured), len(request.coefficients))
    return measured


def _circumstances(backend: Backend, circuits: Sequence[QuantumCircuit], n_qubits: int) -> dict[str, Any]:
    """Return options, calibration and layout of the day, as plain values."""
    layout = circuits[0].layout
    return {
        "options": asdict(backend),
        "fingerprint": backend.fingerprint(n_qubits),
        "layout": None if layout is None else [int(q) for q in layout.final_index_layout()],
        "versions": {name: version(name) for name in ("hamiltonian_ml", "qiskit", "qiskit-ibm-runtime")},
    }


def _jobs(request: SampleRequest) -> Iterator[tuple[BaseSamplerV2, slice]]:
    """Yield the sampler and the rows of each job, opening a simulator with its own seed for each of them."""
    starts = range(0, len(request.coefficients), _ROWS_A_JOB)
    purpose = (1,) if request.mirrored else ()  # mirror circuits have the number of their rows' seed, and other draws
    seeds = np.random.SeedSequence(request.seed, spawn_key=purpose).generate_state(len(starts))
    for start, seed in zip(starts, seeds, strict=True):
        yield request.backend.open(request.basis.n_qubits, seed=int(seed)), slice(start, start + _ROWS_A_JOB)


def _run_job(
    sampler: BaseSamplerV2, circuits: Sequence[QuantumCircuit], angles: Sequence[Floats], n_qubits: int, *, shots: int
) -> Measured:
    """Run one PUB for each power, with the rows as its parameter values."""
    pubs = [(circuit, values, shots) for circuit, values in zip(circuits, angles, strict=True)]
    registers = [result.data.meas.array for result in sampler.run(pubs).result()]
    return [
        [Samples.from_words(words_from_register_bytes(register[row], n_qubits), n_qubits) for register in registers]
        for row in range(len(angles[0]))
    ]
