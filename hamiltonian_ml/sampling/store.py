"""Samples on disk, under everything that decides them: what was measured once is never measured again.

In: a `SampleRequest` and, unless the store has them, its samples. Out: the samples. Folders can be copied and shared.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_real
from hamiltonian_ml.bases.files import lock
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.sampling.files import DamagedFileError, reading, write_whole
from hamiltonian_ml.sampling.request import SampleRequest

MODES = ("run", "submit", "replay")
Measured = list[list[Samples]]  # for each row, the samples of each of its circuits

_USED: ContextVar[dict[str, float] | None] = ContextVar("jobs whose samples are read", default=None)


class MissingSamplesError(FileNotFoundError):
    """A store that only replays was asked for samples that it does not have."""


@dataclass(frozen=True)
class SampleStore:
    """A folder of samples and of the jobs that they came from.

    Several processes may use one folder: a request that one of them works on makes the others wait for its samples.
    Files are ``.npz`` without pickle, and JSON; the folder can be archived, or copied to another machine, as it is.

    Parameters
    ----------
    folder : str or Path
        Made when the first file is written.
    mode : str
        "run" measures what is missing and waits for it; "submit" sends what is missing to a remote backend and does
        not wait; "replay" measures nothing: samples that are missing are an error.
    timeout_seconds : float or None
        "run": longest wait for one job of a remote backend. It stays in the ledger, and the next run waits on.

    Raises
    ------
    ValueError
        If the mode is not one of those, the timeout is not positive, or ``folder`` is a file.

    Examples
    --------
    >>> import tempfile
    >>> from hamiltonian_ml import KrylovSelection, SampleStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     KrylovSelection(store=SampleStore(folder, mode="replay")).store.mode
    'replay'
    >>> import numpy as np
    >>> from hamiltonian_ml import Backend, PauliBasis, Samples
    >>> from hamiltonian_ml.sampling.request import SampleRequest
    >>> request = SampleRequest(
    ...     PauliBasis.chain(2), np.ones((1, 15)), krylov_dimension=2, time_step="auto", trotter_order=1, shots=1,
    ...     seed=0, backend=Backend("statevector"),
    ... )  # one row, one circuit, one shot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SampleStore(folder)
    ...     with store.locked(request):
    ...         store.keep(request, [[Samples.from_bits([[1, 0]])]], taken_by="hand")
    ...     again = store.get(request, measure=lambda: print("measured anew"))
    ...     [[samples]] = store.find(request)
    >>> samples.n_states, again[0][0].n_shots
    (1, 1.0)
    """

    folder: str | Path
    mode: str = "run"
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode of a SampleStore must be one of {', '.join(MODES)}, got {self.mode!r}.")
        if self.timeout_seconds is not None and self.timeout_seconds != np.inf:
            check_real("timeout_seconds", self.timeout_seconds, exclusive=True)
        if self.path.is_file():
            raise ValueError(f"store must be a folder, but {self.path} is a file.")

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    def find(self, request: SampleRequest) -> Measured | None:
        """Return the samples of a ``request``, or None. Coefficients count as equal to 1e-6 of the largest.

        Damaged samples of a simulator count as none, since drawing them again costs nothing.

        Raises
        ------
        DamagedFileError
            If samples of a device, or samples that are to be replayed, are damaged.
        """
        exact = self._file(request.key)
        near = sorted(self._file(request.key).parent.glob(f"{request.family}-*.npz"))
        for file in sorted(near, key=lambda path: path != exact):
            remedy = "restore it from a copy"
            if request.backend.is_remote:
                remedy += ", or delete it: what its jobs measured is then asked for again"
            try:
                with reading(file, remedy=remedy):
                    found = _read(file, request)
            except DamagedFileError:
                if request.backend.is_remote or self.mode == "replay":
                    raise
                continue
            if found is not None:
                return found
        return None

    def keep(self, request: SampleRequest, measured: Measured, **circumstances: Any) -> None:
        """Write what was ``measured`` for a ``request``, by row and circuit, and the ``circumstances`` of it."""
        what = {"request": request.description, "circumstances": circumstances}
        content = _packed(measured) | {
            "coefficients": request.coefficients,
            "description": np.array(json.dumps(what, sort_keys=True)),
        }
        write_whole(self._file(request.key), npz_bytes(content))

    def get(self, request: SampleRequest, measure: Callable[[], None]) -> Measured:
        """Return the samples of a ``request``; if the store has none, call ``measure``, which has to `keep` them.

        Raises
        ------
        MissingSamplesError
            If there are none and the store only replays, or those that were measured are gone.
        """
        found = self.find(request)
        if found is not None:
            return found
        if self.mode == "replay":
            raise MissingSamplesError(
                f"the store {self.folder} has no samples of these {len(request.coefficients)} Hamiltonians from "
                f"backend {request.backend.name!r} with seed {request.seed}, and it only replays; use the data, "
                "parameters and random_state that the samples were taken with."
            )
        with self.locked(request):
            found = self.find(request)  # another process may have been quicker
            if found is None:
                measure()
                found = self.find(request)
        if found is None:
            raise MissingSamplesError(
                f"the samples of {len(request.coefficients)} Hamiltonians were written to {self.path / 'samples'} and "
                "are not there any more; let nothing else change that folder."
            )
        return found

    @contextmanager
    def locked(self, request: SampleRequest) -> Iterator[None]:
        """Keep other processes from measuring meanwhile what shares the family of a ``request``.

        Yields
        ------
        None
        """
        with lock(self.path / "locks" / request.family):
            yield

    def _file(self, key: str) -> Path:
        return self.path / "samples" / f"{key}.npz"


@contextmanager
def jobs_used() -> Iterator[dict[str, float]]:
    """Give a dictionary that names every job whose samples are read from a store meanwhile, with its seconds.

    Yields
    ------
    dict of str to float
        Empty where everything was simulated.

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.sampling.store import jobs_used
    >>> with jobs_used() as jobs:
    ...     model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> jobs
    {}
    """
    found: dict[str, float] = {}
    token = _USED.set(found)
    try:
        yield found
    finally:
        _USED.reset(token)


def as_store(store: str | Path | SampleStore | None) -> SampleStore | None:
    """Return a store for a folder, and a store or None as it is.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if store is None or isinstance(store, SampleStore):
        return store
    if isinstance(store, str | os.PathLike):
        return SampleStore(store)
    raise ValueError(f"store must be a folder, a SampleStore or None, got {store!r}.")


