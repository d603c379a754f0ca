"""Noise of a device at any size: a V2 sampler that draws Pauli errors from its calibration.

In: circuits of native gates on the qubits of a device, and a sampler without noise. Out: what the device would measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BaseSamplerV2, PrimitiveJob, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.sampling.devices import Calibration, idle_probabilities
from hamiltonian_ml.sampling.native import Bits, NativeCircuit, Step, measured_bits, packed_result, read_native

Channel = Floats  # probabilities of I, X, Y, Z on a qubit, or of their 16 products on two, the first qubit slowest


class Noise(NamedTuple):
    """Pauli errors right after a step: of the gate, and of each of its qubits while it waits for the next one."""

    gate: Channel | None
    waits: tuple[Channel, ...]


class TrajectorySampler(BaseSamplerV2):
    """Sample circuits under the gate errors, relaxation and readout errors of a device.

    Parameters
    ----------
    calibration : Calibration
        Of the device; circuits act on its qubits, by their numbers there.
    ideal : BaseSamplerV2
        A sampler without noise, which gets the qubits in use only.
    realisations : int
        Draws of the errors for each circuit and each set of parameter values. Shots are shared out among them.
    seed : int, optional
        The same seed, of this sampler and of ``ideal``, gives the same samples.

    Notes
    -----
    A gate of average infidelity ``e`` on ``d`` levels has the process fidelity ``1 - e (d + 1) / d``. Twirled
    relaxation of its qubits while it lasts takes a share of the error, depolarisation the rest. Gates run as late as
    they can, and a qubit that has begun relaxes while it waits. Left out are crosstalk, leakage, coherent errors, and
    that relaxation leads to 0 rather than to either bit.

    No circuit is changed for a realisation: a Pauli error passes through ``sx`` and ``cz`` as a Pauli string, turns the
    sign of each ``rz`` that anticommutes with it, and flips bits at the end. So realisations are parameter values.
    """

    def __init__(
        self, calibration: Calibration, ideal: BaseSamplerV2, *, realisations: int = 20, seed: int | None = None
    ) -> None:
        check_integer("realisations", realisations, at_least=1)
        self._calibration, self._ideal = calibration, ideal
        self._realisations, self._seed = realisations, seed

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Return a job that samples each PUB.

        Raises
        ------
        ValueError
            If a number of shots is missing, or a circuit has a gate, coupler or readout whose noise is not known.
        """
        coerced = [SamplerPub.coerce(pub, shots) for pub in pubs]
        if any(pub.shots is None for pub in coerced):
            raise ValueError("shots must be given with each PUB or to run, got neither.")
        programs = [read_native(pub.circuit) for pub in coerced]
        noises = [noise_of(program, self._calibration) for program in programs]
        job = PrimitiveJob(self._sample, coerced, programs, noises)
        job._submit()
        return job

    def _sample(
        self, pubs: Sequence[SamplerPub], programs: Sequence[NativeCircuit], noises: Sequence[list[Noise]]
    ) -> PrimitiveResult[SamplerPubResult]:
        rngs = [np.random.default_rng(seed) for seed in np.random.SeedSequence(self._seed).spawn(len(pubs))]
        jobs, flips = [], []
        for pub, program, noise, rng in zip(pubs, programs, noises, rngs, strict=True):
            shape = (math.prod(pub.shape), pub.circuit.num_parameters)
            rows = pub.parameter_values.as_array(pub.circuit.parameters).reshape(shape)
            draws = min(self._realisations, pub.shots)
            signs, flipped = draw_errors(program, noise, n_trials=len(rows) * draws, rng=rng)
            angles = np.repeat(program.angles(rows), draws, axis=0) * signs
            jobs.append((program.circuit, angles, -(-pub.shots // draws)))
            flips.append(flipped)
        results = self._ideal.run(jobs).result()
        measured = []
        for pub, program, result, flipped, rng in zip(pubs, programs, results, flips, rngs, strict=True):
            bits = measured_bits(result.data.meas, len(program.qubits)) ^ flipped[:, None, :]
            exact = _exact_shots(bits, pub.shots, min(self._realisations, pub.shots))
            of_zero, of_one = np.nan_to_num(self._calibration.readout_flips[list(program.qubits)]).T
            misread = rng.random(exact.shape) < np.where(exact, of_one, of_zero)
            measured.append(packed_result(pub, program.places, exact ^ misread))
        return PrimitiveResult(measured)


def noise_of(program: NativeCircuit, calibration: Calibration) -> list[Noise]:
    """Return the errors after each step of a circuit.

    Raises
    ------
    ValueError
        If a gate is on a coupler that does not work, or a qubit that is measured cannot be read.
    """
    unread = [program.qubits[k] for k in program.places.values()]
    unread = [q for q in unread if not np.isfinite(calibration.readout_error[q])]
    if unread:
        raise ValueError(f"circuit measures the qubits {unread}, whose readout error is not known; lay it out anew.")
    t1, t2 = (times[list(program.qubits)] for times in (calibration.t1, calibration.t2))
    figures = [_figures(step, program.qubits, calibration) for step in program.steps]
    noises = []
    for step, (error, seconds), waits in zip(program.steps, figures, _waits(program, figures), strict=True):
        qubits = list(step.qubits)
        waiting = tuple(_channel(idle_probabilities(t1[q], t2[q], w)) for q, w in zip(qubits, waits, strict=True))
        relaxing = [_channel(idle_probabilities(t1[q], t2[q], seconds)) for q in qubits]
        noises.append(Noise(None if error == 0 else _gate_channel(relaxing, error), waiting))
    return noises


def draw_errors(
    program: NativeCircuit, noises: Sequence[Noise], *, n_trials: int, rng: np.random.Generator
) -> tuple[Floats, Bits]:
    """Draw errors and carry them to the end of the circuit.

    Returns
    -------
    signs : (n_trials, n_rotations) float
        +1 or -1 for the angle of each ``rz``.
    flips : (n_trials, n_qubits) bool
        The bits that are turned over when they are measured.
    """
    x, z = np.zeros((2, len(program.qubits), n_trials), dtype=np.bool_)
    signs = []
    for step, noise in zip(program.steps, noises, strict=True):
        first, last = step.qubits[0], step.qubits[-1]
        if step.name == "rz":
            signs.append(1.0 - 2.0 * x[first])
        elif step.name == "sx":
            x[first] ^= z[first]  # Z turns into Y and Y into Z, up to a sign; X stays
        elif step.name == "cz":
            z[first] ^= x[last]
            z[last] ^= x[first]
        if noise.gate is not None:
            drawn = _draw(noise.gate, n_trials, rng)
            for qubit in reversed(step.qubits):
                _strike(x[qubit], z[qubit], drawn % 4)
                drawn = drawn // 4
        for qubit, channel in zip(step.qubits, noise.waits, strict=True):
            if channel[0] < 1:
                _strike(x[qubit], z[qubit], _draw(channel, n_trials, rng))
    return np.array(signs).reshape(len(signs), n_trials).T, x.T


def _figures(step: Step, physical: Sequence[int], calibration: Calibration) -> tuple[float, float]:
    """Return average infidelity and duration in seconds of a step; a turn about z is a change of frame."""
    qubits = tuple(physical[q] for q in step.qubits)
    if step.name == "rz":
        return 0.0, 0.0
    if len(qubits) == 1:
        return float(calibration.gate_error[qubits[0]]), float(calibration.gate_seconds[qubits[0]])
    edge = (min(qubits), max(qubits))
    if edge not in calibration.couplers or calibration.two_qubit_gate != step.name:
        raise ValueError(
            f"circuit has a {step.name} on the qubits {edge}, where the calibration has none that works; "
            "lay it out with Backend.compile."
        )
    return calibration.couplers[edge]


def _waits(program: NativeCircuit, figures: Sequence[tuple[float, float]]) -> list[tuple[float, ...]]:
    """Return how long each qubit of each step then waits, in seconds, if all gates run as late as they can."""
    begins = np.zeros(len(program.qubits))  # time from the next gate of a qubit to the end
    waits = []
    for step, (_, seconds) in zip(reversed(program.steps), reversed(figures), strict=True):
        end = max(begins[q] for q in step.qubits)
        waits.append(tuple(float(end - begins[q]) for q in step.qubits))
        for q in step.qubits:
            begins[q] = end + seconds
    return waits[::-1]


def _channel(errors: Floats) -> Channel:
    return np.concatenate([[1 - errors.sum()], errors])


def _gate_channel(relaxing: Sequence[Channel], error: float) -> Channel:
    """Return relaxation followed by so much depolarisation that the average infidelity is ``error``, or by none."""
    channel = relaxing[0] if len(relaxing) == 1 else np.kron(relaxing[0], relaxing[1])
    levels = 2 ** len(relaxing)
    fidelity = max(1 - error * (levels + 1) / levels, 1 / len(channel))
    share = max(0.0, (channel[0] - fidelity) / (channel[0] - 1 / len(channel)))
    mixed: Channel = (1 - share) * channel + share / len(channel)
    return mixed


def _draw(channel: Channel, n_trials: int, rng: np.random.Generator) -> NDArray[np.int64]:
    drawn: NDArray[np.int64] = np.searchsorted(np.cumsum(channel)[:-1], rng.random(n_trials), side="right")
    return drawn


def _strike(x: Bits, z: Bits, paulis: NDArray[np.int64]) -> None:
    x ^= (paulis == 1) | (paulis == 2)
    z ^= paulis >= 2


def _exact_shots(bits: Bits, shots: int, n_realisations: int) -> Bits:
    """Return (n_rows, shots, n_qubits): where shots do not share out evenly, the last realisations give one less."""
    most = bits.shape[1]
    shares = most - (np.arange(n_realisations) >= shots - n_realisations * (most - 1))
    kept = np.arange(most) < shares[:, None]
    return bits.reshape(-1, n_realisations, most, bits.shape[2])[:, kept]
