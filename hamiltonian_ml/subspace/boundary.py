"""The states just outside a subspace: everything that one string can reach from it.

In: a `SubspaceStructure`. Out: a `Boundary`, in the same compressed form: the part of H that leads from the subspace to
the outside. It is built once and combined with any row of coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Words
from hamiltonian_ml.subspace import grouping
from hamiltonian_ml.subspace.search import find_diagonal_codes
from hamiltonian_ml.subspace.structure import SubspaceStructure, hash_table, power_of_two

_BUCKET = 1024  # entries whose table of states stays in the first-level cache
_MOST_ENTRIES = int(np.iinfo(np.int32).max)  # that are numbered


@dataclass(frozen=True, eq=False)
class Boundary:
    """Entries of all strings from a subspace to the states outside it. Made by `find_boundary`.

    Attributes
    ----------
    words : (n_outside, n_words) uint64
        The states outside that a string reaches from the subspace, packed as in `Subspace`; in no particular order, but
        always the same.
    starts : (n_outside + 1,) int
        Entries ``starts[a]`` up to ``starts[a + 1]`` lead to outside state ``a``.
    columns, codes : (n_entries,) int32, and uint16 or int32
        State inside that an entry comes from, and its code.
    diagonal_codes : (n_outside, n_diagonal_chunks) uint16 or int32
        Codes of the outside states' diagonal elements.
    """

    words: Words
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    codes: NDArray[Any]
    diagonal_codes: NDArray[Any]


def find_boundary(structure: SubspaceStructure) -> Boundary:
    """Find every state outside the subspace that a string reaches from it.

    Raises
    ------
    MemoryError
        If states times distinct flips are more than 2^31, some 21 million states of a chain of 50 qubits.

    Notes
    -----
    Memory is proportional to the number of states times the number of distinct flips.
    """
    seed = 0
    while (boundary := _find_boundary(structure, seed)) is None:  # about once in 10^7 boundaries of a million states
        seed += 1
    return boundary


def _find_boundary(structure: SubspaceStructure, seed: int) -> Boundary | None:
    """Find the boundary with one choice of hashes, or return None if two different states share theirs."""
    tables, words = structure.tables, structure.subspace.words
    hashes, flip_hashes, slots, seen = hash_table(structure.subspace, tables, seed)
    room = len(words) * len(tables.flips) + 1
    if room > _MOST_ENTRIES:
        raise MemoryError(
            f"the states outside {len(words):,} basis states cannot be counted: {room - 1:,} entries may lead there, "
            f"and at most {_MOST_ENTRIES:,} are numbered; keep fewer states."
        )
    flip_type = np.uint16 if len(tables.flips) <= 1 << 16 else np.int32
    sources, which = np.empty(room, dtype=np.int32), np.empty(room, dtype=flip_type)
    n = grouping.find_outside(words, hashes, slots, seen, tables.flips, flip_hashes, sources, which)
    dealt = np.empty(n, dtype=np.int32), np.empty(n, dtype=flip_type)
    buckets = np.empty(power_of_two(n // _BUCKET) + 1, dtype=np.int64)
    grouping.deal(sources[:n], which[:n], hashes, flip_hashes, buckets, *dealt)
    groups, firsts = sources[:n], np.empty(n, dtype=np.int32)  # the first room is used again
    starts = np.zeros(n + 1, dtype=np.int64)
    n_groups = grouping.group(*dealt, hashes, flip_hashes, tables.flip_chunks, buckets, groups, firsts, starts[1:])
    starts = starts[: n_groups + 1].copy()
    columns, codes = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=tables.code_type)
    outside = np.empty((n_groups, words.shape[1]), dtype=np.uint64)
    is_one = grouping.fill_entries(
        *dealt, groups, firsts[:n_groups], words, tables.flips, tables.flip_chunks, tables.chunk_bits,
        tables.chunk_offsets, starts, columns, codes, outside,
    )  # fmt: skip
    if not is_one:
        return None
    diagonal_codes = np.empty((n_groups, len(tables.diagonal_offsets)), dtype=tables.code_type)
    find_diagonal_codes(outside, tables.diagonal_bits, tables.diagonal_offsets, diagonal_codes)
    return Boundary(outside, starts, columns, codes, diagonal_codes)
