"""Computational basis states on packed 64-bit words, for any number of qubits.

In: bitstrings in any form. Out: `Samples` (states with counts) and `Subspace` (a set of states); both are sorted and
unique because only the constructors here make them. Qubit ``q`` is bit ``q % 64`` of word ``q // 64``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import WORD_BITS

Words = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Measured basis states and how often each was seen.

    Attributes
    ----------
    words : (n_states, n_words) uint64
        Packed states, ascending and unique.
    counts : (n_states,) float
        Shots, or weights, of each state.
    n_qubits : int
        Number of qubits.

    Examples
    --------
    >>> from hamiltonian_ml import Samples
    >>> read = Samples.from_bits([[1, 0], [0, 0], [1, 0]])  # column 0 is qubit 0
    >>> read.words.ravel().tolist(), read.counts.tolist()
    ([0, 1], [1.0, 2.0])
    >>> both = Samples.union([read, Samples.from_words([[3]], n_qubits=2, counts=[5])])
    >>> both, both.most_frequent(1).ravel().tolist()
    (Samples(n_states=3, n_shots=8, n_qubits=2), [3])
    """

    words: Words
    counts: NDArray[np.float64]
    n_qubits: int

    @classmethod
    def from_words(cls, words: ArrayLike, n_qubits: int, counts: ArrayLike | None = None) -> Samples:
        """Return packed states, ``words`` (n_shots, n_words) in any order, with repeats; ``counts`` default to 1 each.

        Raises
        ------
        ValueError
            If there is not one count for each state, a count is negative or NaN, ``n_qubits`` is not an integer of at
            least 1, or a bit beyond the last of these qubits is set.
        """
        packed = _checked_words(words, n_qubits)
        weights = np.ones(len(packed)) if counts is None else np.asarray(counts, dtype=np.float64)
        if weights.shape != (len(packed),):
            raise ValueError(f"counts must have shape ({len(packed)},), one for each state, got {weights.shape}.")
        if not (weights >= 0).all():
            raise ValueError("counts must be at least 0, got a negative number or NaN.")
        states, inverse = _sorted_unique(packed)
        return cls(states, np.bincount(inverse, weights, minlength=len(states)).astype(np.float64), n_qubits)

    @classmethod
    def from_bits(cls, bits: ArrayLike, counts: ArrayLike | None = None) -> Samples:
        """Return the states of an array ``bits`` (n_shots, n_qubits) of 0 and 1; column ``q`` is qubit ``q``.

        Raises
        ------
        ValueError
            If there is not one of the ``counts`` for each row, one is negative or NaN, there is no column, or a bit is
            neither 0 nor 1.
        """
        array = np.asarray(bits)
        if array.ndim != 2:
            raise ValueError(f"bits must have shape (n_shots, n_qubits), got {array.shape}.")
        return cls.from_words(pack_bits(array), array.shape[1], counts)

    @classmethod
    def union(cls, parts: Iterable[Samples], weights: Iterable[float] | None = None) -> Samples:
        """Return all states of the ``parts``, counts summed, each part times its own of the ``weights`` (1 by default).

        Raises
        ------
        ValueError
            If there are no parts, they are of different numbers of qubits, or there is not one weight for each.
        """
        pieces = list(parts)
        if not pieces:
            raise ValueError("parts must hold at least one Samples object, got none.")
        if len({piece.n_qubits for piece in pieces}) > 1:
            raise ValueError(f"parts must act on equally many qubits, got {sorted({p.n_qubits for p in pieces})}.")
        factors = [1.0] * len(pieces) if weights is None else list(weights)
        if len(factors) != len(pieces):
            raise ValueError(f"weights must be {len(pieces)} numbers, one for each of the parts, got {len(factors)}.")
        counts = np.concatenate([f * p.counts for f, p in zip(factors, pieces, strict=True)])
        return cls.from_words(np.concatenate([p.words for p in pieces]), pieces[0].n_qubits, counts)

    @property
    def n_states(self) -> int:
        """Number of different states."""
        return len(self.words)

    @property
    def n_shots(self) -> float:
        """Sum of the counts."""
        return float(self.counts.sum())

    def __repr__(self) -> str:
        return f"Samples(n_states={self.n_states}, n_shots={self.n_shots:g}, n_qubits={self.n_qubits})"

    def most_frequent(self, max_states: int | None = None) -> Words:
        """Return the ``max_states`` states seen most often (all if None), in this order; ties go to the smaller."""
        limit = self.n_states if max_states is None else max(max_states, 0)
        return self.words[np.argsort(-self.counts, kind="stable")[:limit]]


