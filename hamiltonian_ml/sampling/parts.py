"""What each job of a request has measured, on disk until all of them are done.

In: registers of jobs. Out: the samples of the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Samples, words_from_register_bytes
from hamiltonian_ml.sampling.files import reading, write_whole
from hamiltonian_ml.sampling.ledger import JobRecord
from hamiltonian_ml.sampling.pieces import Piece
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.store import Measured, npz_bytes


@dataclass(frozen=True)
class Parts:
    """A folder with one file a job."""

    folder: Path

    def keep(self, job: JobRecord, registers: Sequence[NDArray[np.uint8]]) -> tuple[Piece, ...]:
        """Write what a job has measured, and return the pieces that are missing or not whole."""
        whole = len(registers) == len(job.pieces)  # if not, nothing says which of them these are
        came = {
            str(k): register
            for k, (piece, register) in enumerate(zip(job.pieces, registers, strict=True) if whole else ())
            if register.shape[:2] == (piece.circuits, piece.shots)
        }
        write_whole(self._file(job), npz_bytes(came))
        return tuple(piece for k, piece in enumerate(job.pieces) if str(k) not in came)

    def read(self, job: JobRecord) -> list[tuple[Piece, NDArray[np.uint8]]] | None:
        """Return the pieces that a job has measured and their registers, or None if the file is damaged or gone."""
        file = self._file(job)
        try:
            with reading(file, remedy=""), np.load(BytesIO(file.read_bytes()), allow_pickle=False) as content:
                return [(job.pieces[int(k)], content[k]) for k in content.files]
        except OSError:
            return None

    def join(self, jobs: Iterable[JobRecord], request: SampleRequest, n_circuits: int) -> Measured:
        """Return the samples of a request from the registers of all its jobs."""
        n_rows, n_qubits = len(request.coefficients), request.basis.n_qubits
        cells: list[list[list[Samples]]] = [[[] for _ in range(n_circuits)] for _ in range(n_rows)]
        for job in jobs:
            for piece, register in self.read(job) or ():
                for row, measured in zip(range(piece.start, piece.stop), register, strict=True):
                    cell = cells[row][piece.circuit]
                    # A job that once came back incomplete, and was fetched anew, may bring what another one measured.
                    if len(measured) + sum(samples.n_shots for samples in cell) <= request.shots:
                        words = words_from_register_bytes(measured, n_qubits)
                        cell.append(Samples.from_words(words, n_qubits))
        return [[Samples.union(parts) for parts in row] for row in cells]

    def remove(self, jobs: Iterable[JobRecord]) -> None:
        """Remove the files of some jobs, whose samples are kept elsewhere."""
        for job in jobs:
            self._file(job).unlink(missing_ok=True)

    def _file(self, job: JobRecord) -> Path:
        return self.folder / f"{job.tag}.npz"
