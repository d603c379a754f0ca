"""From Pauli coefficients to Krylov circuits: the time step and the angles of whole batches of rows.

In: a `PauliBasis`, its coefficients and a `KrylovTemplate`. Out: values for the template's parameters. All terms of an
edge, with its share of the one-qubit terms, make one two-qubit gate of 3 CZ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_choice
from hamiltonian_ml.bases.frames import FRAMES, mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import MATRICES, PauliBasis
from hamiltonian_ml.bases.threads import map_blocks
from hamiltonian_ml.sampling.template import KrylovTemplate, krylov_template
from hamiltonian_ml.sampling.weyl import (
    INTERACTION_AFTER,
    INTERACTION_BEFORE,
    Complex,
    decompose,
    euler_angles,
    interaction_parameters,
)

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

# X, Y, Z on qubit 0 of a pair, then on qubit 1, then XX, XY, ..., ZZ with the first letter on qubit 0.
_LETTERS = [(a, 0) for a in (1, 2, 3)] + [(0, b) for b in (1, 2, 3)] + [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)]
_PAIR_STRINGS = np.array([np.kron(MATRICES[b], MATRICES[a]) for a, b in _LETTERS]).reshape(15, 16)
# Rows are worked on in pieces whose intermediate arrays stay in the processor's cache, side by side.
_ROWS_AT_ONCE = 32


def krylov_circuits(
    operator: SparsePauliOp,
    *,
    krylov_dimension: int,
    time_step: float | str = "auto",
    trotter_order: int = 1,
    frame: str = "mean_field",
) -> list[QuantumCircuit]:
    """Return the circuits that sample the Krylov states ``U(dt)^k |0...0>``, ``k = 1 .. krylov_dimension - 1``.

    Parameters
    ----------
    operator : SparsePauliOp
        Hamiltonian of 1- and 2-local strings, in energy units. A multiple of the identity has no effect.
    krylov_dimension : int
        Number of Krylov states, at least 2; the first, ``|0...0>``, needs no circuit.
    time_step : "auto" or float
        Time ``dt`` of one Trotter step in 1/energy (hbar = 1); "auto" takes `krylov_time_step`.
    trotter_order : int
        1 or 2.
    frame : str
        "mean_field" turns the axes of every qubit so that the mean-field state is ``|0...0>``: the circuits start from
        it and measure in its axes, at no gate. "computational" keeps the axes of the operator.

    Returns
    -------
    list of QuantumCircuit
        Gates are ``u`` and ``cz`` with numbers for angles; all qubits are measured into the register ``meas``.
        ``qiskit.qasm3.dumps(circuit)`` writes one as OpenQASM 3,
        `hamiltonian_ml.display.circuit.CircuitDisplay` draws it.

    Raises
    ------
    ValueError
        If the operator is not Hermitian or not 2-local, or an option is not one of those above.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> operator = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1.0), ("X", [2], 0.5)], num_qubits=3)
    >>> [circuit.count_ops()["cz"] for circuit in krylov_circuits(operator, krylov_dimension=3)]
    [3, 3]

    The same circuit for other programs, as OpenQASM 3:

    >>> from qiskit import qasm3
    >>> qasm3.dumps(krylov_circuits(operator, krylov_dimension=2)[0]).splitlines()[0]
    'OPENQASM 3.0;'
    """
    check_choice("frame", frame, FRAMES)
    basis = PauliBasis.from_operator(operator)
    template = krylov_template(basis, krylov_dimension=krylov_dimension, trotter_order=trotter_order)
    coefficients = basis.coefficients(operator)[0][None]
    if frame == "mean_field":
        coefficients = rotate(basis, coefficients, mean_field_frames(basis, coefficients).rotations)
    values = krylov_angles(template, coefficients, time_step=time_step)
    return [c.assign_parameters(v[0]) for c, v in zip(template.circuits, values, strict=True)]


def krylov_time_step(basis: PauliBasis, coefficients: ArrayLike) -> Floats:
    """Return a time step for each row that suits its Krylov states.

    Parameters
    ----------
    basis : PauliBasis
        The strings.
    coefficients : (n_rows, n_terms) float
        Their coefficients, in energy units.

    Returns
    -------
    (n_rows,) float
        ``pi / (8 mean_i s_i)`` in 1/energy (hbar = 1), where ``s_i`` is the length of the field on qubit ``i`` plus the
        Frobenius norms of its couplings; 0 for a row without any term, which does not evolve.

    Raises
    ------
    ValueError
        If the coefficients do not fit the basis or are not finite.

    Notes
    -----
    Flipping a pair of qubits costs an energy of about ``4 s``, and its amplitude swings as ``sin(2 s t)``: it is
    largest at ``t = pi / (4 s)``, the second power. The scale ``s`` is a mean over qubits, so the step does not shrink
    as the register grows, as pi over the spectral range would; and it is the same in all frames.
    """
    values = basis.check_coefficients(coefficients, ndim=2)
    fields, couplings = _fields_and_couplings(basis, values)
    ends = _edge_array(basis)[:, :, None] == np.arange(basis.n_qubits)
    scales = np.linalg.norm(fields, axis=2) + np.linalg.norm(couplings, axis=2) @ ends.sum(axis=1)
    with np.errstate(divide="ignore", over="ignore"):
        steps = np.pi / (8 * scales.mean(axis=1))
    return np.where(np.isfinite(steps), steps, 0.0)


def krylov_angles(
    template: KrylovTemplate, coefficients: ArrayLike, *, time_step: float | str = "auto"
) -> tuple[Floats, ...]:
    """Return the parameter values of a template's circuits for many rows at once.

    Parameters
    ----------
    template : KrylovTemplate
        From `krylov_template`.
    coefficients : (n_rows, n_terms) float
        Coefficients of the strings of ``template.basis``, in energy units.
    time_step : "auto" or float
        Time of one Trotter step in 1/energy (hbar = 1); "auto" takes `krylov_time_step` for each row.

    Returns
    -------
    tuple of (n_rows, n_parameters) float
        Radians, one array for each circuit, in the order of its ``parameters``.

    Raises
    ------
    ValueError
        If the coefficients do not fit the basis, or the time step is neither "auto" nor a positive number.
    """
    values = template.basis.check_coefficients(coefficients, ndim=2)
    check_time_step(time_step)
    steps = krylov_time_step(template.basis, values) if isinstance(time_step, str) else np.full(len(values), time_step)
    actions = values * steps[:, None]
    angles = np.empty((len(values), 3 * (len(template.slots) + len(template.gates))))

    def fill(start: int) -> None:
        rows = slice(start, start + _ROWS_AT_ONCE)
        angles[rows] = _distinct_angles(template, actions[rows])

    map_blocks(fill, range(0, len(values), _ROWS_AT_ONCE))
    return tuple(angles[:, places] * signs for places, signs in zip(template.places, template.signs, strict=True))


def check_time_step(time_step: float | str) -> None:
    """Raise ValueError unless a time step is "auto" or a positive number."""
    if isinstance(time_step, int | float | np.integer | np.floating) and not isinstance(time_step, bool):
        if np.isfinite(time_step) and time_step > 0:
            return
    elif isinstance(time_step, str) and time_step == "auto":
        return
    raise ValueError(f'time_step must be "auto" or a positive number in 1/energy, got {time_step!r}.')


def _distinct_angles(template: KrylovTemplate, actions: Floats) -> Floats:
    """Return (n_rows, n_angles) angles, three a slot and three a gate, for coefficients times the time step."""
    n_rows = len(actions)
    fields, couplings = _fields_and_couplings(template.basis, actions)
    split = decompose(_edge_gates(template, fields, couplings))
    fixed = np.broadcast_to(np.eye(2), (n_rows, 1, 2, 2))
    turns = _turns(template, fields)
    ending = np.concatenate([fixed, turns, (split.after @ INTERACTION_AFTER).reshape(n_rows, -1, 2, 2)], axis=1)
    # A turn never begins where another gate ends, so its place among the beginning factors is only kept free.
    begun = (INTERACTION_BEFORE @ split.before).reshape(n_rows, -1, 2, 2)
    beginning = np.concatenate([fixed, np.empty_like(turns), begun], axis=1)
    one_qubit = euler_angles(beginning[:, template.slots[:, 1]] @ ending[:, template.slots[:, 0]])
    two_qubit = interaction_parameters(split.angles)
    return np.concatenate([one_qubit.reshape(n_rows, -1), two_qubit.reshape(n_rows, -1)], axis=1)


def _edge_gates(template: KrylovTemplate, fields: Floats, couplings: Floats) -> Complex:
    """Return the two-qubit gates (n_rows, n_gates, 4, 4); a qubit's field is shared equally by its edges."""
    edges = _edge_array(template.basis)
    degree = np.bincount(edges.ravel(), minlength=template.basis.n_qubits)
    shared = fields / np.maximum(degree, 1)[:, None]
    strengths = np.concatenate([shared[:, edges[:, 0]], shared[:, edges[:, 1]], couplings], axis=2)
    levels, vectors = np.linalg.eigh((strengths @ _PAIR_STRINGS).reshape(*strengths.shape[:2], 4, 4))
    edge = template.gates[:, 0].astype(np.int64)
    phases = np.exp(-1j * levels[:, edge] * template.gates[:, 1, None])
    basis_states = vectors[:, edge]
    gates: Complex = (basis_states * phases[:, :, None, :]) @ basis_states.conj().swapaxes(2, 3)
    return gates


