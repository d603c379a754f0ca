"""Open simulators without noise on this machine.

In: numbers of qubits and options. Out: a ``qiskit.primitives.BaseSamplerV2``, or a refusal before any work.
"""

from __future__ import annotations

from typing import Any

from qiskit.primitives import BaseSamplerV2

from hamiltonian_ml.bases.memory import free_memory
from hamiltonian_ml.sampling.lines import LineSampler

_MAX_STATEVECTOR_QUBITS = 30
_BYTES_AN_AMPLITUDE = 16


def check_amplitudes(n_qubits: int) -> None:
    """Raise an error if a state vector of ``n_qubits`` qubits is too large for Aer or for the memory that is free.

    Raises
    ------
    ValueError, MemoryError
    """
    if n_qubits > _MAX_STATEVECTOR_QUBITS:
        raise ValueError(
            f'backend "statevector" holds {_MAX_STATEVECTOR_QUBITS} qubits at most, got {n_qubits}; take "mps".'
        )
    needed, free = _BYTES_AN_AMPLITUDE * 2**n_qubits, free_memory()
    if needed > free:
        raise MemoryError(
            f'backend "statevector" needs {needed / 2**30:.3g} GiB for the amplitudes of {n_qubits} qubits, and '
            f'{free / 2**30:.3g} GiB are free; take "mps" or fewer qubits.'
        )


def open_statevector(*, seed: int | None, max_threads: int) -> BaseSamplerV2:
    """Return Aer's state vector."""
    # Aer joins gates into larger ones beyond 14 qubits only; at 12 to 14 this already halves the time, below 11 it
    # makes no difference.
    return _aer_sampler(seed, max_threads, method="statevector", fusion_threshold=10)


def open_matrix_products(
    bond_dimension: int, truncation_threshold: float, *, seed: int | None, max_threads: int
) -> BaseSamplerV2:
    """Return matrix product states: our own for circuits on lines of qubits, Aer's for others."""

    def of_aer() -> BaseSamplerV2:
        return open_matrix_products_of_aer(bond_dimension, truncation_threshold, seed=seed, max_threads=max_threads)

    return LineSampler(bond_dimension, truncation_threshold, of_aer, seed=seed, max_threads=max_threads)


def open_matrix_products_of_aer(
    bond_dimension: int, truncation_threshold: float, *, seed: int | None, max_threads: int
) -> BaseSamplerV2:
    """Return Aer's matrix product states, which swap qubits until a gate's two are neighbours."""
    return _aer_sampler(
        seed,
        max_threads,
        method="matrix_product_state",
        matrix_product_state_max_bond_dimension=bond_dimension,
        matrix_product_state_truncation_threshold=truncation_threshold,
        # Whatever its name says, this one does not list 2^n probabilities: it fixes one qubit after the other, once
        # for all shots that begin alike. It draws the same samples as the default algorithm; at 50 qubits and 500
        # shots the whole run takes a quarter of the time.
        mps_sample_measure_algorithm="mps_probabilities",
    )


def _aer_sampler(seed: int | None, max_threads: int, **options: Any) -> BaseSamplerV2:
    from qiskit_aer.primitives import SamplerV2

    # Circuits side by side, one thread each: the samples do not depend on the number of threads, and many small
    # circuits gain nothing from threads inside one of them.
    common = {"max_parallel_threads": max_threads, "max_parallel_experiments": max_threads}
    return SamplerV2(seed=seed, options={"backend_options": options | common})
