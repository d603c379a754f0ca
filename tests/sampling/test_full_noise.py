from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit_aer.noise import NoiseModel

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.devices import fake_target
from hamiltonian_ml.sampling.full_noise import FullNoiseSampler, noisy_circuit
from hamiltonian_ml.sampling.native import read_native
from hamiltonian_ml.sampling.template import krylov_template
from tests.reference.device_noise import probabilities

LINE = [0, 1, 2, 3, 4, 5]


def native(line, n_rows=1):
    basis = PauliBasis.chain(len(line))
    template = krylov_template(basis, krylov_dimension=2)
    values = krylov_angles(template, np.random.default_rng(0).normal(size=(n_rows, basis.n_terms)))[0]
    target = fake_target("fake_kingston")
    return transpile(template.circuits[0], target=target, initial_layout=line, optimization_level=1), values


def test_samples_follow_the_exact_probabilities_under_noise():
    circuit, values = native(LINE)
    target = fake_target("fake_kingston")
    exact = probabilities(target, circuit.assign_parameters(values[0]), LINE)
    data = FullNoiseSampler(target, seed=1).run([(circuit, values, 20000)]).result()[0].data.meas
    drawn = np.bincount([int(s, 2) for s in data.get_bitstrings()], minlength=64) / 20000
    assert np.abs(drawn - exact).sum() / 2 < 0.03  # expected from 20,000 shots on 64 strings: at most .023


def test_rows_are_parameter_values_and_the_seed_decides_the_samples():
    circuit, values = native(LINE[:3], n_rows=4)
    draws = [
        FullNoiseSampler(fake_target("fake_kingston"), seed=seed).run([(circuit, values, 60)]).result()[0].data.meas
        for seed in (1, 1, 2)
    ]
    assert draws[0].shape == (4,)
    np.testing.assert_array_equal(draws[0].array, draws[1].array)
    assert (draws[0].array != draws[2].array).any()


def test_a_flip_of_qubit_0_is_read_as_bit_0_wherever_it_lies():
    circuit = QuantumCircuit(3)
    circuit.x(0)
    circuit.measure_all()
    laid = transpile(circuit, target=fake_target("fake_fez"), initial_layout=[9, 3, 7], optimization_level=1)
    data = FullNoiseSampler(fake_target("fake_fez"), seed=1).run([laid], shots=400).result()[0].data.meas
    counts = data.get_counts()
    assert max(counts, key=counts.get) == "001"
    assert counts["001"] > 350


def test_noise_that_would_be_left_out_is_refused(monkeypatch):
    circuit, _ = native(LINE)
    monkeypatch.setattr(NoiseModel, "from_backend", lambda device: NoiseModel())
    with pytest.raises(ValueError, match=r"^the noise model of the device has no entry for the gates cz, sx\.$"):
        noisy_circuit(read_native(circuit), fake_target("fake_kingston"))


def test_more_qubits_than_a_density_matrix_holds_are_refused():
    circuit = QuantumCircuit(13)
    circuit.measure_all()
    with pytest.raises(ValueError, match="circuit uses 13 qubits, and a density matrix holds 12 at most; draw errors"):
        FullNoiseSampler(fake_target("fake_kingston")).run([circuit], shots=1)
