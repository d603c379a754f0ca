"""Ground states of up to hundreds of qubits by the density-matrix renormalisation group (DMRG).

In: an operator of 1- and 2-local strings, or rows of coefficients. Out: `DmrgState`, or `DmrgRows`. quimb (the extra
``referee``) does the sweeps; operator, energy, variance and expectation values are computed here and in
`hamiltonian_ml.referee.matrix_product`. Nothing of `hamiltonian_ml.subspace` is used, so that the two can be held
against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_scale
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.referee import matrix_product
from hamiltonian_ml.referee.matrix_product import State
from hamiltonian_ml.referee.placement import Placement, basis_letters, complete, pauli_letters, read_operator
from hamiltonian_ml.referee.result import RefereeState
from hamiltonian_ml.referee.search import SearchSettings, search_gap, search_ground_state
from hamiltonian_ml.referee.sweeps import import_quimb

if TYPE_CHECKING:
    from qiskit.quantum_info import PauliList, SparsePauliOp


@dataclass(frozen=True, eq=False, kw_only=True)
class DmrgState(RefereeState):
    """A `RefereeState` as a matrix product state.

    Attributes
    ----------
    bond_dimension : int
        Largest bond dimension of the state.
    discarded_weight : float
        Largest weight that a truncation of the last sweep discarded.
    converged : bool
        Whether the last sweep changed the energy by less than the tolerance. The residual says how good the state is.
    n_sweeps : int
        Sweeps that led to this state.
    n_starts : int
        Starts that were tried, of which this state is the one of lowest energy.
    sites : (n_qubits,) int
        Site of each qubit in the row of tensors.
    tensors : list of (left bond, 2, right bond) complex
        In right canonical form.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml import PauliBasis
    >>> from hamiltonian_ml.referee import dmrg_ground_state
    >>> ising = [("ZZ", [q, q + 1], -1.0) for q in range(5)] + [("X", [q], -0.5) for q in range(6)]
    >>> operator = SparsePauliOp.from_sparse_list(ising, num_qubits=6)
    >>> state = dmrg_ground_state(operator, random_state=0)
    >>> abs(state.expectation(operator) - state.energy) < 1e-6, state.converged
    (True, True)
    >>> state.pauli_expectations(operator.paulis).shape, state.expectations(PauliBasis.chain(6)).shape
    ((11,), (63,))
    """

    bond_dimension: int
    discarded_weight: float
    converged: bool
    n_sweeps: int
    n_starts: int
    sites: NDArray[np.int64] = field(repr=False)
    tensors: State = field(repr=False)

    def pauli_expectations(self, paulis: PauliList) -> Floats:
        """Return <P> for each of the ``paulis`` (n_strings,), whose signs are not looked at, in one pass."""
        qubits = np.argsort(self.sites)
        return matrix_product.pauli_expectations(self.tensors, pauli_letters(paulis)[:, qubits])


@dataclass(frozen=True, eq=False, kw_only=True)
class DmrgRows:
    """Ground states of many Hamiltonians on one basis.

    Attributes
    ----------
    energies : (n_rows,) float
        In the units of the coefficients.
    expectations : (n_rows, n_terms) float
        <P_p> of every string of the basis.
    residuals : (n_rows,) float
        ``||H psi - E psi||``; a level lies within this distance of the energy.
    discarded_weights : (n_rows,) float
        Largest weight that a truncation of the last sweep discarded.
    bond_dimensions : (n_rows,) int
        Largest bond dimension of the state.
    converged : (n_rows,) bool
        Whether the last sweep changed the energy by less than the tolerance.

    Examples
    --------
    >>> from hamiltonian_ml.referee import dmrg_expectations
    >>> dmrg_expectations(PauliBasis.chain(3), [27 * [1.0]], random_state=0).expectations.shape
    (1, 27)
    """

    energies: Floats
    expectations: Floats
    residuals: Floats
    discarded_weights: Floats
    bond_dimensions: NDArray[np.int64]
    converged: NDArray[np.bool_]


def dmrg_ground_state(
    operator: SparsePauliOp,
    *,
    max_bond: int = 64,
    cutoff: float = 1e-10,
    tol: float = 1e-8,
    max_sweeps: int = 20,
    max_restarts: int = 2,
    find_gap: bool = False,
    initial: DmrgState | None = None,
    random_state: int | np.random.Generator | None = None,
) -> DmrgState:
    """Return the ground state of an operator as a matrix product state.

    Parameters
    ----------
    operator : SparsePauliOp
        A Hermitian sum of strings on one or two qubits, on at least 2 qubits. Any two qubits may be coupled, but bonds
        stay small for chains, rings and narrow ladders only.
    max_bond : int
        Largest bond dimension.
    cutoff : float
        Largest weight that a truncation may discard while the bond is below ``max_bond``.
    tol : float
        A search has converged when a sweep changes the energy by less than ``tol`` times the size of the operator,
        the root of the summed squares of its coefficients.
    max_sweeps : int
        Most sweeps of a search.
    max_restarts : int
        Most searches from random states, which are made while the residual is above 1e-3 times that size.
    find_gap : bool
        Whether to look for the next level too, in the space outside the ground state, which takes a few times longer.
    initial : DmrgState, optional
        Where to start, for instance the ground state of a similar operator, whose order of sites is kept. By default
        the mean-field product state with some noise.
    random_state : int, Generator or None
        Seed of the noise that is added to a start, and of the restarts. An integer makes the result repeatable.

    Returns
    -------
    DmrgState
        ``method`` is "dmrg". ``gap`` is NaN and ``degenerate`` False, for not known, without ``find_gap``.

    Raises
    ------
    ValueError
        If a string acts on more than two qubits, the operator is not Hermitian, not finite, or has coefficients below
        1e-100 throughout or above 1e100, or an option is out of its range.
    ImportError
        If quimb is not installed.

    Notes
    -----
    A search that does not converge returns what it found: look at ``residual`` and ``converged``. A level lies within
    the residual of the energy, and the energy is never below the lowest one; but that the level is the lowest is not
    proved. Residuals below 1e-7 of the size of the operator are round-off, and may come out as 0.

    The gap comes from the two lowest energies in the span of two states, and is an upper bound of the true one up to
    the error of the ground state's energy. A ground state is called degenerate if the residuals of the two states
    leave room for equal levels.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml.referee import dmrg_ground_state
    >>> ising = [("ZZ", [q, q + 1], -1.0) for q in range(5)] + [("X", [q], -0.5) for q in range(6)]
    >>> operator = SparsePauliOp.from_sparse_list(ising, num_qubits=6)
    >>> round(dmrg_ground_state(operator, random_state=0).energy, 4)
    -5.522
    """
    basis, values, identity = read_operator(operator)
    settings = SearchSettings(
        max_bond=max_bond, cutoff=cutoff, tol=tol, max_sweeps=max_sweeps, max_restarts=max_restarts
    )
    placement = Placement.close(basis) if initial is None else Placement(basis, _checked(initial, basis).sites)
    import_quimb()  # before any work
    rng = np.random.default_rng(random_state)
    problem = next(placement.problems(values[None]))
    found = search_ground_state(problem, settings, rng, None if initial is None else initial.tensors)
    gap, degenerate = search_gap(problem, found, settings, rng) if find_gap else (np.nan, False)
    return DmrgState(
        n_qubits=basis.n_qubits,
        energy=found.energy + identity,
        gap=gap,
        residual=found.residual,
        degenerate=degenerate,
        method="dmrg",
        bond_dimension=found.swept.bond_dimension,
        discarded_weight=found.swept.discarded_weight,
        converged=found.swept.converged,
        n_sweeps=found.swept.n_sweeps,
        n_starts=found.n_starts,
        sites=placement.sites,
        tensors=found.swept.tensors,
    )


def dmrg_expectations(
    basis: PauliBasis,
    coefficients: ArrayLike,
    *,
    max_bond: int = 32,
    cutoff: float = 1e-10,
    tol: float = 1e-7,
    max_sweeps: int = 20,
    max_restarts: int = 2,
    random_state: int | np.random.Generator | None = None,
) -> DmrgRows:
    """Return energies and the expectation values of all strings in the ground states of many Hamiltonians.

    Parameters
    ----------
    basis : PauliBasis
        Strings on at least 2 qubits.
    coefficients : (n_rows, n_terms) float
        A Hamiltonian in each row.
    max_bond, cutoff, tol, max_sweeps, max_restarts, random_state
        As in `dmrg_ground_state`. The same noise is used in every row, so that equal rows give equal results.

    Returns
    -------
    DmrgRows

    Raises
    ------
    ValueError
        If the coefficients do not belong to the basis, are below 1e-100 throughout a row or above 1e100, or an option
        is out of its range.
    ImportError
        If quimb is not installed.

    Examples
    --------
    >>> from hamiltonian_ml import PauliBasis
    >>> from hamiltonian_ml.referee import dmrg_expectations
    >>> field = [[0.0, 0.0, -1.0] + 12 * [0.0]]  # minus Z on qubit 0
    >>> float(dmrg_expectations(PauliBasis.chain(2), field, random_state=0).energies[0].round(6))
    -1.0
    """
    if basis.n_qubits < 2:
        raise ValueError("basis must act on at least 2 qubits, because a sweep turns two at a time, got 1.")
    values = basis.check_coefficients(coefficients, ndim=2)
    check_scale(values)
    settings = SearchSettings(
        max_bond=max_bond, cutoff=cutoff, tol=tol, max_sweeps=max_sweeps, max_restarts=max_restarts
    )
    import_quimb()  # before any work
    whole, places = complete(basis)
    filled = np.zeros((len(values), whole.n_terms))
    filled[:, places] = values
    placement = Placement.close(whole)
    letters = basis_letters(basis)[:, np.argsort(placement.sites)]
    seed = int(np.random.default_rng(random_state).integers(2**63))
    expectations, found = np.empty_like(values), []
    for row, problem in enumerate(placement.problems(filled)):
        found.append(search_ground_state(problem, settings, np.random.default_rng(seed)))
        expectations[row] = matrix_product.pauli_expectations(found[-1].swept.tensors, letters)
    return DmrgRows(
        energies=np.array([state.energy for state in found], dtype=np.float64),
        expectations=expectations,
        residuals=np.array([state.residual for state in found], dtype=np.float64),
        discarded_weights=np.array([state.swept.discarded_weight for state in found], dtype=np.float64),
        bond_dimensions=np.array([state.swept.bond_dimension for state in found], dtype=np.int64),
        converged=np.array([state.swept.converged for state in found], dtype=np.bool_),
    )


def _checked(initial: DmrgState, basis: PauliBasis) -> DmrgState:
    if initial.n_qubits != basis.n_qubits:
        raise ValueError(
            f"initial acts on {initial.n_qubits} qubits but the operator on {basis.n_qubits}; use equally many."
        )
    return initial