@dataclass(frozen=True, eq=False)
class Subspace:
    """A set of basis states, sorted and unique. Only `span`, `from_integers`, `excitations` and `full` make one.

    Attributes
    ----------
    words : (dimension, n_words) uint64
        Packed states in ascending order.
    n_qubits : int
        Number of qubits.

    Examples
    --------
    >>> from hamiltonian_ml import Subspace
    >>> space = Subspace.from_integers([5, 0, 3, 5], n_qubits=3)
    >>> space.dimension
    3
    >>> space.bitstrings()
    ['000', '011', '101']
    >>> space.contains([[3], [4]]).tolist(), space.places([[5]]).tolist()
    ([True, False], [2])
    >>> space.bits()[1].tolist()  # qubit 0 first
    [1, 1, 0]
    >>> Subspace.full(3).dimension, Subspace.excitations(3, 1).dimension, Subspace.span(3, space.words, [[7]]).dimension
    (8, 4, 4)
    """

    words: Words
    n_qubits: int

    @classmethod
    def span(cls, n_qubits: int, *words: ArrayLike) -> Subspace:
        """Return the span of packed states of ``n_qubits`` qubits: ``words`` (n_states, n_words), in any order.

        Raises
        ------
        ValueError
            If no state is given, ``n_qubits`` is not an integer of at least 1, an array has another number of words, or
            a bit beyond the last qubit is set.
        """
        parts = [_checked_words(w, n_qubits) for w in words]
        if sum(len(part) for part in parts) == 0:
            raise ValueError("a Subspace needs at least one basis state, got none.")
        return cls(_sorted_unique(np.concatenate(parts))[0], n_qubits)

    @classmethod
    def from_integers(cls, states: Iterable[int], n_qubits: int) -> Subspace:
        """Return the span of ``states``, integers from 0 to below ``2**n_qubits``; bit ``q`` is qubit ``q``."""
        check_integer("n_qubits", n_qubits, at_least=1)
        n_words = -(-n_qubits // WORD_BITS)
        mask = (1 << WORD_BITS) - 1
        rows = []
        for state in states:
            if not isinstance(state, int | np.integer) or not 0 <= state < 1 << n_qubits:
                raise ValueError(f"states must be integers from 0 to 2**{n_qubits} - 1, got {state!r}.")
            rows.append([(int(state) >> (WORD_BITS * w)) & mask for w in range(n_words)])
        return cls.span(n_qubits, np.array(rows, dtype=np.uint64).reshape(-1, n_words))

    @classmethod
    def excitations(cls, n_qubits: int, max_flips: int) -> Subspace:
        """Return the states of ``n_qubits`` qubits with at most ``max_flips`` ones."""
        check_integer("n_qubits", n_qubits, at_least=1)
        check_integer("max_flips", max_flips, at_least=0)
        flips = [sum(1 << q for q in c) for k in range(max_flips + 1) for c in combinations(range(n_qubits), k)]
        return cls.from_integers(flips, n_qubits)

    @classmethod
    def full(cls, n_qubits: int) -> Subspace:
        """Return all ``2**n_qubits`` states, for at most 24 qubits."""
        check_integer("n_qubits", n_qubits, at_least=1)
        if n_qubits > 24:
            raise ValueError(f"n_qubits must be at most 24 for the full space, got {n_qubits}; sample a subspace.")
        return cls(np.arange(1 << n_qubits, dtype=np.uint64)[:, None], n_qubits)

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return len(self.words)

    @property
    def is_full(self) -> bool:
        """Whether these are all the basis states of the qubits."""
        return self.n_qubits < WORD_BITS and self.dimension == 2**self.n_qubits

    @property
    def n_words(self) -> int:
        """Number of 64-bit words of a state."""
        return int(self.words.shape[1])

    @cached_property
    def reference_index(self) -> int:
        """Place of the all-zero state, or -1 if it is not in the subspace."""
        return 0 if not self.words[0].any() else -1

    def places(self, words: ArrayLike) -> NDArray[np.intp]:
        """Return the index of each packed state of ``words`` (n_states, n_words), or -1 where it is not there."""
        asked = _checked_words(words, self.n_qubits)
        distinct, inverse = _sorted_unique(np.concatenate([self.words, asked]))
        place = np.full(len(distinct), -1, dtype=np.intp)
        place[inverse[: self.dimension]] = np.arange(self.dimension)
        return place[inverse[self.dimension :]]

    def contains(self, words: ArrayLike) -> NDArray[np.bool_]:
        """Return which packed states of ``words`` (n_states, n_words) are in the subspace, as (n_states,) booleans."""
        return self.places(words) >= 0

    def bits(self) -> NDArray[np.uint8]:
        """Return the states as an array of shape (dimension, n_qubits) of 0 and 1; column ``q`` is qubit ``q``."""
        as_bytes = self.words.astype("<u8").view(np.uint8)
        return np.unpackbits(as_bytes, axis=1, bitorder="little")[:, : self.n_qubits]

    def bitstrings(self) -> list[str]:
        """Return the states as strings in Qiskit's order: the rightmost character is qubit 0."""
        return ["".join(row) for row in self.bits()[:, ::-1].astype("U1")]

    def __repr__(self) -> str:
        return f"Subspace(dimension={self.dimension}, n_qubits={self.n_qubits})"


def pack_bits(bits: ArrayLike) -> Words:
    """Pack an array of shape (n_states, n_qubits) of 0 and 1 into words; column ``q`` is qubit ``q``."""
    array = np.asarray(bits)
    if not np.isin(array, (0, 1)).all():
        raise ValueError("bits must be 0 or 1.")
    n_words = -(-array.shape[1] // WORD_BITS)
    return _words_of_bytes(np.packbits(array.astype(np.uint8), axis=1, bitorder="little"), n_words)


def words_from_register_bytes(array: NDArray[np.uint8], n_qubits: int) -> Words:
    """Pack the bytes of a measured register, most significant first as in Qiskit's BitArray, into words."""
    flat = array.reshape(-1, array.shape[-1])[:, ::-1]
    return _words_of_bytes(flat, -(-n_qubits // WORD_BITS))


def _words_of_bytes(little_endian: NDArray[np.uint8], n_words: int) -> Words:
    padded = np.zeros((len(little_endian), 8 * n_words), dtype=np.uint8)
    padded[:, : little_endian.shape[1]] = little_endian
    return padded.view("<u8").astype(np.uint64)


def _checked_words(words: ArrayLike, n_qubits: int) -> Words:
    check_integer("n_qubits", n_qubits, at_least=1)
    packed = np.asarray(words)
    n_words = -(-n_qubits // WORD_BITS)
    if packed.ndim != 2 or packed.shape[1] != n_words:
        raise ValueError(f"words must have shape (n_states, {n_words}) for {n_qubits} qubits, got {packed.shape}.")
    if packed.size and (packed.dtype.kind not in "ui" or packed.min() < 0):
        raise ValueError(f"words must be an array of dtype uint64, got {packed.dtype}: a cast could change the states.")
    packed = packed.astype(np.uint64, copy=False)
    spare = n_qubits % WORD_BITS
    if spare and (packed[:, -1] >> np.uint64(spare)).any():
        raise ValueError(f"words must not set bits beyond qubit {n_qubits - 1}.")
    return packed


def _sorted_unique(words: Words) -> tuple[Words, NDArray[np.intp]]:
    """Return the distinct rows in ascending order (last word most significant) and where each row went."""
    order = np.lexsort(words.T)
    ordered = words[order]
    fresh = np.ones(len(words), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    inverse = np.empty(len(words), dtype=np.intp)
    inverse[order] = np.cumsum(fresh) - 1
    return ordered[fresh], inverse
