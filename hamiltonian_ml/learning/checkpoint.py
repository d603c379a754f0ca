"""Training runs that survive being killed: all that one carries, in one file that is always whole.

In: the run between two epochs. Out: the same run in another process, which ends with the same numbers, bit for bit
where sampling does. Parameters, the optimiser's moments, the state of the random numbers, the epoch, the subspace with
its samples, and the states that the solver starts from are all there.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.files import check_folder_of
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.learning.archive import read_archive, write_archive
from hamiltonian_ml.learning.choosing import Chosen, with_boundary
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.moments import from_leaves
from hamiltonian_ml.learning.progress import Epoch, Guesses, Progress
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.subspace.structure import restrict

KIND, VERSION = "checkpoint", 2


@dataclass
class Checkpoint:
    """A file that a training run is written to between epochs.

    Parameters
    ----------
    path : Path
        The file; in an existing folder, a file whose name says what is trained on what.
    identity : dict of str to str
        What has to be equal for a run to be gone on with, each under a name that an error can give.
    seed : int
        Source of all random numbers of the run.
    share : float
        Writing takes at most about this share of the time: files of large runs are written less often.
    """

    path: Path
    identity: dict[str, str]
    seed: int
    share: float = 0.1
    _spent: float = 0.0
    _last: float = -np.inf

    def __post_init__(self) -> None:
        if self.path.is_dir():
            name = hashlib.sha256(repr(sorted(self.identity.items())).encode()).hexdigest()[:20]
            self.path = self.path / f"{name}.nc"
        check_folder_of(self.path)  # before epochs that may cost something

    def write(self, progress: Progress) -> None:
        """Write the run, unless the last writing was so slow and so recent that training would wait for files."""
        begun = time.perf_counter()
        if not progress.finished and begun - self._last < self._spent / self.share:
            return
        arrays, description = _packed(progress)
        description |= {"identity": self.identity, "seed": self.seed}
        write_archive(self.path, arrays, description, kind=KIND, version=VERSION)
        self._last = time.perf_counter()
        self._spent = self._last - begun

    def read_seed(self) -> int:
        """Return the seed of the run that the file holds, or that of this one if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged, or of other data or options.
        """
        return self._read()[1]["seed"] if self.path.exists() else self.seed

    def restore(self, progress: Progress, basis: PauliBasis, settings: Settings) -> None:
        """Put the run that the file holds, if there is one, in the place of a fresh one. JAX must be in 64-bit mode."""
        if self.path.exists():
            arrays, description = self._read()
            _unpack(progress, arrays, description, basis, settings)

    def _read(self) -> tuple[dict[str, NDArray[Any]], Any]:
        arrays, description = read_archive(self.path, kind=KIND, version=VERSION)
        written = description["identity"]
        other = [name for name, value in self.identity.items() if written.get(name) != value]
        if other:
            raise ValueError(
                f"checkpoint {self.path} is of a fit with other {' and '.join(other)}; delete it, or name another "
                "file or a folder, in which each fit has its own file."
            )
        return arrays, description


def _packed(progress: Progress) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    chosen, guesses = progress.chosen, progress.guesses
    assert chosen is not None
    trees = {"parameters": progress.parameters, "memory": progress.memory, "kept": progress.kept}
    arrays = {
        f"{name}.{k}": np.asarray(leaf) for name, tree in trees.items() for k, leaf in enumerate(jax.tree.leaves(tree))
    }
    arrays["subspace"] = chosen.structure.subspace.words
    if chosen.samples is not None:
        arrays |= {"samples.words": chosen.samples.words, "samples.counts": chosen.samples.counts}
    if guesses.states is not None and guesses.known is not None:
        arrays |= {"guesses.states": guesses.states, "guesses.known": guesses.known}
    description = {
        "epochs": [asdict(epoch) for epoch in progress.epochs],
        "best": progress.best,
        "waited": progress.waited,
        "finished": progress.finished,
        "batches": progress.batches.bit_generator.state,
    }
    return arrays, description


def _unpack(
    progress: Progress, arrays: dict[str, NDArray[Any]], description: Any, basis: PauliBasis, settings: Settings
) -> None:
    progress.parameters = _tree("parameters", progress.parameters, arrays)
    leaves = [name for name in arrays if name.startswith("memory.")]
    progress.memory = from_leaves([arrays[f"memory.{k}"] for k in range(len(leaves))], progress.memory)
    progress.kept = _tree("kept", progress.parameters, arrays) if "kept.0" in arrays else None
    samples = None
    if "samples.words" in arrays:
        samples = Samples.from_words(arrays["samples.words"], basis.n_qubits, arrays["samples.counts"])
    subspace = Subspace.span(basis.n_qubits, arrays["subspace"])
    in_frames = settings.local_frames and not subspace.is_full
    progress.chosen = with_boundary(Chosen(restrict(basis, subspace), in_frames, samples), settings)
    progress.guesses = Guesses(arrays.get("guesses.states"), arrays.get("guesses.known"))
    names = {field.name for field in fields(Epoch)}
    progress.epochs = [Epoch(**{k: v for k, v in epoch.items() if k in names}) for epoch in description["epochs"]]
    progress.best, progress.waited = description["best"], description["waited"]
    progress.finished = description["finished"]
    progress.batches.bit_generator.state = description["batches"]


def _tree(name: str, like: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a tree as another one, with its leaves from a file."""
    leaves, kind = jax.tree.flatten(like)
    return jax.tree.unflatten(kind, [arrays[f"{name}.{k}"] for k in range(len(leaves))])


def identity_of_model(basis: PauliBasis, parameters: Parameters) -> str:
    """Return the strings and the shapes of the operators as text."""
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(parameters)]
    return f"{basis.n_qubits} {basis.labels} {shapes} {jax.tree.structure(parameters)}"
