"""Exact ground states of up to 22 qubits, by dense diagonalisation and, from 12 qubits, by the Lanczos method.

In: an operator, a sum of Pauli strings that act on any number of qubits. Out: `ExactState`. Nothing of
`hamiltonian_ml.subspace` is used, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, hadamard
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hamiltonian_ml.bases.checks import check_operator
from hamiltonian_ml.bases.cores import n_threads
from hamiltonian_ml.bases.memory import free_memory
from hamiltonian_ml.referee import kernels
from hamiltonian_ml.referee.result import DEGENERACY_TOLERANCE, RefereeState, check_size, real_coefficients

if TYPE_CHECKING:
    from qiskit.quantum_info import PauliList, SparsePauliOp

Amplitudes = NDArray[np.inexact[Any]]  # float64 or complex128

MAX_QUBITS = 22
LANCZOS_QUBITS = 12  # from here on
LANCZOS_TOLERANCE = 1e-11  # of the energy, for the residual
LANCZOS_VECTORS = 12  # held at a time; 20 take as many products with H and twice the memory
MAX_RESTARTS = 2000
BLOCK_QUBITS = 7  # 128 states: two vectors of them and the rows of signs in use stay in fast memory
LOW_SIGNS = hadamard(2**BLOCK_QUBITS, dtype=np.float64)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExactState(RefereeState):
    """A `RefereeState` with all its amplitudes.

    Attributes
    ----------
    amplitudes : (2**n_qubits,) float or complex
        In Qiskit's order: bit ``q`` of the index is qubit ``q``. Real if every string has an even number of Y.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml import PauliBasis
    >>> from hamiltonian_ml.referee import exact_ground_state
    >>> ising = [("ZZ", [q, q + 1], -1.0) for q in range(5)] + [("X", [q], -0.5) for q in range(6)]
    >>> operator = SparsePauliOp.from_sparse_list(ising, num_qubits=6)
    >>> state = exact_ground_state(operator)
    >>> abs(state.expectation(operator) - state.energy) < 1e-12
    True
    >>> bool(abs(state.pauli_expectations(operator.paulis) @ operator.coeffs.real - state.energy) < 1e-12)
    True
    >>> state.expectations(PauliBasis.chain(6)).shape
    (63,)
    """

    amplitudes: Amplitudes = field(repr=False)

    def pauli_expectations(self, paulis: PauliList) -> NDArray[np.float64]:
        """Return <P> for each of the ``paulis`` (n_strings,), whose signs are not looked at."""
        flips, signs, phases = _masks(paulis)
        sums = [kernels.expectation(flip, sign, self.amplitudes) for flip, sign in zip(flips, signs, strict=True)]
        return np.real(phases * np.array(sums))


@dataclass(frozen=True, eq=False)
class _Strings:
    """Strings of an operator grouped by flips, as `hamiltonian_ml.referee.kernels` reads them; no identity."""

    flips: NDArray[np.int64]
    starts: NDArray[np.int64]
    signs: NDArray[np.int64]
    weights: Amplitudes


def exact_ground_state(operator: SparsePauliOp) -> ExactState:
    """Return the ground state of an operator in the full space of its qubits.

    Parameters
    ----------
    operator : SparsePauliOp
        A Hermitian sum of Pauli strings of any length, on at most 22 qubits.

    Returns
    -------
    ExactState
        ``method`` is "dense" below 12 qubits and "lanczos" from there on.

    Raises
    ------
    ValueError
        If the operator has too many qubits, is not Hermitian, not finite, or has coefficients below 1e-100 throughout
        or above 1e100.
    MemoryError
        If the vectors would not fit into the memory that is free now; nothing has been computed then.
    RuntimeError
        If the Lanczos method does not converge, which a spectrum without any gap may cause.

    Notes
    -----
    The ground state is called degenerate if the next level is closer than 1e-9 of the summed size of the
    coefficients, without that of the identity. The next level is found by a second Lanczos run in the space orthogonal
    to the ground state: a single run may step over a level of equal energy. Where such a level is close but not that
    close, the state is good to ``residual / gap``.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml.referee import exact_ground_state
    >>> ising = [("ZZ", [q, q + 1], -1.0) for q in range(5)] + [("X", [q], -0.5) for q in range(6)]
    >>> operator = SparsePauliOp.from_sparse_list(ising, num_qubits=6)
    >>> state = exact_ground_state(operator)
    >>> round(state.energy, 4), state.method
    (-5.522, 'dense')
    """
    check_operator("operator", operator)
    n_qubits = operator.num_qubits
    if n_qubits > MAX_QUBITS:
        raise ValueError(
            f"operator acts on {n_qubits} qubits but exact diagonalisation ends at {MAX_QUBITS}; the tensor-network "
            "referee, dmrg_ground_state, is made for larger systems."
        )
    simple = operator.simplify(atol=0.0, rtol=0.0)
    coefficients = real_coefficients(simple)
    strings, identity = _group_strings(simple.paulis, coefficients)
    check_size(strings.weights)
    lanczos = n_qubits >= LANCZOS_QUBITS
    _check_memory(n_qubits, strings.weights.dtype.itemsize, lanczos)
    levels, state, residual = (_solve_lanczos if lanczos else _solve_dense)(strings, n_qubits)
    gap = float(levels[1] - levels[0])
    degenerate = gap <= DEGENERACY_TOLERANCE * float(np.abs(strings.weights).sum())
    return ExactState(
        n_qubits=n_qubits,
        energy=float(levels[0]) + identity,
        gap=0.0 if degenerate else gap,
        residual=residual,
        degenerate=degenerate,
        method="lanczos" if lanczos else "dense",
        amplitudes=state,
    )


def _masks(paulis: PauliList) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.complex128]]:
    """Return flip and sign masks and phases: (P psi)[a] = phase * (-1)**|sign & a| * psi[a ^ flip]."""
    powers = np.int64(1) << np.arange(paulis.num_qubits, dtype=np.int64)
    phases = (-1j) ** np.count_nonzero(paulis.x & paulis.z, axis=1)
    return paulis.x @ powers, paulis.z @ powers, phases


def _group_strings(paulis: PauliList, coefficients: NDArray[np.float64]) -> tuple[_Strings, float]:
    flips, signs, phases = _masks(paulis)
    is_identity = (flips == 0) & (signs == 0)
    order = np.flatnonzero(~is_identity)
    order = order[np.argsort(flips[order], kind="stable")]
    weights = coefficients[order] * phases[order]
    distinct, starts = np.unique(flips[order], return_index=True)
    strings = _Strings(
        flips=distinct,
        starts=np.append(starts, len(order)).astype(np.int64),
        signs=signs[order],
        weights=weights if weights.imag.any() else np.ascontiguousarray(weights.real),
    )
    return strings, float(coefficients[is_identity].sum())


def _solve_dense(strings: _Strings, n_qubits: int) -> tuple[NDArray[np.float64], Amplitudes, float]:
    index = np.arange(2**n_qubits)
    matrix = np.zeros((len(index), len(index)), dtype=strings.weights.dtype)
    for g, flip in enumerate(strings.flips):
        for t in range(strings.starts[g], strings.starts[g + 1]):
            parities = np.bitwise_count(index & strings.signs[t]) % 2
            matrix[index, index ^ flip] += strings.weights[t] * (1.0 - 2.0 * parities)
    levels, states = eigh(matrix, subset_by_index=[0, 1])
    state = np.ascontiguousarray(states[:, 0])
    return levels.astype(np.float64), state, float(np.linalg.norm(matrix @ state - levels[0] * state))


def _solve_lanczos(strings: _Strings, n_qubits: int) -> tuple[NDArray[np.float64], Amplitudes, float]:
    if not len(strings.flips):  # a multiple of the identity, which ARPACK does not take
        return np.zeros(2), np.eye(1, 2**n_qubits)[0], 0.0
    rng = np.random.default_rng(0)  # any start vector would do: the result depends on it by round-off only
    bound = 2 * float(np.abs(strings.weights).sum())  # no two levels are further apart
    with ThreadPoolExecutor(n_threads()) as pool, threadpool_limits(1, user_api="blas"):
        # BLAS threads would wait for each other on the cores that the pool needs

        def multiply(vector: Amplitudes) -> Amplitudes:
            return _multiply(strings, vector, pool)

        state = _lowest_state(multiply, n_qubits, strings.weights.dtype, rng)
        product = multiply(state)
        energy = float(np.vdot(state, product).real)
        residual = float(np.linalg.norm(product - energy * state))

        def multiply_outside(vector: Amplitudes) -> Amplitudes:
            product = multiply(vector)
            overlap: Any = np.vdot(state, vector)
            product += (bound * overlap) * state
            return product

        excited = _lowest_state(multiply_outside, n_qubits, strings.weights.dtype, rng)
        second = float(np.vdot(excited, multiply_outside(excited)).real)
    return np.array([energy, second]), state, residual


def _lowest_state(
    multiply: Callable[[Amplitudes], Amplitudes], n_qubits: int, dtype: np.dtype[Any], rng: np.random.Generator
) -> Amplitudes:
    dimension = 2**n_qubits
    start = rng.normal(size=dimension).astype(dtype)
    if np.iscomplexobj(start):
        start += 1j * rng.normal(size=dimension)
    matrix = LinearOperator((dimension, dimension), matvec=multiply, dtype=dtype)
    try:
        _, states = eigsh(
            matrix, k=1, which="SA", v0=start, ncv=LANCZOS_VECTORS, tol=LANCZOS_TOLERANCE, maxiter=MAX_RESTARTS
        )
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"operator: the Lanczos method did not converge in {MAX_RESTARTS} restarts on {n_qubits} qubits; "
            "a small field may open the gap."
        ) from error
    return np.ascontiguousarray(states[:, 0] / np.linalg.norm(states[:, 0]))


def _multiply(strings: _Strings, vector: Amplitudes, pool: ThreadPoolExecutor) -> Amplitudes:
    """Return the sum of the strings applied to a vector; each thread fills blocks of its own."""
    state = np.ascontiguousarray(vector).reshape(-1)
    out = np.empty_like(state)

    def fill(first: int, last: int) -> None:
        masks = (strings.flips, strings.starts, strings.signs, strings.weights)
        kernels.apply_strings(*masks, LOW_SIGNS, state, out, first, last)

    n_blocks = len(state) >> BLOCK_QUBITS
    n_parts = max(1, min(4 * n_threads(), n_blocks // 64))  # 64 blocks take as long as handing them to a thread
    cuts = np.linspace(0, n_blocks, n_parts + 1).astype(int).tolist()
    list((map if n_parts == 1 else pool.map)(fill, cuts[:-1], cuts[1:]))
    return out


def _check_memory(n_qubits: int, itemsize: int, lanczos: bool) -> None:
    """Raise MemoryError if the solver's arrays, which are about all it needs, exceed the memory that is free."""
    # Lanczos: its vectors, three of ARPACK's, start, product, ground state, results. Dense: matrix, LAPACK's copies.
    needed = itemsize * (2**n_qubits * (LANCZOS_VECTORS + 10) if lanczos else 3 * 4**n_qubits)
    free = free_memory()
    if needed > free:
        raise MemoryError(
            f"operator acts on {n_qubits} qubits, which takes {needed / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB are "
            "free; use fewer qubits, a larger machine, or the tensor-network referee, dmrg_ground_state."
        )
