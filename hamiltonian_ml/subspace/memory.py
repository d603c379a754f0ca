"""Whether a subspace fits into memory, before any work in it begins."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.bases.memory import free_memory
from hamiltonian_ml.bases.pauli import PauliBasis

_VECTORS = 8  # amplitudes of as many states are held while one row is solved
_KEPT = 2  # levels that are kept of every row


def check_memory(basis: PauliBasis, dimension: int, *, n_rows: int) -> None:
    """Raise MemoryError if a subspace, and the states of so many rows in it, exceed the memory that is free.

    Parameters
    ----------
    basis : PauliBasis
        Strings of the Hamiltonians.
    dimension : int
        Basis states.
    n_rows : int
        Hamiltonians whose lowest levels are held at a time.
    """
    flips = len(np.unique(basis.x_masks[basis.x_masks.any(axis=1)], axis=0))
    amplitude = 16 if (basis.n_y % 2 == 1).any() else 8
    # A state, its place in the hash table, its diagonal codes; half a pair for each flip; vectors; the search's copies.
    needed = dimension * (80 + 2 * 10 * flips // 2 + (_VECTORS + _KEPT * n_rows) * amplitude)
    free = free_memory()
    if needed > free:
        raise MemoryError(
            f"{dimension:,} basis states of {basis.n_qubits} qubits take {needed / 2**30:.1f} GiB for {n_rows} rows, "
            f'but {free / 2**30:.1f} GiB are free; use selection="krylov" or "classical" with a smaller max_dimension, '
            "fewer rows, or a larger machine."
        )