def npz_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the content of an ``.npz`` file that needs no pickle to be read."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _packed(measured: Measured) -> dict[str, NDArray[Any]]:
    cells = [samples for row in measured for samples in row]
    n_circuits = len(measured[0]) if measured else 0
    n_words = cells[0].words.shape[1] if cells else 1
    return {
        "words": np.concatenate([s.words for s in cells]) if cells else np.zeros((0, n_words), np.uint64),
        "counts": np.concatenate([s.counts for s in cells]) if cells else np.zeros(0),
        "sizes": np.array([s.n_states for s in cells], dtype=np.int64).reshape(len(measured), n_circuits),
    }


def _read(file: Path, request: SampleRequest) -> Measured | None:
    """Return the samples in a file in the order of the request's rows, or None if they are of other Hamiltonians."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as content:
            places = request.places_in(content["coefficients"])
            if places is None:
                return None
            words, counts, sizes = content["words"], content["counts"], content["sizes"]
            used = _USED.get()
            if used is not None:
                used.update(json.loads(str(content["description"]))["circumstances"].get("jobs", {}))
    except FileNotFoundError:
        return None
    ends = np.cumsum(sizes.ravel()).reshape(sizes.shape)
    n_qubits = request.basis.n_qubits

    def cell(row: int, circuit: int) -> Samples:
        part = slice(ends[row, circuit] - sizes[row, circuit], ends[row, circuit])
        return Samples.from_words(words[part], n_qubits, counts[part])

    return [[cell(row, circuit) for circuit in range(sizes.shape[1])] for row in places]
