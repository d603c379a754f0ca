"""Start vectors from states that are known already, for instance those of the last epoch of training.

In: a structure, Hamiltonians and guesses. Out: start vectors from which a search can reach every level. A state that
lies in one part of a subspace that falls apart, or has one sign under a symmetry, stays so whatever is done to it:
where another level has become the lowest meanwhile, it would never be found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.subspace.structure import SubspaceStructure
from hamiltonian_ml.subspace.vectors import fill_at_random

_LITTLE = 0.01  # norm of what is mixed in, as in a start vector without a guess
_EQUAL = 1e-12  # relative difference: what frames leave of equal coefficients by round-off
_SMALL = 1e-6  # of a row's largest coefficient: what frames make zero comes out smaller, alike by chance


def enter_guesses(
    structure: SubspaceStructure, rows: Floats, guesses: NDArray[Any] | None, starts: NDArray[Any]
) -> int:
    """Write usable guesses into ``starts`` (n_rows, n_levels, dimension) and return how many levels have one.

    Those of another number of rows or states, and complex ones for a real Hamiltonian, are not used. ``rows`` holds the
    coefficients (n_rows, n_terms).

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
    may_hide = _may_hide_levels(structure, rows)
    for level in range(n_guesses):
        starts[:, level] = guesses[:, level]
        _mix_in(structure.parts, may_hide, starts[:, level], seed=level)
    return n_guesses


def _may_hide_levels(structure: SubspaceStructure, rows: Floats) -> NDArray[np.bool_]:
    """Tell for each row whether it may have a symmetry that the parts of the subspace do not show.

    That is a Pauli string that flips bits, or whatever follows from equal coefficients: a reflection, a rotation of
    all spins.
    """
    if structure.has_flipping_symmetry:
        return np.ones(len(rows), dtype=np.bool_)
    sizes = np.sort(np.abs(rows), axis=1)
    is_equal: NDArray[np.bool_] = (np.diff(sizes) <= _EQUAL * sizes[:, 1:]) & (sizes[:, 1:] > _SMALL * sizes[:, -1:])
    has_equal: NDArray[np.bool_] = is_equal.max(axis=1, initial=False)
    return has_equal


def _mix_in(parts: NDArray[np.int32], may_hide: NDArray[np.bool_], states: NDArray[Any], *, seed: int) -> None:
    """Add a little of each part of the subspace in which a state (n_rows, dimension) has less than that.

    Where a symmetry may hide levels, add it in every part.
    """
    n_parts = int(parts.max()) + 1
    if n_parts == 1 and not may_hide.any():
        return
    some = np.empty(len(parts))
    fill_at_random(some, seed)
    some *= _LITTLE / np.sqrt(n_parts * np.bincount(parts, some**2))[parts]
    for row in np.flatnonzero(may_hide):
        states[row] += some
    if n_parts == 1 or may_hide.all():
        return
    weights: Any = _weights(parts, states)
    is_missing = (weights < _LITTLE**2 / n_parts) & ~may_hide[:, None]
    places = np.flatnonzero(is_missing.any(axis=0)[parts])
    states[:, places] += some[places] * is_missing[:, parts[places]]


def _weights(parts: NDArray[np.int32], states: NDArray[Any]) -> Floats:
    """Return the weight (n_rows, n_parts) of each state in each part.

    Most basis states lie in one part: only the weights in the others are summed, and its own is what they leave.
    """
    sizes = np.bincount(parts)
    largest = int(sizes.argmax())
    outside = np.flatnonzero(parts != largest)
    membership = sparse.csr_array(
        (np.ones(len(outside)), (np.arange(len(outside)), parts[outside])), (len(outside), len(sizes))
    )
    weights: Floats = (states[:, outside].real ** 2 + states[:, outside].imag ** 2) @ membership
    weights[:, largest] = np.vecdot(states, states).real - weights.sum(axis=1)
    return weights
