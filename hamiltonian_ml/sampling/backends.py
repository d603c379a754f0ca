"""Where circuits run, by name: a small picklable description that is opened when the first circuit is ready.

In: a name, a `Backend`, or any V2 sampler. Out: a ``qiskit.primitives.BaseSamplerV2``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2

from hamiltonian_ml.bases.checks import check_integer, check_real
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.compiling import native_circuits
from hamiltonian_ml.sampling.devices import fake_target, heron_fakes, read_calibration
from hamiltonian_ml.sampling.full_noise import FullNoiseSampler
from hamiltonian_ml.sampling.layout import best_patch
from hamiltonian_ml.sampling.runtime import DeviceOptions, live_marks, open_device, open_sampler, todays_target
from hamiltonian_ml.sampling.service import JobService, RuntimeService
from hamiltonian_ml.sampling.simulators import check_amplitudes, open_matrix_products, open_statevector
from hamiltonian_ml.sampling.trajectories import TrajectorySampler
from hamiltonian_ml.sampling.usage import error_free_fraction

# Up to here a state vector costs little, and it is exact.
STATEVECTOR_QUBITS = 14
_REMOTE_NAME = re.compile("ibm_[a-z0-9_]+")
_NOISE_REVISION = 3  # raised when the noise of the fakes is simulated in another way
_MPS_REVISION = 2  # raised when matrix product states are computed, or samples of them drawn, in another way
_FULL_NOISE_QUBITS = 8  # a density matrix of 10 qubits takes seconds a circuit


@dataclass(frozen=True)
class Backend:
    """A simulator or device, by name, with its options. It holds no connection, so it can be pickled and compared.

    Parameters
    ----------
    name : str
        "statevector" (exact, at most 30 qubits), "mps" (matrix product states, any number of qubits; fastest where
        gates lie on lines of qubits) or "auto", which is the first up to 14 qubits and the second beyond.
        "fake_kingston" and the other fake Herons of qiskit-ibm-runtime (see `known_backends`) are simulated with the
        noise of their calibration: by Aer's full noise model up to 8 qubits, by Pauli trajectories on one of the two
        simulators above beyond. "ibm_<device>" is a device of IBM Quantum, reached when the first circuit is ready.
    bond_dimension : int
        "mps": Schmidt values kept at each cut.
    truncation_threshold : float
        "mps": Schmidt values are dropped while the sum of the dropped squares stays below it.
    realisations : int
        ``"fake_..."``, from 9 qubits on: draws of the errors, among which the shots of a circuit are shared out.
    max_threads : int
        Most processor cores used, shared out among circuits; 0 is all.
    device : DeviceOptions
        ``"ibm_..."``: execution mode, dynamical decoupling, twirling and the like.

    Raises
    ------
    ValueError
        If the name is not known or an option is out of range.

    Examples
    --------
    >>> Backend("mps", bond_dimension=32).resolve(50)
    Backend(name='mps', bond_dimension=32, truncation_threshold=1e-10, max_threads=0, realisations=20, ...)
    >>> from hamiltonian_ml import PauliBasis, krylov_circuits
    >>> basis, heron = PauliBasis.chain(4), Backend("fake_kingston")
    >>> ones = basis.to_operator([1.0] * basis.n_terms)
    >>> native = heron.compile(krylov_circuits(ones, krylov_dimension=2), basis)
    >>> native[0].count_ops()["cz"], 0.9 < heron.error_free_fraction(native[0]) < 1
    (9, True)
    >>> Backend("mps").check_size(1000)
    >>> Backend("statevector").fingerprint(4)["name"], type(Backend("mps").open(50, seed=0)).__name__
    ('statevector', 'LineSampler')
    """

    name: str = "auto"
    bond_dimension: int = 16
    truncation_threshold: float = 1e-10
    max_threads: int = 0
    realisations: int = 20
    device: DeviceOptions = field(default_factory=DeviceOptions)

    def __post_init__(self) -> None:
        known = isinstance(self.name, str) and (self.name in ("auto", *_OPENERS) or self.is_fake or self.is_remote)
        if not known:
            raise ValueError(
                f"backend must be one of {', '.join(known_backends())}, or a V2 sampler; got {self.name!r}."
            )
        check_integer("bond_dimension", self.bond_dimension, at_least=1)
        check_real("truncation_threshold", self.truncation_threshold)
        if self.truncation_threshold >= 1:
            raise ValueError(f"truncation_threshold must be from 0 to below 1, got {self.truncation_threshold!r}.")
        if not isinstance(self.device, DeviceOptions):
            raise ValueError(f"device must be a DeviceOptions, got {type(self.device).__name__}.")
        check_integer("realisations", self.realisations, at_least=1)
        check_integer("max_threads", self.max_threads, at_least=0, why="0 takes all cores")

    def resolve(self, n_qubits: int) -> Backend:
        """Return the backend with "auto" replaced by the simulator for ``n_qubits`` qubits."""
        if self.name != "auto":
            return self
        return replace(self, name="statevector" if n_qubits <= STATEVECTOR_QUBITS else "mps")

    def check_size(self, n_qubits: int) -> None:
        """Raise an error if ``n_qubits`` qubits are too many for this backend on this machine.

        Raises
        ------
        ValueError
            If the backend cannot hold so many qubits.
        MemoryError
            If their amplitudes do not fit in the memory that is free.
        """
        if self.resolve(n_qubits).name == "statevector":
            check_amplitudes(n_qubits)

    def open(self, n_qubits: int, *, seed: int | None = None) -> BaseSamplerV2:
        """Return a sampler for circuits on ``n_qubits`` qubits; the same ``seed`` gives the same samples.

        Raises
        ------
        ValueError
            If the backend cannot hold so many qubits.
        MemoryError
            If they do not fit in the memory that is free.
        ServiceError
            If a remote device cannot be reached.
        """
        backend = self.resolve(n_qubits)
        backend.check_size(n_qubits)
        if backend.is_remote:
            return open_sampler(backend._live_device(), backend.device)
        opener = _open_fake if backend.is_fake else _OPENERS[backend.name]
        return opener(backend, n_qubits, seed)

    @property
    def is_fake(self) -> bool:
        """Whether this is a device's calibration, simulated."""
        return self.name.startswith("fake_") and self.name in heron_fakes()

    @property
    def is_remote(self) -> bool:
        """Whether circuits leave this machine, for a service that queues and charges them."""
        return _REMOTE_NAME.fullmatch(self.name) is not None

    def _live_device(self) -> Any:
        return open_device(self.name, fractional_gates=self.device.fractional_gates)

    def service(self, n_qubits: int) -> JobService:
        """Return the service that runs a remote backend's jobs on ``n_qubits`` qubits; opens a connection.

        Raises
        ------
        ValueError
            If the backend is a simulator, which has no jobs.
        ServiceError
            If there is no account, or the device cannot be reached.

        Examples
        --------
        >>> Backend("mps").service(50)
        Traceback (most recent call last):
        ValueError: backend 'mps' runs here and has no jobs; name a device, such as ibm_kingston, or call open().
        """
        if not self.is_remote:
            raise ValueError(
                f"backend {self.name!r} runs here and has no jobs; name a device, such as ibm_kingston, or call open()."
            )
        return RuntimeService(self._live_device(), partial(self.open, n_qubits))

    def error_free_fraction(self, circuit: QuantumCircuit) -> float | None:
        """Return the expected part of a ``circuit``'s shots without any error; None without a calibration."""
        return error_free_fraction(circuit, fake_target(self.name)) if self.is_fake else None

    def compile(self, circuits: Sequence[QuantumCircuit], basis: PauliBasis) -> list[QuantumCircuit]:
        """Return ``circuits`` on the graph of a ``basis`` made ready for where they run; parameters stay as they are.

        Simulators take the circuits of a `KrylovTemplate` as they are. Those for devices are laid out on the best
        working couplers and written in the device's own gates.

        Raises
        ------
        NoLayoutError
            If the graph of the basis does not fit on the device.
        ServiceError
            If a remote device cannot be reached.
        """
        if self.is_remote:
            return native_circuits(todays_target(self._live_device()), circuits, basis)
        if self.is_fake:
            return native_circuits(fake_target(self.name), circuits, basis)
        return list(circuits)

    def patch(self, n_qubits: int) -> PauliBasis:
        """Return the strings on a connected patch of a device's own graph, for any ``n_qubits`` that it has room for.

        Raises
        ------
        ValueError, NoLayoutError
            If the backend is no device and so has no graph, or its working qubits are too few.

        Examples
        --------
        >>> Backend("fake_fez").patch(120).n_qubits
        120
        """
        if not self.is_fake and not self.is_remote:
            raise ValueError(
                f'backend {self.name!r} has no graph of its own; take connectivity="heavy_hex" or "chain".'
            )
        target = self._live_device().target if self.is_remote else fake_target(self.name)
        return PauliBasis.from_edges(n_qubits, best_patch(read_calibration(target), n_qubits))

    def fingerprint(self, n_qubits: int) -> dict[str, str | int | float]:
        """Return everything about the place that decides the samples of circuits on ``n_qubits`` qubits."""
        backend = self.resolve(n_qubits)
        if backend.is_remote:
            return {"name": backend.name} | live_marks(backend._live_device(), backend.device)
        marks: dict[str, str | int | float] = {"name": backend.name, "qiskit-aer": version("qiskit-aer")}
        if backend.is_fake:
            # The snapshot of a fake changes with the package that ships it, and circuits with the transpiler.
            marks |= {package: version(package) for package in ("qiskit", "qiskit-ibm-runtime")}
            marks["noise_revision"] = _NOISE_REVISION
            if n_qubits <= _FULL_NOISE_QUBITS:
                return marks
            marks["realisations"] = int(backend.realisations)
        if backend.name == "mps" or (backend.is_fake and n_qubits > STATEVECTOR_QUBITS):
            marks["bond_dimension"] = int(backend.bond_dimension)
            marks["truncation_threshold"] = float(backend.truncation_threshold)
            marks["mps_revision"] = _MPS_REVISION
        return marks


