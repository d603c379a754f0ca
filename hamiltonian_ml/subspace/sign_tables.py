"""Strings grouped by the qubits that they flip, with one small table of matrix elements for each group.

All strings with one flip mask share their pattern in the matrix, and their signs depend on a few bits only. A matrix
element is therefore looked up by a *code*: the chunk of strings it belongs to and the values of the chunk's bits. In:
a `PauliBasis`. Out: the chunks, and the linear maps from coefficients to the tables; no subspace is involved yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import WORD_BITS, PauliBasis
from hamiltonian_ml.subspace import kernels

MAX_CHUNK_BITS = 8  # a table of 256 values stays in the first-level cache
_PHASES = np.array([1, 1j, -1, -1j])


@dataclass(frozen=True, eq=False)
class ElementMap:
    """Linear map from coefficients to matrix elements by code, and its adjoint.

    Attributes
    ----------
    n_codes : int
        Number of codes.
    terms : (n_strings,) int
        Strings that contribute.
    phases : (n_strings,) complex
        What each contributes where the bits of its chunk are all zero: i to the number of its Y.
    firsts : (n_strings,) int
        Code of that element.
    starts : (n_strings + 1,) int
        Its signs at all codes of the chunk are ``signs[starts[k]]`` up to ``signs[starts[k + 1]]``.
    signs : (n_signs,) float
        1 or -1.
    """

    n_codes: int
    terms: NDArray[np.intp]
    phases: NDArray[np.complex128]
    firsts: NDArray[np.int64]
    starts: NDArray[np.int64]
    signs: NDArray[np.float64]

    def elements(self, coefficients: NDArray[np.float64]) -> NDArray[Any]:
        """Return the elements (n_rows, n_codes), real where no string with an odd number of Y has a coefficient."""
        is_real = not coefficients[:, self.terms[self.phases.imag != 0]].any()
        phases = self.phases.real.copy() if is_real else self.phases
        elements = np.zeros((len(coefficients), self.n_codes), dtype=phases.dtype)
        kernels.add_elements(coefficients, self.terms, phases, self.firsts, self.starts, self.signs, elements)
        return elements

    def sum_over_codes(self, bins: NDArray[Any], out: NDArray[np.float64]) -> None:
        """Write the real part of elements times bins (n_rows, n_codes), summed, for the strings of out's columns."""
        kernels.sum_over_codes(bins, self.terms, self.phases, self.firsts, self.starts, self.signs, out)


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
    diagonal_bits : (n_diagonal_chunks, 8) int
        The same for strings that flip nothing.
    chunk_offsets : (n_chunks,) int
        Code of a chunk with all bits zero.
    diagonal_offsets : (n_diagonal_chunks,) int
        The same for strings that flip nothing.
    off_diagonal, diagonal : ElementMap
        From coefficients to the elements of strings that flip something, and nothing.
    """

    flips: NDArray[np.uint64]
    flip_chunks: NDArray[np.int64]
    chunk_bits: NDArray[np.int64]
    diagonal_bits: NDArray[np.int64]
    chunk_offsets: NDArray[np.int64]
    diagonal_offsets: NDArray[np.int64]
    off_diagonal: ElementMap
    diagonal: ElementMap

    @property
    def code_type(self) -> type[np.uint16] | type[np.int32]:
        """Smallest integer type that holds every code."""
        return np.uint16 if max(self.off_diagonal.n_codes, self.diagonal.n_codes) <= 1 << 16 else np.int32


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
        diagonal_bits=diagonal_bits,
        chunk_offsets=offsets,
        diagonal_offsets=diagonal_offsets,
        off_diagonal=off_diagonal,
        diagonal=diagonal_map,
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
) -> tuple[NDArray[np.int64], NDArray[np.int64], ElementMap]:
    """Return bits and offsets of the chunks, and the map from coefficients to matrix elements by code."""
    bits_of = np.full((len(chunks), MAX_CHUNK_BITS), -1, dtype=np.int64)
    sizes = np.array([1 << len(bits) for bits, _ in chunks], dtype=np.int64)
    offsets = np.cumsum(sizes) - sizes
    terms, firsts, values = [], [], [np.zeros(0)]
    for chunk, (bits, members) in enumerate(chunks):
        bits_of[chunk, : len(bits)] = bits
        patterns = np.arange(sizes[chunk])
        for term in members:
            mask = sum(1 << place for place, qubit in enumerate(bits) if qubit in signs[term])
            terms.append(term)
            firsts.append(offsets[chunk])
            values.append(1.0 - 2.0 * (np.bitwise_count(patterns & mask) % 2))
    return (
        bits_of,
        offsets,
        ElementMap(
            n_codes=int(sizes.sum()),
            terms=np.array(terms, dtype=np.intp),
            phases=_PHASES[basis.n_y[np.array(terms, dtype=np.intp)] % 4],
            firsts=np.array(firsts, dtype=np.int64),
            starts=np.cumsum([len(part) for part in values]),
            signs=np.concatenate(values),
        ),
    )


def _set_bits(mask: NDArray[np.uint64]) -> frozenset[int]:
    return frozenset(
        WORD_BITS * word + bit for word, value in enumerate(mask) for bit in range(WORD_BITS) if (int(value) >> bit) & 1
    )