def _turns(template: KrylovTemplate, fields: Floats) -> Complex:
    """Return exp(-i t h . sigma), (n_rows, n_turns, 2, 2), for the qubits without an edge."""
    vectors = fields[:, template.turns[:, 0]] * template.turns[:, 1, None]
    lengths = np.linalg.norm(vectors, axis=2)[:, :, None, None]
    generators = (vectors @ MATRICES[1:].reshape(3, 4)).reshape(*vectors.shape[:2], 2, 2)
    turns: Complex = np.cos(lengths) * MATRICES[0] - 1j * np.sinc(lengths / np.pi) * generators
    return turns


def _edge_array(basis: PauliBasis) -> NDArray[np.int64]:
    return np.array(basis.edges, dtype=np.int64).reshape(-1, 2)


def _fields_and_couplings(basis: PauliBasis, values: Floats) -> tuple[Floats, Floats]:
    """Return fields (n_rows, n_qubits, 3) and couplings (n_rows, n_edges, 9), zero for strings not in the basis."""
    fields = np.zeros((len(values), basis.n_qubits, 3))
    couplings = np.zeros((len(values), len(basis.edges), 9))
    single = basis.qubits[:, 1] < 0
    fields[:, basis.qubits[single, 0], basis.paulis[single, 0] - 1] = values[:, single]
    place = {edge: k for k, edge in enumerate(basis.edges)}
    edges = [place[i, j] for i, j in basis.qubits[~single].tolist()]
    couplings[:, edges, 3 * basis.paulis[~single, 0] + basis.paulis[~single, 1] - 4] = values[:, ~single]
    return fields, couplings