def as_backend(backend: str | Backend | BaseSamplerV2) -> Backend | BaseSamplerV2:
    """Return a `Backend` for a name, and a `Backend` or a V2 sampler as it is.

    Raises
    ------
    ValueError
        If it is none of these, or the name is not known.
    """
    if isinstance(backend, Backend | BaseSamplerV2):
        return backend
    if not isinstance(backend, str):
        raise ValueError(
            f"backend must be one of {', '.join(known_backends())}, a Backend, or a V2 sampler "
            f"(qiskit.primitives.BaseSamplerV2); got {type(backend).__name__}."
        )
    return Backend(backend)


def known_backends() -> list[str]:
    """Return the names that `Backend` takes."""
    return ["auto", *_OPENERS, *heron_fakes(), "ibm_<device>"]


def _open_statevector(backend: Backend, n_qubits: int, seed: int | None) -> BaseSamplerV2:
    return open_statevector(seed=seed, max_threads=backend.max_threads)


def _open_mps(backend: Backend, n_qubits: int, seed: int | None) -> BaseSamplerV2:
    accuracy = backend.bond_dimension, backend.truncation_threshold
    return open_matrix_products(*accuracy, seed=seed, max_threads=backend.max_threads)


def _open_fake(backend: Backend, n_qubits: int, seed: int | None) -> BaseSamplerV2:
    target = fake_target(backend.name)
    if n_qubits <= _FULL_NOISE_QUBITS:
        return FullNoiseSampler(target, seed=seed, max_threads=backend.max_threads)
    # Errors and shots have seeds of their own: both samplers spawn theirs alike, and from one seed would draw alike.
    of_errors, of_shots = np.random.SeedSequence(seed).generate_state(2).tolist()
    simulator = replace(backend, name="auto").open(n_qubits, seed=of_shots)
    return TrajectorySampler(read_calibration(target), simulator, realisations=backend.realisations, seed=of_errors)


# The one table of names. An opener takes the backend, the number of qubits and the seed.
_OPENERS: dict[str, Callable[[Backend, int, int | None], BaseSamplerV2]] = {
    "statevector": _open_statevector,
    "mps": _open_mps,
}
