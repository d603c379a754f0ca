"""One call for samples, as a value: everything that decides them, and the names that they are kept under.

In: strings, coefficients, circuit options and a backend. Out: a `SampleRequest` with its keys.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.rounding import rounded
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.pieces import seconds_with_delay
from hamiltonian_ml.sampling.runtime import DeviceOptions

# Raise it when the circuits of given coefficients, or what is measured of them, change their meaning.
CIRCUIT_REVISION = 1
# Coefficients that agree to this, in units of the largest, are one Hamiltonian: their angles agree far better than any
# gate. Another processor or thread count rounds differently, and must still find the samples that were paid for.
SAME_COEFFICIENTS = 1e-6


@dataclass(frozen=True, eq=False)
class SampleRequest:
    """What is to be measured, and where.

    Attributes
    ----------
    basis : PauliBasis
        Strings of the Hamiltonians.
    coefficients : (n_rows, n_terms) float
        One Hamiltonian a row, in energy units.
    krylov_dimension, time_step, trotter_order, shots, seed
        As in `sample_krylov`.
    backend : Backend
        Where the circuits run, "auto" resolved.
    mirrored : bool
        Whether the circuits are the mirror circuits that show the noise.
    """

    basis: PauliBasis
    coefficients: NDArray[np.float64]
    krylov_dimension: int
    time_step: float | str
    trotter_order: int
    shots: int
    seed: int | None
    backend: Backend
    mirrored: bool = False

    @property
    def seconds_an_execution(self) -> float:
        """Estimated time of one shot on a processor."""
        return seconds_with_delay(self.backend.device.rep_delay)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything but the coefficients, as plain values that JSON can hold.

        A device drifts, and is out of reach where its samples are replayed: its samples are found under its name and
        the options that decide them, and the calibration of the day is kept with them. A simulator is known by its
        fingerprint.
        """
        backend = self.backend
        place = _device_marks(backend) if backend.is_remote else backend.fingerprint(self.basis.n_qubits)
        return {
            "circuit_revision": CIRCUIT_REVISION,
            "n_qubits": self.basis.n_qubits,
            "strings": hashlib.sha256("\n".join(self.basis.labels).encode()).hexdigest(),
            "edges": [list(edge) for edge in self.basis.edges],
            "n_rows": len(self.coefficients),
            "krylov_dimension": int(self.krylov_dimension),
            "time_step": self.time_step if isinstance(self.time_step, str) else float(self.time_step),
            "trotter_order": int(self.trotter_order),
            "shots": int(self.shots),
            "seed": None if self.seed is None else int(self.seed),
            "mirrored": self.mirrored,
            "backend": place,
        }

    @cached_property
    def family(self) -> str:
        """Hexadecimal digest that requests share which differ in their coefficients only."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()[:20]

    @cached_property
    def key(self) -> str:
        """Name of the request: its family, and a digest of its rounded coefficients."""
        digits = np.ascontiguousarray(rounded(self.coefficients))
        return f"{self.family}-{hashlib.sha256(digits.tobytes()).hexdigest()[:20]}"

    def places_in(self, stored: NDArray[np.float64]) -> NDArray[np.intp] | None:
        """Return, for each row, the stored row (n_rows, n_terms) with the same coefficients; None if one has none.

        No stored row is given to two rows, since equal rows have samples of their own.
        """
        if stored.shape != self.coefficients.shape:
            return None
        sizes = np.abs(self.coefficients).max(initial=0.0), np.abs(stored).max(initial=0.0)
        places = np.zeros(len(stored), dtype=np.intp)
        free = np.ones(len(stored), dtype=np.bool_)
        for row, coefficients in enumerate(self.coefficients):
            distances = np.where(free, np.abs(stored - coefficients).max(axis=1, initial=0.0), np.inf)
            places[row] = distances.argmin()
            if not distances[places[row]] <= SAME_COEFFICIENTS * max(sizes):
                return None
            free[places[row]] = False
        return places


def _device_marks(backend: Backend) -> dict[str, Any]:
    """Return name and options of a device.

    Options of simulators and the execution mode change nothing that a device measures, so that they stand there as if
    left out: who changes one must not pay again.
    """
    return asdict(Backend(backend.name, device=replace(backend.device, mode=DeviceOptions.mode)))
