"""The strings of a basis restricted to a subspace: which states each flip mask connects, found once.

In: a `PauliBasis` and a `Subspace`. Out: a `SubspaceStructure` that is combined with coefficients as often as wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hamiltonian_ml.bases.pauli import WORD_BITS, PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.bases.symmetries import PauliSymmetries
from hamiltonian_ml.bases.threads import map_blocks, row_blocks
from hamiltonian_ml.subspace import kernels, search
from hamiltonian_ml.subspace.sign_tables import SignTables, sign_tables

BLOCK_ROWS = 8192  # whose flips a thread follows at once: bounds the scratch memory


@dataclass(frozen=True, eq=False)
class SubspaceStructure:
    """Pattern and codes of all strings in a subspace. Made by `restrict`.

    Attributes
    ----------
    basis, subspace
        What was restricted to what.
    tables : SignTables
        Maps from coefficients to matrix elements by code.
    left, right : (n_pairs,) uint32
        States u < v that a string connects, ordered by block of u, then by flip. A pair may come more than once; its
        elements add up.
    codes : (n_pairs,) uint16 or int32
        Code of the element <u|H|v> of each pair.
    diagonal_codes : (dimension, n_diagonal_chunks) uint16 or int32
        Codes of the diagonal.
    """

    basis: PauliBasis
    subspace: Subspace
    tables: SignTables = field(repr=False)
    left: NDArray[np.uint32] = field(repr=False)
    right: NDArray[np.uint32] = field(repr=False)
    codes: NDArray[Any] = field(repr=False)
    diagonal_codes: NDArray[Any] = field(repr=False)

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return self.subspace.dimension

    @property
    def n_entries(self) -> int:
        """Number of off-diagonal entries of the matrix, in both triangles."""
        return 2 * len(self.left)

    @cached_property
    def parts(self) -> NDArray[np.int32]:
        """The part (dimension,) of the subspace that each state belongs to: no string leads from one to another."""
        shape, links = (self.dimension, self.dimension), np.ones(len(self.left), dtype=bool)
        graph = sparse.coo_array((links, (self.left, self.right)), shape=shape)
        parts: NDArray[np.int32] = connected_components(graph, directed=False)[1]
        return parts

    @cached_property
    def has_flipping_symmetry(self) -> bool:
        """Whether a Pauli string with an X or Y commutes with all strings, as XXXX with those of an Ising model.

        One without is seen in the parts of the subspace.
        """
        return bool(PauliSymmetries.of(self.basis).flips.any())

    def element_tables(self, coefficients: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the tables of off-diagonal and diagonal elements for rows of coefficients (n_rows, n_terms).

        The first has shape (n_rows, n_codes), real if no string with an odd number of Y has a coefficient.
        """
        return self.tables.off_diagonal.elements(coefficients), self.tables.diagonal.elements(coefficients)

    def tables_for(
        self, coefficients: NDArray[np.float64], states: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[Any]]:
        """Return `element_tables` and the states (n_rows, dimension), complex where either is.

        States of a real row may be complex, if they were found beside others: then they have any phase.
        """
        tables, diagonal_tables = self.element_tables(coefficients)
        kind = np.result_type(tables, states)
        return tables.astype(kind, copy=False), diagonal_tables, np.ascontiguousarray(states, dtype=kind)

    def matrix(self, coefficients: ArrayLike) -> sparse.csr_array:
        """Return the projected Hamiltonian of one row of coefficients (n_terms,) as a sparse matrix.

        For inspection and tests; the solvers never build it.
        """
        row = self.basis.check_coefficients(coefficients, ndim=1)[None]
        table, diagonal_table = self.element_tables(row)
        diagonal = np.empty(self.dimension)
        kernels.diagonal_of(self.diagonal_codes, diagonal_table[0], diagonal)
        shape = (self.dimension, self.dimension)
        upper = sparse.coo_array((table[0][self.codes], (self.left, self.right)), shape=shape)
        return (upper + upper.conj().T + sparse.diags_array(diagonal)).tocsr()

    def expectations_of_bins(self, bins: NDArray[Any], diagonal_bins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Re <left|P_p|right> (n_rows, n_terms) from the sums over entries that `kernels.brackets` makes."""
        values = np.empty((len(bins), self.basis.n_terms))
        self.tables.off_diagonal.sum_over_codes(bins, values)
        self.tables.diagonal.sum_over_codes(diagonal_bins, values)
        return values

    def row_blocks(self, n_rows: int) -> list[range]:
        """Cut rows into ranges for threads, each with so many rows that it is worth it to wake one."""
        return row_blocks(n_rows, smallest=max(1, 1024 // self.dimension))


def restrict(basis: PauliBasis, subspace: Subspace) -> SubspaceStructure:
    """Restrict all strings of a basis to a subspace.

    Parameters
    ----------
    basis : PauliBasis
        The strings.
    subspace : Subspace
        The basis states, on equally many qubits.

    Returns
    -------
    SubspaceStructure
        Memory is proportional to the number of entries found.

    Raises
    ------
    ValueError
        If the numbers of qubits differ, or the basis holds no strings.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import PauliBasis, Subspace, restrict
    >>> basis = PauliBasis.chain(40)
    >>> structure = restrict(basis, Subspace.excitations(40, 2))
    >>> structure.dimension, structure.matrix(np.ones(basis.n_terms)).shape
    (821, (821, 821))
    """
    if basis.n_qubits != subspace.n_qubits:
        raise ValueError(
            f"subspace has {subspace.n_qubits} qubits but the basis has {basis.n_qubits}; build both for one number."
        )
    if not basis.n_terms:
        raise ValueError("basis must hold at least one string, got none; keep some with PauliBasis.subset.")
    tables = sign_tables(basis)
    rows, none_known = np.arange(subspace.dimension), np.zeros(subspace.dimension, dtype=bool)
    left, right, codes = _search(subspace, tables, rows, none_known)
    return SubspaceStructure(basis, subspace, tables, left, right, codes, _diagonal_codes(subspace, tables))


def shrink(structure: SubspaceStructure, keep: ArrayLike) -> SubspaceStructure:
    """Return the structure of the states marked in ``keep`` (dimension,), without another search.

    Raises
    ------
    ValueError
        If nothing is kept, or the mask is not boolean or has another length.
    """
    mask = np.asarray(keep)
    if mask.dtype != bool:
        raise ValueError(f"keep must be a boolean mask, got {mask.dtype}; places of states would be read as true.")
    if mask.shape != (structure.dimension,) or not mask.any():
        raise ValueError(
            f"keep must mark at least one of {structure.dimension} states, got a mask of shape {mask.shape} that marks "
            f"{int(mask.sum())}."
        )
    place = np.cumsum(mask, dtype=np.uint32) - np.uint32(1)
    stays = mask[structure.left] & mask[structure.right]
    return SubspaceStructure(
        basis=structure.basis,
        subspace=Subspace.span(structure.basis.n_qubits, structure.subspace.words[mask]),
        tables=structure.tables,
        left=place[structure.left[stays]],
        right=place[structure.right[stays]],
        codes=structure.codes[stays],
        diagonal_codes=structure.diagonal_codes[mask],
    )


def grow(structure: SubspaceStructure, words: ArrayLike) -> SubspaceStructure:
    """Return the structure with more states; only the flips of the new ones are searched.

    Parameters
    ----------
    structure : SubspaceStructure
        The structure to start from.
    words : (n_states, n_words) uint64
        Packed states to add; those that are there already change nothing.
    """
    subspace = Subspace.span(structure.basis.n_qubits, structure.subspace.words, words)
    place = subspace.places(structure.subspace.words).astype(np.uint32)
    is_known = np.zeros(subspace.dimension, dtype=bool)
    is_known[place] = True
    left, right, codes = _search(subspace, structure.tables, np.flatnonzero(~is_known), is_known)
    left = np.concatenate([place[structure.left], left])
    order = np.argsort(left // search.ORDERED_ROWS, kind="stable")  # as a fresh search has them, nearly
    return SubspaceStructure(
        basis=structure.basis,
        subspace=subspace,
        tables=structure.tables,
        left=left[order],
        right=np.concatenate([place[structure.right], right])[order],
        codes=np.concatenate([structure.codes, codes])[order],
        diagonal_codes=_diagonal_codes(subspace, structure.tables),
    )


def _diagonal_codes(subspace: Subspace, tables: SignTables) -> NDArray[Any]:
    codes = np.empty((subspace.dimension, len(tables.diagonal_offsets)), dtype=tables.code_type)
    search.find_diagonal_codes(subspace.words, tables.diagonal_bits, tables.diagonal_offsets, codes)
    return codes


def _search(
    subspace: Subspace, tables: SignTables, rows: NDArray[np.intp], is_known: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
    """Find which flips of some rows stay in the subspace, in blocks over threads, but no pair of two known states."""
    words = subspace.words
    hashes, flip_hashes, slots, seen = hash_table(subspace, tables)

    def find(start: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        block = rows[start : start + BLOCK_ROWS]
        room = len(block) * len(tables.chunk_offsets)
        left, right = np.empty(room, dtype=np.uint32), np.empty(room, dtype=np.uint32)
        codes = np.empty(room, dtype=tables.code_type)
        n = search.find_pairs(
            block, is_known, words, hashes, slots, seen, tables.flips, flip_hashes,
            tables.flip_chunks, tables.chunk_bits, tables.chunk_offsets, left, right, codes,
        )  # fmt: skip
        return left[:n].copy(), right[:n].copy(), codes[:n].copy()

    blocks = map_blocks(find, range(0, max(len(rows), 1), BLOCK_ROWS))
    left, right, codes = (np.concatenate([block[k] for block in blocks]) for k in range(3))
    return left, right, codes


def hash_table(
    subspace: Subspace, tables: SignTables
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint8]]:
    """Return the hashes of the states and of the flips, and the table and the bits that find a state by its hash."""
    # The keys only spread states over the table; any seed gives the same structure.
    keys = np.random.default_rng([2601_03235, 0]).integers(0, 2**64, WORD_BITS * subspace.n_words, dtype=np.uint64)
    hashes, d = search.hash_states(subspace.words, keys), subspace.dimension
    slots = np.full(power_of_two(2 * d), -1, dtype=np.int32)
    seen = np.zeros(power_of_two(4 * d), dtype=np.uint8)  # few of the flips that leave then look as if they stayed
    search.fill_hash_table(hashes, slots, seen)
    return hashes, search.hash_states(tables.flips, keys), slots, seen


def power_of_two(at_least: int) -> int:
    """Return the smallest power of two from 16 that is not below a number."""
    return 1 << max(4, (at_least - 1).bit_length())
