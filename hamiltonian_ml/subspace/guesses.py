"""Start vectors from states that are known already, for instance those of the last epoch of training.

In: a structure and guesses. Out: start vectors from which a search can reach every level. A state that lies in one part
of a subspace that falls apart, or has one sign under a symmetry, stays so whatever is done to it: where another level
has become the lowest meanwhile, it would never be found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hamiltonian_ml.subspace.structure import SubspaceStructure
from hamiltonian_ml.subspace.vectors import fill_at_random

_LITTLE = 0.01  # norm of what is mixed in, as in a start vector without a guess


def enter_guesses(structure: SubspaceStructure, guesses: NDArray[Any] | None, starts: NDArray[Any]) -> int:
    """Write usable guesses into ``starts`` (n_rows, n_levels, dimension) and return how many levels have one.

    Those of another number of rows or states, and complex ones for a real Hamiltonian, are not used.

    Raises
    ------
    ValueError
        If guesses have not three axes.
    """
    if guesses is None:
        return 0
    guesses = np.asarray(guesses)
    if guesses.ndim != 3:
        raise ValueError(f"guesses must have shape (n_rows, n_levels, dimension), got {guesses.shape}.")
    if guesses.shape[0] != len(starts) or guesses.shape[2] != starts.shape[2]:
        return 0
    if np.iscomplexobj(guesses) and not np.iscomplexobj(starts):
        return 0
    n_guesses: int = min(guesses.shape[1], starts.shape[1])
    for level in range(n_guesses):
        starts[:, level] = guesses[:, level]
        _mix_in(structure, starts[:, level], seed=level)
    return n_guesses


def _mix_in(structure: SubspaceStructure, states: NDArray[Any], *, seed: int) -> None:
    """Add a little of each part of the subspace in which a state (n_rows, dimension) has less than that.

    Where a symmetry flips bits, add it in every part.
    """
    parts, is_hidden = structure.parts, structure.has_flipping_symmetry
    n_parts = int(parts.max()) + 1
    if n_parts == 1 and not is_hidden:
        return
    some = np.empty(len(parts))
    fill_at_random(some, seed)
    some *= _LITTLE / np.sqrt(n_parts * np.bincount(parts, some**2))[parts]
    if is_hidden:
        states += some
        return
    # Most basis states lie in one part: only the weights in the others are summed, and its own is what they leave.
    largest = int(np.bincount(parts).argmax())
    outside = np.flatnonzero(parts != largest)
    membership = sparse.csr_array(
        (np.ones(len(outside)), (np.arange(len(outside)), parts[outside])), (len(outside), n_parts)
    )
    weights = (states[:, outside].real ** 2 + states[:, outside].imag ** 2) @ membership
    weights[:, largest] = np.vecdot(states, states).real - weights.sum(axis=1)
    is_missing = weights < _LITTLE**2 / n_parts
    places = np.flatnonzero(is_missing.any(axis=0)[parts])
    states[:, places] += some[places] * is_missing[:, parts[places]]
