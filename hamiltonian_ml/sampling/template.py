"""The parametrised circuits of all Krylov powers of one basis, and where each of their angles comes from.

In: a `PauliBasis`, a Krylov dimension, a Trotter order. Out: a `KrylovTemplate`, which knows nothing of coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from hamiltonian_ml.bases.checks import check_choice, check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.layers import Edge, colour_edges, trotter_schedule
from hamiltonian_ml.sampling.weyl import append_interaction

NO_FACTOR = 0


@dataclass(frozen=True, eq=False)
class KrylovTemplate:
    """Circuits of the Krylov powers ``1, 2, ...`` with one set of angles behind them.

    The circuits of one basis repeat the same few gates: an edge gate of a given duration is the same in every step of
    every power, and so is the one-qubit gate between two given edge gates. Each of them is computed once for a row.
    Use `krylov_template` to make one; it serves any coefficients.

    Attributes
    ----------
    basis : PauliBasis
        The strings of the Hamiltonians.
    circuits : tuple of QuantumCircuit
        One for each power, with measurements of all qubits into the register ``meas``; gates are ``u`` and ``cz``.
    layers : tuple of tuples of (int, int)
        The edges that act side by side.
    turns : (n_turns, 2) int
        The evolutions of qubits without an edge: qubit, and duration in time steps.
    gates : (n_gates, 2) float
        The different two-qubit gates: place of the edge in ``basis.edges``, and duration in time steps.
    slots : (n_slots, 2) int
        The different one-qubit gates: the factor that ends there and the one that begins there. Factor 0 is none,
        then come the turns, then two for each gate, first qubit first.
    places : tuple of (n_parameters,) int
        For each circuit, the places of its parameters among all angles: three a slot, then three a gate.
    signs : tuple of (n_parameters,) float
        For each circuit, 1 for each of its parameters, or -1 where it takes the angle's negative.
    """

    basis: PauliBasis
    circuits: tuple[QuantumCircuit, ...]
    layers: tuple[tuple[Edge, ...], ...]
    turns: NDArray[np.int64]
    gates: NDArray[np.float64]
    slots: NDArray[np.int64]
    places: tuple[NDArray[np.int64], ...]
    signs: tuple[NDArray[np.float64], ...]


class _Operation(NamedTuple):
    """A slot (one qubit) or a gate (two qubits); ``number`` is its row in the table of slots or of gates."""

    qubits: tuple[int, ...]
    number: int


def krylov_template(basis: PauliBasis, *, krylov_dimension: int, trotter_order: int = 1) -> KrylovTemplate:
    """Return the parametrised circuits of the powers ``1 .. krylov_dimension - 1``.

    Parameters
    ----------
    basis : PauliBasis
        The strings of the Hamiltonians; any subset of a graph's strings will do.
    krylov_dimension : int
        Number of Krylov states, at least 2; the power 0 is ``|0...0>`` and needs no circuit.
    trotter_order : int
        1 or 2.

    Raises
    ------
    ValueError
        If ``krylov_dimension`` or ``trotter_order`` is not one of those.
    """
    _check_options(krylov_dimension, trotter_order)
    layers = colour_edges(basis.n_qubits, basis.edges)
    powers = range(1, krylov_dimension)
    joined = {qubit for edge in basis.edges for qubit in edge}
    turns = [(q, power) for power in powers for q in range(basis.n_qubits) if q not in joined]
    gates: dict[tuple[int, float], int] = {}
    slots: dict[tuple[int, int], int] = {}
    drafts = []
    for power in powers:
        last = [NO_FACTOR] * basis.n_qubits
        for number, (qubit, duration) in enumerate(turns):
            if duration == power:
                last[qubit] = 1 + number
        place = {edge: k for k, edge in enumerate(basis.edges)}
        sequence = [
            (edge, gates.setdefault((place[edge], duration), len(gates)))
            for layer, duration in trotter_schedule(len(layers), power, trotter_order)
            for edge in layers[layer]
        ]
        drafts.append(_operations(sequence, last, slots, first_factor=1 + len(turns)))
    places = tuple(_places(draft, len(slots)) for draft in drafts)
    return KrylovTemplate(
        basis=basis,
        circuits=tuple(_circuit(draft, basis.n_qubits, f"krylov_{k}") for k, draft in zip(powers, drafts, strict=True)),
        layers=layers,
        turns=np.array(turns, dtype=np.int64).reshape(-1, 2),
        gates=np.array(list(gates), dtype=np.float64).reshape(-1, 2),
        slots=np.array(list(slots), dtype=np.int64).reshape(-1, 2),
        places=places,
        signs=tuple(np.ones(len(each)) for each in places),
    )


def _check_options(krylov_dimension: int, trotter_order: int) -> None:
    why = "the first Krylov state is the reference state, which needs no circuit"
    check_integer("krylov_dimension", krylov_dimension, at_least=2, why=why)
    check_choice("trotter_order", trotter_order, (1, 2))


def _operations(
    sequence: list[tuple[Edge, int]], last: list[int], slots: dict[tuple[int, int], int], *, first_factor: int
) -> list[_Operation]:
    """Return slots and gates in time order. ``last`` is the factor that waits on each qubit; new slots are added."""
    operations = []
    for edge, gate in sequence:
        for side, qubit in enumerate(edge):
            factor = first_factor + 2 * gate + side
            operations.append(_Operation((qubit,), slots.setdefault((last[qubit], factor), len(slots))))
            last[qubit] = factor
        operations.append(_Operation(edge, gate))
    for qubit, factor in enumerate(last):
        operations.append(_Operation((qubit,), slots.setdefault((factor, NO_FACTOR), len(slots))))
    return operations


def _places(operations: list[_Operation], n_slots: int) -> NDArray[np.int64]:
    starts = np.array([op.number + n_slots * (len(op.qubits) == 2) for op in operations], dtype=np.int64)
    return (3 * starts[:, None] + np.arange(3)).ravel()


def _circuit(operations: list[_Operation], n_qubits: int, name: str) -> QuantumCircuit:
    circuit = QuantumCircuit(n_qubits, name=name)
    angles = iter(ParameterVector("angle", 3 * len(operations)))
    for qubits, _ in operations:
        three = [next(angles), next(angles), next(angles)]
        if len(qubits) == 1:
            circuit.u(*three, qubits[0])
        else:
            append_interaction(circuit, three, qubits[0], qubits[1])
    circuit.measure_all()
    return circuit
