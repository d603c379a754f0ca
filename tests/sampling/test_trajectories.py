from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Statevector
from qiskit_ibm_runtime.fake_provider import FakeFez

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.devices import Calibration, fake_target, read_calibration
from hamiltonian_ml.sampling.lines import LineSampler
from hamiltonian_ml.sampling.native import read_native
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.trajectories import Noise, TrajectorySampler, draw_errors, noise_of
from tests.reference.device_noise import probabilities

LINE = {"fake_kingston": [0, 1, 2, 3, 4, 5], "fake_torino": [30, 29, 28, 27, 26, 25]}


def device(n_qubits, *, error=0.0, readout=0.0, t1=np.inf, seconds=0.0):
    """Return the calibration of a line of equal qubits."""
    couplers = {(q, q + 1): (error, seconds) for q in range(n_qubits - 1)}
    ones = np.ones(n_qubits)
    return Calibration(
        two_qubit_gate="cz", couplers=couplers, gate_error=error * ones, gate_seconds=seconds * ones,
        readout_error=readout * ones, readout_flips=readout * np.ones((n_qubits, 2)), t1=t1 * ones, t2=t1 * ones,
    )  # fmt: skip


def native_krylov(target, line, *, krylov_dimension=2, seed=0):
    """Return a transpiled circuit and the parameter values of one row, on a line of a device."""
    basis = PauliBasis.chain(len(line))
    template = krylov_template(basis, krylov_dimension=krylov_dimension)
    coefficients = np.random.default_rng(seed).normal(size=(1, basis.n_terms))
    values = krylov_angles(template, coefficients)[-1]
    circuit = transpile(
        template.circuits[-1], target=target, initial_layout=line, optimization_level=1, seed_transpiler=1
    )
    return circuit, values


def frequencies(sampler, circuit, values, shots):
    data = sampler.run([(circuit, values, shots)]).result()[0].data.meas
    counts = np.bincount([int(s, 2) for s in data.get_bitstrings()], minlength=2**data.num_bits)
    return counts / counts.sum()


def test_errors_carried_to_the_end_give_the_state_that_errors_in_the_circuit_give(rng):
    n_qubits = 4
    angles = ParameterVector("a", 3)
    circuit = QuantumCircuit(n_qubits)
    for layer in range(5):
        for qubit in range(n_qubits):
            circuit.sx(qubit)
            circuit.rz(angles[qubit % 3] * (layer - 1.5) + 0.3 * qubit, qubit)
            circuit.sx(qubit) if (layer + qubit) % 2 else circuit.x(qubit)
        for qubit in range(layer % 2, n_qubits - 1, 2):
            circuit.cz(qubit, qubit + 1)
    circuit.measure_all()
    program = read_native(circuit)
    values = rng.normal(size=(1, 3))
    paulis = [[int(rng.integers(4)) for _ in step.qubits] for step in program.steps]
    noise = [Noise(np.eye(4 ** len(p))[int("".join(map(str, p)), 4)], tuple(np.eye(4)[0] for _ in p)) for p in paulis]
    signs, flips = draw_errors(program, noise, n_trials=1, rng=rng)
    carried = program.circuit.remove_final_measurements(inplace=False)
    carried = carried.assign_parameters((program.angles(values) * signs)[0])
    inserted, rotation = QuantumCircuit(n_qubits), iter(program.angles(values)[0])
    for step, letters in zip(program.steps, paulis, strict=True):
        getattr(inserted, step.name)(*([next(rotation)] if step.name == "rz" else []), *step.qubits)
        for qubit, letter in zip(step.qubits, letters, strict=True):
            getattr(inserted, ["id", "x", "y", "z"][letter])(qubit)
    expected = Statevector(inserted).probabilities()
    got = np.empty_like(expected)
    got[np.arange(2**n_qubits) ^ (flips[0] @ 2 ** np.arange(n_qubits))] = Statevector(carried).probabilities()
    np.testing.assert_allclose(got, expected, atol=1e-12)  # round-off of some fifty gates


def test_the_simulator_gets_the_qubits_in_use_only():
    target = fake_target("fake_kingston")
    circuit, values = native_krylov(target, LINE["fake_kingston"])
    assert circuit.num_qubits == 156
    seen = []

    class Recorder(LineSampler):
        def run(self, pubs, **options):
            seen.extend(pub_circuit.num_qubits for pub_circuit, *_ in pubs)
            return super().run(pubs, **options)

    ideal = Recorder(16, 0.0, None, seed=1)
    TrajectorySampler(read_calibration(target), ideal, seed=1).run([(circuit, values, 10)]).result()
    assert seen == [6]


def test_without_errors_the_samples_are_those_of_the_circuit():
    circuit, values = native_krylov(fake_target("fake_kingston"), LINE["fake_kingston"])
    clean = TrajectorySampler(device(156), Backend("statevector").open(6, seed=1), realisations=5, seed=1)
    bound = krylov_template(PauliBasis.chain(6), krylov_dimension=2).circuits[0].assign_parameters(values[0])
    exact = Statevector(bound.remove_final_measurements(inplace=False)).probabilities()
    distance = np.abs(frequencies(clean, circuit, values, 20000) - exact).sum() / 2
    assert distance < 0.03  # expected from 20,000 shots on 64 strings: at most sqrt(64 / (2 pi 20,000)) = .023


