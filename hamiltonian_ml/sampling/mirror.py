"""Mirror circuits: forwards and back again, so that every bit that is not 0 at the end is an error.

In: a `KrylovTemplate` and its samples. Out: mirror circuits for the same angles, and error rates of the bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.sampling.template import KrylovTemplate


def mirrored(template: KrylovTemplate) -> KrylovTemplate:
    """Return the template of one mirror circuit, as deep as the template's circuits are on average.

    Half of it evolves the reference state, the other half takes the evolution back, gate by gate: the Trotter error
    cancels, and without noise all bits read 0. A barrier between the halves keeps a compiler from cancelling them.
    """
    power = max(1, round(np.mean(range(1, len(template.circuits) + 1)) / 2)) - 1
    forwards = template.circuits[power].remove_final_measurements(inplace=False)
    circuit = forwards.copy(name=f"mirror_{power + 1}")
    circuit.barrier()
    order = _append_inverse(circuit, forwards)
    circuit.measure_all()
    places, signs = template.places[power], template.signs[power]
    return replace(
        template,
        circuits=(circuit,),
        places=(np.concatenate([places, places[order]]),),
        signs=(np.concatenate([signs, -signs[order]]),),
    )


def _append_inverse(circuit: QuantumCircuit, forwards: QuantumCircuit) -> list[int]:
    """Append the inverse of a circuit of ``u`` and ``cz``; return which parameter each of the new ones is minus of.

    Qiskit's translation to native gates can take exponential time over the sum of a circuit's phases (Qiskit issue
    16520). So the inverse has parameters of its own, not negatives, and no negative constants: whole turns only change
    the global phase.
    """
    number = {parameter: k for k, parameter in enumerate(forwards.parameters)}
    own = ParameterVector("back", len(number))  # sorted by name they come after those of the template, "angle"
    order: list[int] = []

    def negated(angle: Parameter | float) -> Parameter | float:
        if not isinstance(angle, Parameter):
            return float(-angle % (2 * np.pi))
        order.append(number[angle])
        return own[len(order) - 1]

    for step in reversed(forwards.data):
        if step.operation.name == "u":
            theta, phi, lam = step.operation.params
            circuit.u(negated(theta), negated(lam), negated(phi), step.qubits[0])
        else:
            circuit.append(step.operation.inverse(), step.qubits)
    return order


def flip_probabilities(samples: Sequence[Samples]) -> NDArray[np.float64]:
    """Return the rate (n_qubits,) at which each bit of mirror circuits reads 1, gate and readout errors together.

    One event is added to each bit's count, so that no rate is 0 and a flip never impossible; rates are .5 at most.
    """
    pooled = Samples.union(samples)
    bits = Subspace.span(pooled.n_qubits, pooled.words).bits()  # samples are sorted as a subspace is
    rates: NDArray[np.float64] = np.minimum((pooled.counts @ bits + 1) / (pooled.n_shots + 1), 0.5)
    return rates
