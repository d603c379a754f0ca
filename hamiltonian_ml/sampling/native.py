"""Circuits of a device's own gates, read into steps: only the qubits in use, every rotation an angle of its own.

In: a transpiled circuit on all qubits of a device. Out: a `NativeCircuit`, small enough for a simulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector
from qiskit.primitives import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

Bits = NDArray[np.bool_]
GATES = ("rz", "sx", "x", "cz")


class Step(NamedTuple):
    """One gate: its name, and its qubits by their places in `NativeCircuit.qubits`."""

    name: str
    qubits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class NativeCircuit:
    """A circuit without the qubits that it leaves idle.

    Attributes
    ----------
    circuit : QuantumCircuit
        The same gates on the qubits in use, all measured into ``meas``; each ``rz`` has a parameter of its own.
    steps : tuple of Step
        Its gates in time order.
    qubits : tuple of int
        Physical qubits, in the order of the bits that they are measured into: neighbours on a line stay neighbours.
    places : dict from int to int
        For each classical bit that is measured, the place of its qubit in ``qubits``.
    offsets, slopes : (n_rotations,) and (n_rotations, n_parameters) float
        Angles of the ``rz`` in radians are ``offsets + slopes @ values`` for parameter values of the circuit read.
    """

    circuit: QuantumCircuit
    steps: tuple[Step, ...]
    qubits: tuple[int, ...]
    places: dict[int, int]
    offsets: NDArray[np.float64]
    slopes: NDArray[np.float64]

    def angles(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return angles (n_rows, n_rotations) in radians for parameter values (n_rows, n_parameters)."""
        angles: NDArray[np.float64] = self.offsets + values @ self.slopes.T
        return angles


def read_native(circuit: QuantumCircuit) -> NativeCircuit:
    """Return the steps of a circuit of the gates rz, sx, x and cz that is measured at its end.

    Raises
    ------
    ValueError
        If the circuit has another gate, goes on after a measurement, or measures nothing.

    Examples
    --------
    >>> circuit = QuantumCircuit(5, 1)
    >>> circuit.sx(3)
    <...>
    >>> circuit.measure(3, 0)
    <...>
    >>> read_native(circuit).qubits
    (3,)
    """
    gates: list[tuple[str, tuple[int, ...], Any]] = []
    measured: dict[int, int] = {}  # physical qubit of each classical bit
    for instruction in circuit.data:
        name, qubits = instruction.operation.name, tuple(circuit.find_bit(q).index for q in instruction.qubits)
        if name == "barrier":
            continue
        if set(qubits) & set(measured.values()):
            raise ValueError(f"circuit goes on after the measurement of qubit {qubits[0]}; measure at its end only.")
        if name == "measure":
            measured[circuit.find_bit(instruction.clbits[0]).index] = qubits[0]
        elif name in GATES:
            gates.append((name, qubits, instruction.operation.params))
        else:
            raise ValueError(
                f"circuit has the gate {name!r}, whose noise is not known, only that of {', '.join(GATES)}; "
                "make it ready with Backend.compile."
            )
    if not measured:
        raise ValueError("circuit measures no qubit; end it with measure_all.")
    order = [measured[bit] for bit in sorted(measured)]
    order += sorted({q for _, qubits, _ in gates for q in qubits} - set(order))
    if not any(name == "rz" for name, _, _ in gates):
        gates.append(("rz", (order[0],), [0.0]))  # Aer runs one set of parameter values only where there are none
    number = {qubit: place for place, qubit in enumerate(order)}
    steps = tuple(Step(name, tuple(number[q] for q in qubits)) for name, qubits, _ in gates)
    offsets, slopes = _affine([params[0] for name, _, params in gates if name == "rz"], list(circuit.parameters))
    places = {bit: number[qubit] for bit, qubit in measured.items()}
    return NativeCircuit(_reduced(steps, len(order)), steps, tuple(order), places, offsets, slopes)


def measured_bits(register: BitArray, n_qubits: int) -> Bits:
    """Return (n_trials, shots, n_qubits) bits, qubit 0 first, from bytes with qubit 0 in the last bit."""
    unpacked = np.unpackbits(register.array, axis=-1)[..., ::-1][..., :n_qubits]
    return unpacked.reshape(-1, register.num_shots, n_qubits).astype(np.bool_)


def packed_result(pub: SamplerPub, places: Mapping[int, int], bits: Bits) -> SamplerPubResult:
    """Return bits (n_rows, shots, n_qubits) in the registers of the circuit: each where ``places`` has it, else 0."""
    data = {}
    for register in pub.circuit.cregs:
        values = np.zeros((*bits.shape[:2], register.size), dtype=np.bool_)
        for k, bit in enumerate(register):
            place = places.get(pub.circuit.find_bit(bit).index)
            if place is not None:
                values[..., k] = bits[..., place]
        data[register.name] = BitArray.from_bool_array(values.reshape(*pub.shape, *values.shape[1:]), "little")
    return SamplerPubResult(DataBin(**data, shape=pub.shape), metadata={"shots": pub.shots})


def _reduced(steps: Sequence[Step], n_qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(n_qubits)
    angles = iter(ParameterVector("angle", sum(step.name == "rz" for step in steps)))
    for step in steps:
        if step.name == "rz":
            circuit.rz(next(angles), step.qubits[0])
        else:
            getattr(circuit, step.name)(*step.qubits)
    circuit.measure_all()
    return circuit


def _affine(
    angles: Sequence[ParameterExpression | float], parameters: Sequence[Parameter]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return offsets and slopes of angles that are sums of multiples of parameters, as transpilers make them."""
    column = {parameter: k for k, parameter in enumerate(parameters)}
    offsets, slopes = np.zeros(len(angles)), np.zeros((len(angles), len(parameters)))
    for row, angle in enumerate(angles):
        if not isinstance(angle, ParameterExpression):
            offsets[row] = float(angle)
            continue
        mine = list(angle.parameters)
        offsets[row] = float(angle.bind(dict.fromkeys(mine, 0.0)))
        for one in mine:
            raised = float(angle.bind({p: float(p == one) for p in mine}))
            slopes[row, column[one]] = raised - offsets[row]
        doubled = float(angle.bind(dict.fromkeys(mine, 2.0)))
        if abs(doubled - offsets[row] - 2 * slopes[row].sum()) > 1e-9:  # round-off of a few angles
            raise ValueError(f"circuit has the angle {angle}, which is not a sum of multiples of its parameters.")
    return offsets, slopes
