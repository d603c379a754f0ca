"""Basis states that the Krylov circuits of the rows sample: one pooled subspace, ranked by counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_choice, check_integer, check_real
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.sampling.backends import Backend, as_backend
from hamiltonian_ml.sampling.circuits import check_time_step
from hamiltonian_ml.sampling.mirror import flip_probabilities
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import measure, sample_krylov, sampling_usage
from hamiltonian_ml.sampling.store import SampleStore, as_store
from hamiltonian_ml.sampling.usage import OverBudgetError, Usage
from hamiltonian_ml.selection.ranking import RANKINGS, scored
from hamiltonian_ml.selection.rows import distinct_rows
from hamiltonian_ml.selection.strategy import DEFAULT_MAX_DIMENSION, NoMoreSamplesError, Selected, span_with_flips

_MIRROR_ROWS = 4  # noise hardly depends on the angles: four rows tell it as well as all


@dataclass(frozen=True)
class KrylovSelection:
    """Select the states seen most often when the Krylov states of the rows are measured.

    Parameters
    ----------
    backend : str or BaseSamplerV2
        Where circuits run.
    krylov_dimension : int
        Krylov states a row; the first is the reference state and needs no circuit.
    time_step : "auto" or float
        Time of one step in 1/energy.
    trotter_order : int
        1 or 2.
    shots : int
        Shots a circuit.
    max_dimension : int or None
        Most states kept; None means 4,096. The reference state is always one of them, and so are its single flips where
        they take no more than half of the room.
    store : str, Path, SampleStore or None
        Folder of samples and jobs; a remote backend needs one.
    max_qpu_seconds : float or None
        Budget of processor time for all jobs of the store.
    ranking : str
        What states are ranked by: "counts"; "excess", counts above the noise floor that flips of the other states make;
        or "unfolded", counts with the flips undone. See `hamiltonian_ml.selection.ranking.scored`. At the noise of a
        Heron processor neither makes a clear difference to the subspace, so that the default is the plain one.
    flip_probability : float or "mirror"
        For the last two: rate at which a bit is read wrong. "mirror" measures each qubit's, gate errors included, on
        mirror circuits of up to four rows, at one circuit a row more.
    max_rows : int
        Most rows sampled at a time. Rows share the subspace, so of more distinct rows a random part is drawn,
        in proportion to their weights.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import KrylovSelection, PauliBasis
    >>> basis, seed = PauliBasis.chain(8), np.random.SeedSequence(0)
    >>> rows = np.random.default_rng(0).normal(size=(3, basis.n_terms))
    >>> sampled = KrylovSelection(shots=100, max_dimension=20)
    >>> sampled.check_size(8)
    >>> sampled.select(basis, rows, np.ones(3), seed=seed).subspace
    Subspace(dimension=20, n_qubits=8)
    >>> sampled.usage(basis, rows).executions  # 3 rows, 3 circuits each
    900
    """

    backend: Any = "auto"
    krylov_dimension: int = 4
    time_step: float | str = "auto"
    trotter_order: int = 1
    shots: int = 1000
    max_dimension: int | None = None
    max_rows: int = 64
    store: str | Path | SampleStore | None = None
    max_qpu_seconds: float | None = None
    ranking: str = "counts"
    flip_probability: float | str = 0.01

    needs_refresh = True

    def __post_init__(self) -> None:
        check_integer("max_dimension", self.max_dimension, at_least=1, or_none=True)
        check_integer("max_rows", self.max_rows, at_least=1)
        check_integer("krylov_dimension", self.krylov_dimension, at_least=2)
        check_integer("shots", self.shots, at_least=1)
        check_choice("trotter_order", self.trotter_order, (1, 2))
        check_time_step(self.time_step)
        as_backend(self.backend)
        as_store(self.store)
        check_choice("ranking", self.ranking, RANKINGS)
        _check_flip_probability(self.flip_probability, as_backend(self.backend))
        if self.max_qpu_seconds is not None:
            check_real("max_qpu_seconds", self.max_qpu_seconds)

    def check_size(self, n_qubits: int) -> None:
        """Raise ValueError or MemoryError before any work if the backend cannot hold ``n_qubits`` qubits."""
        place = as_backend(self.backend)
        if isinstance(place, Backend):
            place.check_size(n_qubits)

    def usage(self, basis: PauliBasis, coefficients: NDArray[np.float64]) -> Usage:
        """Return what one `select` of ``coefficients`` on a ``basis`` takes on a processor; nothing is sent."""
        rows, _ = distinct_rows(
            coefficients, np.ones(len(coefficients)), max_rows=self.max_rows, rng=np.random.default_rng(0)
        )
        usage = sampling_usage(self._request(basis, rows, None))
        if self._measures_noise:
            usage += sampling_usage(self._request(basis, rows[:_MIRROR_ROWS], None, mirrored=True))
        return usage

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Return the states that rank first in the rows' Krylov states; arguments as in `Selection.select`.

        Equal rows are sampled once and count with their summed weight, so that a row of weight two does what two equal
        rows do. Weights of different rows scale their counts.
        """
        rng = np.random.default_rng(seed)
        rows, shares = distinct_rows(coefficients, weights, max_rows=self.max_rows, rng=rng)
        number = int(rng.integers(2**31 - 1))
        try:
            parts = sample_krylov(
                basis, rows, krylov_dimension=self.krylov_dimension, time_step=self.time_step,
                trotter_order=self.trotter_order, shots=self.shots, backend=self.backend, seed=number,
                store=self.store, max_qpu_seconds=self.max_qpu_seconds,
            )  # fmt: skip
            rates = self._flip_rates(basis, rows, number)
        except OverBudgetError as error:
            raise NoMoreSamplesError(str(error)) from error
        samples = Samples.union(parts, shares / shares.sum())
        limit = DEFAULT_MAX_DIMENSION if self.max_dimension is None else self.max_dimension
        ranked = scored(samples, self.ranking, rates).most_frequent()
        return Selected(span_with_flips(basis.n_qubits, ranked, limit), samples)

    @property
    def _measures_noise(self) -> bool:
        return self.ranking != "counts" and self.flip_probability == "mirror"

    def _flip_rates(self, basis: PauliBasis, rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
        """Return the rate (n_qubits,) at which each bit is read wrong, measured if asked for."""
        if not self._measures_noise:
            return np.full(basis.n_qubits, self.flip_probability if self.ranking != "counts" else 0.5)
        request = self._request(basis, rows[:_MIRROR_ROWS], seed, mirrored=True)
        measured = measure(request, store=as_store(self.store), max_qpu_seconds=self.max_qpu_seconds)
        return flip_probabilities([circuit for row in measured for circuit in row])

    def _request(
        self, basis: PauliBasis, rows: NDArray[np.float64], seed: int | None, *, mirrored: bool = False
    ) -> SampleRequest:
        place = as_backend(self.backend)
        if not isinstance(place, Backend):  # a sampler object: its circuits are those of a simulator
            place = Backend()
        return SampleRequest(
            basis, rows, krylov_dimension=self.krylov_dimension, time_step=self.time_step, seed=seed,
            trotter_order=self.trotter_order, shots=self.shots, backend=place.resolve(basis.n_qubits),
            mirrored=mirrored,
        )  # fmt: skip


def _check_flip_probability(value: float | str, place: Any) -> None:
    if isinstance(value, str):
        check_choice("flip_probability", value, ("mirror",))
        if not isinstance(place, Backend):
            raise ValueError('flip_probability="mirror" needs a backend by name or a Backend, not a sampler object.')
    elif isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value <= 0.5:
        raise ValueError(f'flip_probability must be "mirror" or a number above 0 and at most 0.5, got {value!r}.')
