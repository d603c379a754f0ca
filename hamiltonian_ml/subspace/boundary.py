"""The states just outside a subspace: everything that one string can reach from it.

In: a `SubspaceStructure`. Out: a `Boundary`, in the same compressed form: the part of H that leads from the subspace to
the outside. It is built once and combined with any row of coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.memory import free_memory
from hamiltonian_ml.bases.states import Words
from hamiltonian_ml.bases.threads import map_blocks, row_blocks
from hamiltonian_ml.subspace import grouping
from hamiltonian_ml.subspace.structure import BLOCK_ROWS, SubspaceStructure, hash_table, power_of_two

_BUCKET = 1024  # entries whose table of states stays in the first-level cache
_MOST_BUCKETS = 1 << 13  # that can be dealt to at once: beyond, each entry would wait for the memory


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
        If it may take more than the memory that is free.

    Notes
    -----
    Memory is proportional to the number of states times the number of distinct flips.
    """
    tables, subspace = structure.tables, structure.subspace
    _check_memory(structure)
    hashes, flip_hashes, slots, seen = hash_table(subspace, tables)
    flip_type = np.uint16 if len(tables.flips) <= 1 << 16 else np.int32
    n_buckets = min(power_of_two(subspace.dimension * len(tables.flips) // _BUCKET), _MOST_BUCKETS)

    def find(start: int) -> _Found:
        stop = min(start + BLOCK_ROWS, subspace.dimension)
        room = (stop - start) * len(tables.flips) + 1
        sources, which = np.empty(room, dtype=np.int32), np.empty(room, dtype=flip_type)
        counts, n_codes = np.empty(n_buckets, dtype=np.int64), np.empty(n_buckets, dtype=np.int64)
        n = grouping.find_outside(
            start, stop, subspace.words, hashes, slots, seen, tables.flips, flip_hashes, tables.flip_chunks,
            sources, which, counts, n_codes,
        )  # fmt: skip
        return _Found(sources[:n], which[:n], counts, n_codes)

    found = map_blocks(find, range(0, subspace.dimension, BLOCK_ROWS))
    counts = np.stack([part.counts for part in found])
    buckets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    n_codes = np.concatenate([[0], np.cumsum(np.sum([part.n_codes for part in found], axis=0))])
    sources, which = np.empty(buckets[-1], dtype=np.int32), np.empty(buckets[-1], dtype=flip_type)
    places = buckets[:-1] + np.cumsum(counts, axis=0) - counts

    def deal(block: int) -> None:
        part = found[block]
        grouping.deal(part.sources, part.which, hashes, flip_hashes, places[block], sources, which)
        found[block] = part._replace(sources=sources[:0], which=which[:0])

    map_blocks(deal, range(len(found)))
    return _grouped(structure, sources, which, buckets, n_codes)


class _Found(NamedTuple):
    """Entries of some rows, and how many of them and of their codes there are in each bucket."""

    sources: NDArray[np.int32]
    which: NDArray[Any]
    counts: NDArray[np.int64]
    n_codes: NDArray[np.int64]


def _grouped(
    structure: SubspaceStructure,
    sources: NDArray[np.int32],
    which: NDArray[Any],
    buckets: NDArray[np.int64],
    n_codes: NDArray[np.int64],
) -> Boundary:
    """Return the boundary of dealt entries, whose arrays are used again."""
    tables, words = structure.tables, structure.subspace.words
    n = len(sources)
    if n_codes[-1] == n and which.dtype == tables.code_type:
        columns, codes = sources, which
    else:
        columns, codes = np.empty(n_codes[-1], dtype=np.int32), np.empty(n_codes[-1], dtype=tables.code_type)
    outside = np.empty((n, words.shape[1]), dtype=np.uint64)  # room for as many states as entries; what is not written
    starts = np.empty(n + 1, dtype=np.int64)  # takes no memory
    diagonal_codes = np.empty((n, len(tables.diagonal_offsets)), dtype=tables.code_type)

    def group(block: range) -> int:
        rows = slice(buckets[block.start], None)
        n_states: int = grouping.group(
            buckets[block.start : block.stop + 1], n_codes[block.start], sources, which, words, tables.flips,
            tables.flip_chunks, tables.chunk_bits, tables.chunk_offsets, tables.diagonal_bits, tables.diagonal_offsets,
            outside[rows], starts[rows], columns, codes, diagonal_codes[rows],
        )  # fmt: skip
        return n_states

    blocks = row_blocks(len(buckets) - 1)
    n_states = 0
    for block, number in zip(blocks, map_blocks(group, blocks), strict=True):
        for array in (outside, starts, diagonal_codes):
            array[n_states : n_states + number] = array[buckets[block.start] : buckets[block.start] + number]
        n_states += number
    starts[n_states] = n_codes[-1]
    return Boundary(outside[:n_states], starts[: n_states + 1], columns, codes, diagonal_codes[:n_states])


def _check_memory(structure: SubspaceStructure) -> None:
    """Raise MemoryError if the boundary may take more memory than is free."""
    tables, d = structure.tables, structure.dimension
    entry = 2 * (4 + np.dtype(tables.code_type).itemsize)  # as found, and dealt
    state = (
        8 * structure.subspace.words.shape[1] + 8 + np.dtype(tables.code_type).itemsize * len(tables.diagonal_offsets)
    )
    needed, free = d * len(tables.flips) * (entry + state), free_memory()
    if needed > free:
        raise MemoryError(
            f"the states outside {d:,} basis states may take {needed / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB are "
            "free; keep fewer states, or use a larger machine."
        )
