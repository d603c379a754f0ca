"""Ordered sets of 1- and 2-local Pauli strings on a graph, and their bit masks.

This is the only module that knows the order of qubits and strings: qubit ``q`` is bit ``q % 64`` of word
``q // 64``, and the rightmost letter of a label, as in Qiskit. In: a graph or an operator. Out: a `PauliBasis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.checks import LARGEST_COEFFICIENT, check_integer, check_operator, checked_edges
from hamiltonian_ml.bases.lattice import heavy_hex_edges
from hamiltonian_ml.bases.operators import sparse_terms

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp

WORD_BITS = 64
LETTERS = "IXYZ"
MATRICES = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])  # of the letters


@dataclass(frozen=True, eq=False, repr=False)
class PauliBasis:
    """An ordered set of Pauli strings that act on one qubit or on the two qubits of an edge.

    Use `chain`, `ring`, `from_edges` or `from_operator` to make one. Their order is ``X, Y, Z`` on each qubit,
    then ``XX, XY, XZ, YX, ..., ZZ`` on each edge ``(i, j)``, ``i < j``, with the first letter on qubit ``i``.

    Parameters
    ----------
    n_qubits : int
        Number of qubits.
    edges : tuple of (int, int)
        Edges of the graph, sorted, each with the smaller qubit first.
    qubits : (n_terms, 2) int
        The qubits that a string acts on; the second is -1 for a 1-local string.
    paulis : (n_terms, 2) int
        The letter on each of them: 0 none, 1 X, 2 Y, 3 Z.

    Examples
    --------
    >>> from hamiltonian_ml import PauliBasis
    >>> basis = PauliBasis.chain(3)
    >>> basis.n_terms, basis.labels[0], basis.labels[-1]
    (27, 'IIX', 'ZZI')
    >>> PauliBasis.ring(3).edges, PauliBasis.from_edges(3, [(0, 2)]).short_labels[-1], PauliBasis.heavy_hex(12).n_qubits
    (((0, 1), (0, 2), (1, 2)), 'Z0 Z2', 12)
    >>> values = basis.check_coefficients([1.0] + 26 * [0.0], ndim=1)
    >>> basis.to_operator(values).simplify()
    SparsePauliOp(['IIX'],
                  coeffs=[1.+0.j])
    >>> basis.coefficients(basis.to_operator(values))[0][:2].tolist()
    [1.0, 0.0]
    >>> PauliBasis.from_operator(basis.to_operator(values)).edges
    ((0, 1), (1, 2))
    >>> basis.subset(basis.paulis[:, 1] == 0).labels[-1]  # one-qubit strings only
    'ZII'
    """

    n_qubits: int
    edges: tuple[tuple[int, int], ...]
    qubits: NDArray[np.int64]
    paulis: NDArray[np.int64]

    @classmethod
    def from_edges(cls, n_qubits: int, edges: Iterable[Sequence[int]]) -> PauliBasis:
        """Return all 1-local strings on the qubits and all 2-local strings on the edges.

        Parameters
        ----------
        n_qubits : int
            Number of qubits, at least 1.
        edges : iterable of (int, int)
            Pairs of different qubits, in any order; a repeated pair counts once.

        Raises
        ------
        ValueError
            If ``n_qubits`` is not an integer of at least 1, or ``edges`` are not pairs of different qubits below it.
        """
        check_integer("n_qubits", n_qubits, at_least=1)
        graph = checked_edges(edges, n_qubits)
        singles = [(q, -1, a, 0) for q in range(n_qubits) for a in (1, 2, 3)]
        pairs = [(i, j, a, b) for i, j in graph for a in (1, 2, 3) for b in (1, 2, 3)]
        table = np.array(singles + pairs, dtype=np.int64)
        return cls(int(n_qubits), graph, table[:, :2], table[:, 2:])

    @classmethod
    def chain(cls, n_qubits: int) -> PauliBasis:
        """Return the ``12 n - 9`` strings on an open chain of ``n_qubits`` qubits."""
        check_integer("n_qubits", n_qubits, at_least=1)
        return cls.from_edges(n_qubits, pairwise(range(n_qubits)))

    @classmethod
    def ring(cls, n_qubits: int) -> PauliBasis:
        """Return the ``12 n`` strings on a closed ring of ``n_qubits`` qubits, at least 3."""
        check_integer("n_qubits", n_qubits, at_least=1)
        if n_qubits < 3:
            raise ValueError(f"n_qubits must be at least 3 for a ring, got {n_qubits}; use a chain.")
        return cls.from_edges(n_qubits, [(q, (q + 1) % n_qubits) for q in range(n_qubits)])

    @classmethod
    def heavy_hex(cls, n_qubits: int) -> PauliBasis:
        """Return the strings on ``n_qubits`` qubits of the lattice of IBM's Herons, numbered by `heavy_hex_edges`."""
        check_integer("n_qubits", n_qubits, at_least=1)
        return cls.from_edges(n_qubits, heavy_hex_edges(n_qubits))

    @classmethod
    def from_operator(cls, operator: SparsePauliOp) -> PauliBasis:
        """Return all strings on the graph whose edges are the qubit pairs that an ``operator`` couples.

        Raises
        ------
        TypeError
            If the operator is no SparsePauliOp.
        ValueError
            If a string of the operator acts on more than two qubits, or the operator is not Hermitian or not finite.
        """
        supports = [tuple(qubits) for _, qubits, _ in sparse_terms(operator)]
        return cls.from_edges(operator.num_qubits, [s for s in supports if len(s) == 2])

    def subset(self, keep: ArrayLike) -> PauliBasis:
        """Return the basis of the strings marked in the boolean mask ``keep`` of shape (n_terms,).

        Raises
        ------
        ValueError
            If ``keep`` is not boolean (positions of strings would be read as true or false) or has another shape.
        """
        mask = np.asarray(keep)
        if mask.dtype != bool or mask.shape != (self.n_terms,):
            raise ValueError(
                f"keep must be a boolean mask of shape ({self.n_terms},), one entry for each string, "
                f"got {mask.dtype} of shape {mask.shape}."
            )
        qubits, paulis = self.qubits[mask], self.paulis[mask]
        edges = tuple(sorted({(int(i), int(j)) for i, j in qubits if j >= 0}))
        return PauliBasis(self.n_qubits, edges, qubits, paulis)

    def __repr__(self) -> str:
        return f"PauliBasis(n_qubits={self.n_qubits}, n_edges={len(self.edges)}, n_terms={self.n_terms})"

    @property
    def n_terms(self) -> int:
        """Number of strings."""
        return len(self.qubits)

    @property
    def n_words(self) -> int:
        """Number of 64-bit words that hold one basis state."""
        return -(-self.n_qubits // WORD_BITS)

    @cached_property
    def is_complete(self) -> bool:
        """Whether every 1-local string and every 2-local string of every edge is there, in the standard order."""
        whole = PauliBasis.from_edges(self.n_qubits, self.edges)
        return np.array_equal(self.qubits, whole.qubits) and np.array_equal(self.paulis, whole.paulis)

    @cached_property
    def labels(self) -> list[str]:
        """Labels in Qiskit's order: the rightmost letter acts on qubit 0."""
        names = []
        for qubits, paulis in zip(self.qubits, self.paulis, strict=True):
            letters = ["I"] * self.n_qubits
            for qubit, pauli in zip(qubits, paulis, strict=True):
                if pauli:
                    letters[self.n_qubits - 1 - qubit] = LETTERS[pauli]
            names.append("".join(letters))
        return names

    @cached_property
    def short_labels(self) -> list[str]:
        """Short names such as ``Z3`` or ``X0 Y1``: a letter and its qubit, smaller qubit first."""
        return [
            " ".join(f"{LETTERS[p]}{q}" for q, p in zip(qubits, paulis, strict=True) if p)
            for qubits, paulis in zip(self.qubits, self.paulis, strict=True)
        ]

    @cached_property
    def x_masks(self) -> NDArray[np.uint64]:
        """(n_terms, n_words) words with a bit set where a string flips a qubit (X or Y)."""
        return self._masks(self.paulis % 3 != 0)

    @cached_property
    def z_masks(self) -> NDArray[np.uint64]:
        """(n_terms, n_words) words with a bit set where a string has a sign (Y or Z)."""
        return self._masks(self.paulis >= 2)

    @cached_property
    def n_y(self) -> NDArray[np.int64]:
        """(n_terms,) number of Y letters: the string maps ``|b>`` to ``i^n_y (-1)^|z & b| |b ^ x>``."""
        counts: NDArray[np.int64] = np.count_nonzero(self.paulis == 2, axis=1)
        return counts

    @cached_property
    def flags(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Two (n_terms, n_qubits) arrays: where a string has a sign (Y or Z), and where it flips (X or Y)."""
        z, x = (np.zeros((self.n_terms, self.n_qubits), dtype=bool) for _ in range(2))
        string, place = np.nonzero(self.paulis)
        qubit, letter = self.qubits[string, place], self.paulis[string, place]
        z[string, qubit], x[string, qubit] = letter >= 2, letter <= 2
        return z, x

    def to_operator(self, coefficients: ArrayLike) -> SparsePauliOp:
        """Return ``sum_p coefficients[p] P_p`` as a Qiskit operator.

        Raises
        ------
        ValueError
            If there is not one coefficient for each string.
        """
        from qiskit.quantum_info import PauliList, SparsePauliOp

        values = self.check_coefficients(coefficients, ndim=1)
        strings = PauliList.from_symplectic(*self.flags)
        # values are copied, because operators can be changed
        return SparsePauliOp(strings, values.astype(complex), ignore_pauli_phase=True)

    def coefficients(self, operator: SparsePauliOp) -> tuple[NDArray[np.float64], float]:
        """Return the coefficients of an operator in this basis, and that of its identity.

        Returns
        -------
        coefficients : (n_terms,) float
            In the units of the operator; repeated strings are summed.
        identity : float
            Coefficient of the identity, which shifts every energy.

        Raises
        ------
        ValueError
            If the operator acts on another number of qubits, is not Hermitian or not finite, or has a string outside
            the basis.
        """
        check_operator("operator", operator)
        if operator.num_qubits != self.n_qubits:
            raise ValueError(
                f"operator acts on {operator.num_qubits} qubits but the basis on {self.n_qubits}; "
                "build the basis with PauliBasis.from_operator."
            )
        place = {self._key(q, p): k for k, (q, p) in enumerate(zip(self.qubits, self.paulis, strict=True))}
        values, identity = np.zeros(self.n_terms), 0.0
        for letters, qubits, value in sparse_terms(operator):
            if not qubits:
                identity += value
                continue
            key = tuple((int(q), LETTERS.index(letter)) for q, letter in zip(qubits, letters, strict=True))
            if key not in place:
                raise ValueError(f"operator has the string {letters} on qubits {qubits}, which is not in the basis.")
            values[place[key]] += value
        return values, identity

    def check_coefficients(self, coefficients: ArrayLike, *, ndim: int) -> NDArray[np.float64]:
        """Return ``coefficients`` with ``ndim`` axes, the last over the strings, as float64, or raise ValueError."""
        if np.iscomplexobj(coefficients):
            raise ValueError("coefficients must be real, because the operator must be Hermitian, got complex numbers.")
        values = np.asarray(coefficients, dtype=np.float64)
        if values.ndim != ndim or values.shape[-1] != self.n_terms:
            shape = "(n_terms,)" if ndim == 1 else "(n_rows, n_terms)"
            raise ValueError(
                f"coefficients must have shape {shape} with n_terms = {self.n_terms}, got {values.shape}; "
                "build both from one PauliBasis."
            )
        if not np.isfinite(values).all():
            raise ValueError("coefficients must be finite, got NaN or infinity.")
        if np.abs(values).max(initial=0.0) > LARGEST_COEFFICIENT:
            raise ValueError(
                f"coefficients must be at most {LARGEST_COEFFICIENT:g} in size, got {np.abs(values).max():g}; "
                "choose another energy unit."
            )
        return values

    def _masks(self, chosen: NDArray[np.bool_]) -> NDArray[np.uint64]:
        masks = np.zeros((self.n_terms, self.n_words), dtype=np.uint64)
        for slot in (0, 1):
            rows = np.flatnonzero(chosen[:, slot] & (self.paulis[:, slot] > 0))
            qubits = self.qubits[rows, slot].astype(np.uint64)
            masks[rows, qubits // WORD_BITS] |= np.uint64(1) << (qubits % WORD_BITS)
        return masks

    @staticmethod
    def _key(qubits: NDArray[np.int64], paulis: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
        return tuple((int(q), int(p)) for q, p in zip(qubits, paulis, strict=True) if p)


def check_basis(name: str, basis: PauliBasis) -> None:
    """Raise TypeError unless an argument is a `PauliBasis`."""
    if not isinstance(basis, PauliBasis):
        raise TypeError(f"{name} must be a PauliBasis, got {type(basis).__name__}; PauliBasis.chain makes one.")
