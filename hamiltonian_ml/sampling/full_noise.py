"""Noise of a device on few qubits, by Qiskit Aer's own noise model: exact channels in a density matrix.

In: circuits of native gates on the qubits of a device, and its target. Out: what Aer says the device would measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
from qiskit.primitives import BaseSamplerV2, PrimitiveJob, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import PassManager, Target
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay

from hamiltonian_ml.sampling.native import NativeCircuit, measured_bits, packed_result, read_native

# A density matrix of 12 qubits takes 270 MB.
_MAX_QUBITS = 12
_NOISELESS = {"rz", "barrier", "measure", "delay"}  # relaxation while a qubit waits is not an entry of the model


class FullNoiseSampler(BaseSamplerV2):
    """Sample circuits under gate errors, relaxation, idling and readout errors of a device, as Aer models them.

    Parameters
    ----------
    target : qiskit.transpiler.Target
        Of the device; circuits act on its qubits, by their numbers there. Qubits that a circuit leaves idle are not
        simulated.
    seed : int, optional
        The same seed gives the same samples.
    max_threads : int
        Most processor cores used; 0 is all.
    """

    def __init__(self, target: Target, *, seed: int | None = None, max_threads: int = 0) -> None:
        self._target, self._seed, self._max_threads = target, seed, max_threads

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Return a job that samples each PUB.

        Raises
        ------
        ValueError
            If a number of shots is missing, a circuit has a gate whose noise is not known, or uses too many qubits.
        """
        coerced = [SamplerPub.coerce(pub, shots) for pub in pubs]
        if any(pub.shots is None for pub in coerced):
            raise ValueError("shots must be given with each PUB or to run, got neither.")
        programs = [read_native(pub.circuit) for pub in coerced]
        most = max((len(program.qubits) for program in programs), default=0)
        if most > _MAX_QUBITS:
            raise ValueError(
                f"circuit uses {most} qubits, and a density matrix holds {_MAX_QUBITS} at most; "
                "draw errors by TrajectorySampler instead."
            )
        noisy = [noisy_circuit(program, self._target) for program in programs]
        job = PrimitiveJob(self._sample, coerced, programs, noisy)
        job._submit()
        return job

    def _sample(
        self, pubs: Sequence[SamplerPub], programs: Sequence[NativeCircuit], noisy: Sequence[tuple[QuantumCircuit, Any]]
    ) -> PrimitiveResult[SamplerPubResult]:
        from qiskit_aer.primitives import SamplerV2

        results = []
        seeds = np.random.SeedSequence(self._seed).generate_state(len(pubs))
        for pub, program, (circuit, model), seed in zip(pubs, programs, noisy, seeds, strict=True):
            shape = (math.prod(pub.shape), pub.circuit.num_parameters)
            angles = program.angles(pub.parameter_values.as_array(pub.circuit.parameters).reshape(shape))
            options = {"method": "density_matrix", "noise_model": model, "max_parallel_threads": self._max_threads}
            sampler = SamplerV2(seed=int(seed), options={"backend_options": options})
            data = sampler.run([(circuit, angles, pub.shots)]).result()[0].data
            results.append(packed_result(pub, program.places, measured_bits(data.meas, len(program.qubits))))
        return PrimitiveResult(results)


def noisy_circuit(program: NativeCircuit, target: Target) -> tuple[QuantumCircuit, Any]:
    """Return the circuit with every wait spelt out, and Aer's noise model of its qubits.

    Raises
    ------
    ValueError
        If the model says nothing about a gate of the circuit: its noise would silently be left out.
    """
    from qiskit_aer.noise import NoiseModel

    part = DevicePart(target, program.qubits)
    schedule = PassManager([ALAPScheduleAnalysis(target=part.target), PadDelay(target=part.target)])
    circuit = schedule.run(program.circuit)
    model = NoiseModel.from_backend(part)
    silent = set(circuit.count_ops()) - set(model.noise_instructions) - _NOISELESS
    if silent:
        raise ValueError(f"the noise model of the device has no entry for the gates {', '.join(sorted(silent))}.")
    return circuit, model


class DevicePart(BackendV2):
    """Some qubits of a device in the order given, numbered from 0, with their calibration; it runs nothing."""

    def __init__(self, target: Target, qubits: Sequence[int]) -> None:
        super().__init__()
        number = {qubit: place for place, qubit in enumerate(qubits)}
        figures = target.qubit_properties
        self._part = Target(
            num_qubits=len(qubits), dt=target.dt, qubit_properties=[figures[q] for q in qubits] if figures else None
        )
        for gate in (SXGate(), XGate(), RZGate(Parameter("angle")), CZGate(), Measure()):
            if gate.name in target.operation_names:
                known = target[gate.name].items()
                places = {tuple(number[q] for q in qargs): p for qargs, p in known if set(qargs) <= set(qubits)}
                self._part.add_instruction(gate, places)
        self._part.add_instruction(Delay(Parameter("duration")), {(place,): None for place in range(len(qubits))})

    @property
    def target(self) -> Target:
        """The target of these qubits."""
        return self._part

    @property
    def max_circuits(self) -> int | None:
        """No limit."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        """Run nothing: a `FullNoiseSampler` does."""
        raise NotImplementedError("a part of a device holds its calibration; run circuits by FullNoiseSampler.")
