"""Strings grouped by the qubits that they flip, with one small table of matrix elements for each group.

All strings with one flip mask share their pattern in the matrix, and their signs depend on a few bits only. A matrix
element is therefore looked up by a *code*: the chunk of strings it belongs to and the values of the chunk's bits. In:
a `PauliBasis`. Out: the chunks, and the linear maps from coefficients to the tables; no subspace is involved yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hamiltonian_ml.bases.pauli import WORD_BITS, PauliBasis

MAX_CHUNK_BITS = 8  # a table of 256 values stays in the first-level cache
_PHASES = np.array([1, 1j, -1, -1j])


@dataclass(frozen=True, eq=False)
class SignTables:
    """Lookup tables of the matrix elements of all strings of a basis.

    Attributes
    ----------
    flips : (n_flips, n_words) uint64
        Distinct flip masks other than zero.
    flip_chunks : (n_flips + 1,) int
        Chunks ``flip_chunks[f]`` up to ``flip_chunks[f + 1]`` belong to flip mask ``f``.
    chunk_bits : (n_chunks, 8) int
        Qubits whose bits (of the column state) make the code of an off-diagonal chunk, -1 where unused.
    chunk_offsets : (n_chunks,) int
        Code of a chunk with all bits zero.
    diagonal_bits, diagonal_offsets : (n_diagonal_chunks, 8) and (n_diagonal_chunks,) int
        The same for strings that flip nothing.
    off_diagonal : (n_codes, n_terms) sparse complex
        Maps coefficients to the table of off-diagonal elements; entries are 1, i, -1 or -i.
    diagonal : (n_diagonal_codes, n_terms) sparse float
        Maps coefficients to the table of diagonal elements; entries are 1 or -1.
    """

    flips: NDArray[np.uint64]
    flip_chunks: NDArray[np.int64]
    chunk_bits: NDArray[np.int64]
    chunk_offsets: NDArray[np.int64]
    diagonal_bits: NDArray[np.int64]
    diagonal_offsets: NDArray[np.int64]
    off_diagonal: sparse.csr_array
    diagonal: sparse.csr_array

    @property
    def code_type(self) -> type[np.uint16] | type[np.int32]:
        """Smallest integer type that holds every code."""
        return np.uint16 if max(self.off_diagonal.shape[0], self.diagonal.shape[0]) <= 1 << 16 else np.int32


def sign_tables(basis: PauliBasis) -> SignTables:
    """Group the strings of a basis by flip mask and by the bits that fix their signs.

    Each refresh of a subspace asks for the tables of the same strings, so those of the last few bases are kept.
    """
    return _grouped(_Strings(basis.n_qubits, basis.qubits.tobytes(), basis.paulis.tobytes(), basis))


@dataclass(frozen=True)
class _Strings:
    """What decides the tables: two bases of equal strings share them."""

    n_qubits: int
    qubits: bytes
    paulis: bytes
    basis: PauliBasis = field(compare=False)


@lru_cache(maxsize=8)
def _grouped(strings: _Strings) -> SignTables:
    basis = strings.basis
    flips, which = np.unique(basis.x_masks, axis=0, return_inverse=True)
    which = which.reshape(-1)
    signs = [_set_bits(mask) for mask in basis.z_masks]
    has_diagonal = not flips[0].any()
    diagonal = _pack(np.flatnonzero(which == 0), signs) if has_diagonal else []
    groups = [_pack(np.flatnonzero(which == f), signs) for f in range(int(has_diagonal), len(flips))]
    chunks = [chunk for group in groups for chunk in group]
    bits, offsets, off_diagonal = _tabulate(chunks, signs, basis)
    diagonal_bits, diagonal_offsets, diagonal_map = _tabulate(diagonal, signs, basis)
    return SignTables(
        flips=flips[int(has_diagonal) :],
        flip_chunks=np.cumsum([0] + [len(group) for group in groups]),
        chunk_bits=bits,
        chunk_offsets=offsets,
        diagonal_bits=diagonal_bits,
        diagonal_offsets=diagonal_offsets,
        off_diagonal=off_diagonal,
        diagonal=diagonal_map.real,
    )


def _pack(terms: NDArray[np.intp], signs: list[frozenset[int]]) -> list[tuple[list[int], list[int]]]:
    """Pack strings into chunks of at most eight sign bits, first fit; strings with more bits come first.

    Neighbouring edges of a chain then share a chunk, and 50 qubits need 7 chunks of diagonal strings.
    """
    chunks: list[tuple[list[int], list[int]]] = []
    for term in sorted(terms, key=lambda t: (-len(signs[t]), sorted(signs[t]))):
        for bits, members in chunks:
            missing = signs[term] - set(bits)
            if len(bits) + len(missing) <= MAX_CHUNK_BITS:
                bits.extend(sorted(missing))
                members.append(int(term))
                break
        else:
            chunks.append((sorted(signs[term]), [int(term)]))
    return chunks


def _tabulate(
    chunks: list[tuple[list[int], list[int]]], signs: list[frozenset[int]], basis: PauliBasis
) -> tuple[NDArray[np.int64], NDArray[np.int64], sparse.csr_array]:
    """Return bits and offsets of the chunks, and the map from coefficients to matrix elements by code."""
    bits_of = np.full((len(chunks), MAX_CHUNK_BITS), -1, dtype=np.int64)
    sizes = np.array([1 << len(bits) for bits, _ in chunks], dtype=np.int64)
    offsets = np.cumsum(sizes) - sizes
    rows, columns, values = [], [], []
    for chunk, (bits, members) in enumerate(chunks):
        bits_of[chunk, : len(bits)] = bits
        patterns = np.arange(sizes[chunk])
        for term in members:
            parity = np.zeros(len(patterns), dtype=np.int64)
            for place, qubit in enumerate(bits):
                if qubit in signs[term]:
                    parity ^= (patterns >> place) & 1
            rows.append(offsets[chunk] + patterns)
            columns.append(np.full(len(patterns), term))
            values.append(_PHASES[(basis.n_y[term] + 2 * parity) % 4])
    shape = (int(sizes.sum()), basis.n_terms)
    if not rows:
        return bits_of, offsets, sparse.csr_array(shape, dtype=np.complex128)
    triplets = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return bits_of, offsets, sparse.coo_array(triplets, shape=shape).tocsr()


def _set_bits(mask: NDArray[np.uint64]) -> frozenset[int]:
    return frozenset(
        WORD_BITS * word + bit for word, value in enumerate(mask) for bit in range(WORD_BITS) if (int(value) >> bit) & 1
    )
