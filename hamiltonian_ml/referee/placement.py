"""Qubits on a row of sites, so that coupled ones are close, and Hamiltonians on these sites.

In: an operator, or a graph and rows of coefficients. Out: `Placement`, and a `SiteProblem` for each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_operator
from hamiltonian_ml.bases.frames import mean_field_frames
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.referee.matrix_product import Operator, State, operator_tensors, product_state
from hamiltonian_ml.referee.result import check_size, real_coefficients

if TYPE_CHECKING:
    from qiskit.quantum_info import PauliList, SparsePauliOp

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SiteProblem:
    """A Hamiltonian on sites, and what a search for its ground state needs to know.

    Attributes
    ----------
    operator : list of (left bond, right bond, 2, 2) complex
        The Hamiltonian.
    product : list of (1, 2, 1) complex
        Its mean-field state.
    size : float
        Root of the summed squares of the coefficients, which is the spread of the levels; 1 if all are zero.
    summed_size : float
        Sum of the sizes of the coefficients.
    gap_bound : float
        No gap is larger: twice the summed size of the strings on the qubit where it is smallest. There is a rotation
        of that qubit by pi that makes the ground state orthogonal to itself, and it changes no other string.
    """

    operator: Operator
    product: State
    size: float
    summed_size: float
    gap_bound: float


@dataclass(frozen=True, eq=False)
class Placement:
    """The site of each qubit of a basis.

    Attributes
    ----------
    basis : PauliBasis
        A complete basis.
    sites : (n_qubits,) int
        A permutation.
    """

    basis: PauliBasis
    sites: Integers

    @classmethod
    def close(cls, basis: PauliBasis) -> Placement:
        """Return a placement in which coupled qubits are close."""
        return cls(basis, site_order(basis.n_qubits, basis.edges))

    def problems(self, coefficients: Floats) -> Iterator[SiteProblem]:
        """Yield the Hamiltonian of each row of coefficients (n_rows, n_terms)."""
        frames = mean_field_frames(self.basis, coefficients)
        n_qubits = self.basis.n_qubits
        touching = np.zeros((n_qubits, self.basis.n_terms))
        for slot in (0, 1):
            rows = np.flatnonzero(self.basis.paulis[:, slot])
            touching[self.basis.qubits[rows, slot], rows] = 1
        for values, vectors in zip(coefficients, frames.bloch_vectors, strict=True):
            placed = np.empty_like(vectors)
            placed[self.sites] = vectors
            sizes = np.abs(values)
            yield SiteProblem(
                operator=operator_tensors(*self._place(values)),
                product=product_state(placed),
                size=float(np.linalg.norm(values)) or 1.0,
                summed_size=float(sizes.sum()),
                gap_bound=2 * float((touching @ sizes).min()),
            )

    def _place(self, values: Floats) -> tuple[Floats, Floats]:
        """Return fields and couplings on sites, as `operator_tensors` reads them."""
        n_qubits = self.basis.n_qubits
        fields = np.empty((n_qubits, 3))
        fields[self.sites] = values[: 3 * n_qubits].reshape(n_qubits, 3)
        couplings = np.zeros((3 * n_qubits, 3 * n_qubits))
        matrices = values[3 * n_qubits :].reshape(-1, 3, 3)
        for (i, j), matrix in zip(self.basis.edges, matrices, strict=True):
            first, second = 3 * self.sites[i], 3 * self.sites[j]
            couplings[first : first + 3, second : second + 3] = matrix
            couplings[second : second + 3, first : first + 3] = matrix.T
        return fields, couplings


def read_operator(operator: SparsePauliOp) -> tuple[PauliBasis, Floats, float]:
    """Return the complete basis on the graph of an operator, its coefficients there and that of the identity."""
    check_operator("operator", operator)
    if operator.num_qubits < 2:
        raise ValueError("operator must act on at least 2 qubits, because a sweep turns two at a time, got 1.")
    simple = operator.simplify(atol=0.0, rtol=0.0)
    simple.coeffs = real_coefficients(simple).astype(np.complex128)
    long = np.flatnonzero(np.count_nonzero(simple.paulis.x | simple.paulis.z, axis=1) > 2)
    if len(long):
        raise ValueError(
            f"operator must be a sum of strings on one or two qubits, got {simple.paulis[int(long[0])].to_label()}; "
            "exact_ground_state takes strings of any length."
        )
    basis = PauliBasis.from_operator(simple)
    values, identity = basis.coefficients(simple)
    check_size(values)
    return basis, values, identity


def site_order(n_qubits: int, edges: Sequence[tuple[int, int]]) -> Integers:
    """Return the site of each qubit in a row in which coupled qubits are close.

    Either the given order, which is right for a chain and for a grid that is numbered line by line, or the reverse
    Cuthill-McKee order, which folds a ring into a ladder, whichever has the smaller sum of squared edge lengths: the
    search turns two neighbouring sites at a time, and a single long edge hinders it more than many short ones.
    """
    given = np.arange(n_qubits, dtype=np.int64)
    if not edges:
        return given
    pairs = np.array(edges, dtype=np.int64)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_qubits, n_qubits)).tocsr()
    close = np.empty_like(given)
    close[reverse_cuthill_mckee((links + links.T).tocsr(), symmetric_mode=True)] = given
    return min((given, close), key=lambda sites: int((np.diff(sites[pairs], axis=1) ** 2).sum()))


def basis_letters(basis: PauliBasis) -> Integers:
    """Return the letters (n_terms, n_qubits) of the strings of a basis: 0, 1, 2, 3 for I, X, Y, Z on each qubit."""
    letters = np.zeros((basis.n_terms, basis.n_qubits), dtype=np.int64)
    for slot in (0, 1):
        rows = np.flatnonzero(basis.paulis[:, slot])
        letters[rows, basis.qubits[rows, slot]] = basis.paulis[rows, slot]
    return letters


def pauli_letters(paulis: PauliList) -> Integers:
    """Return the same for a list of Qiskit's strings."""
    letters: Integers = paulis.x + 3 * paulis.z - 2 * (paulis.x & paulis.z)
    return letters


def complete(basis: PauliBasis) -> tuple[PauliBasis, Integers]:
    """Return the complete basis on the graph of a basis, and the place in it of each of its strings."""
    whole = PauliBasis.from_edges(basis.n_qubits, basis.edges)
    edge_numbers = {edge: number for number, edge in enumerate(whole.edges)}
    places = []
    for (i, j), (a, b) in zip(basis.qubits.tolist(), basis.paulis.tolist(), strict=True):
        if j < 0:
            places.append(3 * i + a - 1)
        else:
            places.append(3 * basis.n_qubits + 9 * edge_numbers[i, j] + 3 * (a - 1) + b - 1)
    return whole, np.array(places, dtype=np.int64)
