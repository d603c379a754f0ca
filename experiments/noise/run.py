"""Samples under calibrated noise by Pauli trajectories, beside those under Qiskit Aer's full noise model.

`python -m experiments.noise.run` takes some minutes. Circuits are the third Krylov power of random Hamiltonians on a
line of the device. Both distributions are known from shots only, so the distance of two draws from Aer's model stands
beside: where nothing differs but the shots, the columns agree. "0 and 1 alike": with the most realisations, and the
mean of the two readout errors of a qubit for both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit, transpile

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.devices import fake_target, read_calibration
from hamiltonian_ml.sampling.full_noise import FullNoiseSampler
from hamiltonian_ml.sampling.layout import best_line
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.trajectories import TrajectorySampler

DEVICES = ("fake_kingston", "fake_torino")
SIZES = (6, 8, 10)
SHOTS = 20_000
REALISATIONS = (20, 400)


def native_krylov(name: str, n_qubits: int) -> tuple[QuantumCircuit, np.ndarray]:
    """Return the third Krylov power on the device's best line, and the parameter values of one row."""
    basis = PauliBasis.chain(n_qubits)
    template = krylov_template(basis, krylov_dimension=4)
    values = krylov_angles(template, np.random.default_rng(0).normal(size=(1, basis.n_terms)))[-1]
    target = fake_target(name)
    line = list(best_line(read_calibration(target), n_qubits).qubits)
    circuit = transpile(template.circuits[-1], target=target, initial_layout=line, optimization_level=1)
    return circuit, values


def frequencies(sampler: object, circuit: QuantumCircuit, values: np.ndarray) -> np.ndarray:
    data = sampler.run([(circuit, values, SHOTS)]).result()[0].data.meas  # type: ignore[attr-defined]
    return np.bincount([int(s, 2) for s in data.get_bitstrings()], minlength=2**data.num_bits) / SHOTS


def distances(name: str, n_qubits: int) -> list[float]:
    """Return the distances from a draw of Aer's model: another draw, trajectories, one readout error, no noise."""
    circuit, values = native_krylov(name, n_qubits)
    target = fake_target(name)
    calibration = read_calibration(target)
    others = [FullNoiseSampler(target, seed=2)]
    for count in REALISATIONS:
        ideal = Backend("statevector").open(n_qubits, seed=3)
        others.append(TrajectorySampler(calibration, ideal, realisations=count, seed=3))
    alike = np.stack([calibration.readout_error] * 2, axis=-1)
    ideal = Backend("statevector").open(n_qubits, seed=3)
    mean = TrajectorySampler(replace(calibration, readout_flips=alike), ideal, realisations=REALISATIONS[-1], seed=3)
    others.append(mean)
    drawn = [frequencies(sampler, circuit, values) for sampler in (FullNoiseSampler(target, seed=1), *others)]
    basis = PauliBasis.chain(n_qubits)
    (clean,) = krylov_template(basis, krylov_dimension=4).circuits[-1:]
    drawn.append(frequencies(Backend("statevector").open(n_qubits, seed=4), clean, values))
    return [0.5 * float(np.abs(each - drawn[0]).sum()) for each in drawn[1:]]


def main() -> None:
    names = ["Aer again", *(f"{count} realisations" for count in REALISATIONS), "0 and 1 alike", "no noise"]
    print(f"{SHOTS} shots, total variation distance from Aer's full noise model")
    print(f"{'device':16s}{'qubits':>8s}" + "".join(f"{name:>18s}" for name in names))
    for device in DEVICES:
        for n_qubits in SIZES:
            row = distances(device, n_qubits)
            print(f"{device:16s}{n_qubits:8d}" + "".join(f"{each:18.4f}" for each in row), flush=True)


if __name__ == "__main__":
    main()
