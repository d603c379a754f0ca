"""The states just outside a subspace: everything that one string can reach from it.

In: a `SubspaceStructure`. Out: a `Boundary`, in the same compressed form: the part of H that leads from the subspace to
the outside. It is built once and combined with any row of coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Subspace, Words
from hamiltonian_ml.subspace import kernels
from hamiltonian_ml.subspace.structure import SubspaceStructure


@dataclass(frozen=True, eq=False)
class Boundary:
    """Entries of all strings from a subspace to the states outside it. Made by `find_boundary`.

    Attributes
    ----------
    outside : Subspace or None
        The states outside that a string reaches from the subspace; None if there are none.
    starts : (n_outside + 1,) int
        Entries ``starts[a]`` up to ``starts[a + 1]`` lead to outside state ``a``.
    columns, codes : (n_entries,) int32, and uint16 or int32
        State inside that an entry comes from, and its code.
    diagonal_codes : (n_outside, n_diagonal_chunks) uint16 or int32
        Codes of the outside states' diagonal elements.
    """

    outside: Subspace | None
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    codes: NDArray[Any]
    diagonal_codes: NDArray[Any]


def find_boundary(structure: SubspaceStructure) -> Boundary:
    """Find every state outside the subspace that a string reaches from it.

    Notes
    -----
    Memory is proportional to the number of states times the number of distinct flips, before duplicates are merged.
    """
    tables, words = structure.tables, structure.subspace.words
    reached = (words[:, None, :] ^ tables.flips[None, :, :]).reshape(-1, words.shape[1])
    entries, target, found = _outside(words, reached)
    if not len(entries):
        none = np.zeros(0, dtype=np.int32)
        no_codes = np.zeros((0, structure.diagonal_codes.shape[1]), dtype=tables.code_type)
        return Boundary(None, np.zeros(1, dtype=np.int64), none, none.astype(tables.code_type), no_codes)
    outside = Subspace.span(structure.basis.n_qubits, found)
    source, flip = np.divmod(entries, len(tables.flips))
    source = source.astype(np.int32)
    n_chunks = np.diff(tables.flip_chunks)[flip]
    columns = np.repeat(source, n_chunks)
    codes = np.empty(len(columns), dtype=tables.code_type)
    kernels.fill_codes(
        words, source, flip, tables.flip_chunks, tables.chunk_bits, tables.chunk_offsets, codes
    )  # fmt: skip
    starts = np.zeros(outside.dimension + 1, dtype=np.int64)
    np.cumsum(np.bincount(target, n_chunks, minlength=outside.dimension).astype(np.int64), out=starts[1:])
    diagonal_codes = np.empty((outside.dimension, structure.diagonal_codes.shape[1]), dtype=tables.code_type)
    kernels.find_diagonal_codes(outside.words, tables.diagonal_bits, tables.diagonal_offsets, diagonal_codes)
    return Boundary(outside, starts, columns, codes, diagonal_codes)


def _outside(words: Words, reached: Words) -> tuple[NDArray[np.intp], NDArray[np.intp], Words]:
    """Return which of the reached states are none of ``words``, the place of each among the states found, and these.

    Everything follows from one sort of both together, which is what a boundary costs: the sort is stable, so that a
    state of ``words`` comes before its equals. Entries come in the order of their states.
    """
    both = np.concatenate([words, reached])
    order = np.lexsort(both.T)
    ordered = both[order]
    fresh = np.ones(len(ordered), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    lies_outside = order[fresh] >= len(words)
    state = np.cumsum(fresh) - 1
    kept = lies_outside[state]
    place = np.cumsum(lies_outside) - 1
    return order[kept] - len(words), place[state[kept]], ordered[fresh][lies_outside]