@pytest.mark.parametrize("name", sorted(LINE))
def test_the_distribution_is_that_of_the_full_noise_model_of_aer(name):
    target = fake_target(name)
    circuit, values = native_krylov(target, LINE[name], krylov_dimension=4)
    exact = probabilities(target, circuit.assign_parameters(values[0]), LINE[name])
    ideal = Backend("statevector").open(6, seed=2)
    noisy = TrajectorySampler(read_calibration(target), ideal, realisations=400, seed=2)
    clean = TrajectorySampler(device(156), ideal, realisations=1, seed=2)
    distances = [np.abs(frequencies(sampler, circuit, values, 20000) - exact).sum() / 2 for sampler in (noisy, clean)]
    assert distances[0] < 0.04  # .023 from the number of shots, the rest for twirling and 400 realisations
    assert distances[1] > 2 * distances[0]


def test_readout_errors_flip_bits_at_their_rate():
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.measure_all()
    sampler = TrajectorySampler(device(3, readout=0.2), Backend("statevector").open(3, seed=1), seed=3)
    bits = sampler.run([circuit], shots=10000).result()[0].data.meas.to_bool_array("little")
    np.testing.assert_allclose(bits.mean(axis=0), [0.2, 0.8, 0.2], atol=0.02)  # five standard errors


def test_zeros_and_ones_are_misread_at_their_own_rates():
    circuit = QuantumCircuit(2)
    circuit.x(1)
    circuit.measure_all()
    calibration = replace(device(2), readout_flips=np.array([[0.05, 0.3], [0.1, 0.2]]))
    sampler = TrajectorySampler(calibration, Backend("statevector").open(2, seed=1), seed=3)
    bits = sampler.run([circuit], shots=10000).result()[0].data.meas.to_bool_array("little")
    np.testing.assert_allclose(bits.mean(axis=0), [0.05, 0.8], atol=0.02)  # five standard errors


def test_a_fake_has_both_readout_errors_of_its_calibration():
    properties = FakeFez().properties()
    wanted = [[properties.qubit_property(q, f"prob_meas{1 - b}_prep{b}")[0] for b in (0, 1)] for q in range(156)]
    calibration = read_calibration(fake_target("fake_fez"))
    known = np.isfinite(calibration.readout_error)
    np.testing.assert_array_equal(calibration.readout_flips[known], np.array(wanted)[known])
    assert (calibration.readout_flips[known, 0] != calibration.readout_flips[known, 1]).mean() > 0.9


def test_a_qubit_that_waits_relaxes_for_as_long_as_it_waits():
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    for _ in range(5):
        circuit.sx(1)
    circuit.cz(0, 1)
    circuit.measure_all()
    early = noise_of(read_native(circuit), device(2, t1=1e-4, seconds=1e-7))[0]
    assert early.waits[0][0] == 1.0  # it starts as late as it can, so it has nothing to wait for
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    for _ in range(5):
        circuit.sx(1)
    circuit.cz(0, 1)
    circuit.measure_all()
    first = noise_of(read_native(circuit), device(2, t1=1e-4, seconds=1e-7))[0]
    shrunk = np.exp(-5e-7 / 1e-4)
    np.testing.assert_allclose(first.waits[0], [(1 + 3 * shrunk) / 4, *[(1 - shrunk) / 4] * 3], atol=1e-12)  # round-off
    assert first.waits[1][0] == 1.0


def test_the_average_infidelity_of_a_gate_is_the_calibrated_one():
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    circuit.measure_all()
    noise = noise_of(read_native(circuit), device(2, error=0.01, t1=1e-4, seconds=1e-7))[0]
    assert noise.gate.sum() == pytest.approx(1)
    assert 1 - noise.gate[0] == pytest.approx(0.01 * 5 / 4)
    assert noise.gate[1:].std() > 0  # relaxation acts on one qubit at a time


def test_rows_and_realisations_are_parameter_values_and_shots_come_out_exactly():
    circuit, values = native_krylov(fake_target("fake_kingston"), LINE["fake_kingston"])
    sampler = TrajectorySampler(
        read_calibration(fake_target("fake_kingston")), Backend("statevector").open(6, seed=1), realisations=7, seed=1
    )
    data = sampler.run([(circuit, np.repeat(values, 3, axis=0), 23)]).result()[0].data
    assert data.meas.shape == (3,)
    assert data.meas.num_shots == 23


def test_the_seeds_decide_the_samples():
    circuit, values = native_krylov(fake_target("fake_torino"), LINE["fake_torino"])
    calibration = read_calibration(fake_target("fake_torino"))

    def draw(seed):
        ideal = Backend("statevector").open(6, seed=1)
        sampler = TrajectorySampler(calibration, ideal, realisations=4, seed=seed)
        return sampler.run([(circuit, values, 50)]).result()[0].data.meas.get_bitstrings()

    assert draw(1) == draw(1) != draw(2)


def test_a_flip_of_qubit_0_is_read_as_bit_0_wherever_it_lies():
    circuit = QuantumCircuit(4)
    circuit.x(0)
    circuit.measure_all()
    laid = transpile(circuit, target=fake_target("fake_fez"), initial_layout=[9, 3, 7, 5], optimization_level=1)
    sampler = TrajectorySampler(device(156), Backend("statevector").open(4, seed=1))
    assert set(sampler.run([laid], shots=9).result()[0].data.meas.get_bitstrings()) == {"0001"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.h(0), r"circuit has the gate 'h', whose noise is not known, only that of rz, sx, x, cz; make it"),
        (lambda c: c.cz(0, 2), r"circuit has a cz on the qubits \(0, 2\), where the calibration has none that works"),
    ],
)
def test_gates_without_known_noise_are_refused(change, message):
    circuit = QuantumCircuit(3)
    change(circuit)
    circuit.measure_all()
    sampler = TrajectorySampler(device(3), Backend("statevector").open(3))
    with pytest.raises(ValueError, match=message):
        sampler.run([circuit], shots=1)


def test_a_circuit_that_goes_on_after_its_measurement_is_refused():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(ValueError, match="goes on after the measurement of qubit 0; measure at its end only"):
        read_native(circuit)
