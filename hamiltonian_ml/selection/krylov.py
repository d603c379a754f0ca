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
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import sample_krylov, sampling_usage
from hamiltonian_ml.sampling.store import SampleStore, as_store
from hamiltonian_ml.sampling.usage import OverBudgetError, Usage
from hamiltonian_ml.selection.rows import distinct_rows
from hamiltonian_ml.selection.strategy import DEFAULT_MAX_DIMENSION, NoMoreSamplesError, Selected, span_with_flips


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
    max_rows : int
        Most rows sampled at a time. Rows share the subspace, so of more distinct rows a random part is drawn,
        in proportion to their weights.
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
        if self.max_qpu_seconds is not None:
            check_real("max_qpu_seconds", self.max_qpu_seconds)

    def usage(self, basis: PauliBasis, coefficients: NDArray[np.float64]) -> Usage:
        """Return what one call of `select` for rows of equal weight takes on a processor; touches no network."""
        rows, _ = distinct_rows(
            coefficients, np.ones(len(coefficients)), max_rows=self.max_rows, rng=np.random.default_rng(0)
        )
        place = as_backend(self.backend)
        if not isinstance(place, Backend):  # a sampler object: its circuits are those of a simulator
            place = Backend()
        return sampling_usage(
            SampleRequest(
                basis, rows, krylov_dimension=self.krylov_dimension, time_step=self.time_step,
                trotter_order=self.trotter_order, shots=self.shots, seed=None, backend=place.resolve(basis.n_qubits),
            )
        )  # fmt: skip

    def select(
        self,
        basis: PauliBasis,
        coefficients: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        seed: np.random.SeedSequence,
    ) -> Selected:
        """Sample the rows' Krylov states and keep the states with the most counts.

        Equal rows are sampled once and count with their summed weight, so that a row of weight two does what two equal
        rows do. Weights of different rows scale their counts.
        """
        rng = np.random.default_rng(seed)
        rows, shares = distinct_rows(coefficients, weights, max_rows=self.max_rows, rng=rng)
        parts = self._samples(basis, rows, int(rng.integers(2**31 - 1)))
        samples = Samples.union(parts, shares / shares.sum())
        limit = DEFAULT_MAX_DIMENSION if self.max_dimension is None else self.max_dimension
        return Selected(span_with_flips(basis.n_qubits, samples.most_frequent(), limit), samples)

    def _samples(self, basis: PauliBasis, rows: NDArray[np.float64], seed: int) -> list[Samples]:
        try:
            return sample_krylov(
                basis,
                rows,
                krylov_dimension=self.krylov_dimension,
                time_step=self.time_step,
                trotter_order=self.trotter_order,
                shots=self.shots,
                backend=self.backend,
                seed=seed,
                store=self.store,
                max_qpu_seconds=self.max_qpu_seconds,
            )
        except OverBudgetError as error:
            raise NoMoreSamplesError(str(error)) from error
