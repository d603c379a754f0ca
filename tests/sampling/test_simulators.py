from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer.primitives import SamplerV2

from hamiltonian_ml.sampling.simulators import open_matrix_products_of_aer


def strings(sampler, circuit, shots):
    return sampler.run([circuit], shots=shots).result()[0].data.meas.get_bitstrings()


def test_the_fast_way_of_drawing_samples_draws_those_of_the_standard_way():
    # "mps_probabilities" is documented as listing 2^n probabilities; it does not, and its samples are the same.
    n_qubits, rng = 40, np.random.default_rng(0)
    circuit = QuantumCircuit(n_qubits)
    for layer in range(4):
        for qubit in range(n_qubits):
            circuit.u(*rng.uniform(0, 1, 3), qubit)
        for qubit in range(layer % 2, n_qubits - 1, 2):
            circuit.cz(qubit, qubit + 1)
    circuit.measure_all()
    options = {"method": "matrix_product_state", "matrix_product_state_truncation_threshold": 1e-10}
    standard = SamplerV2(seed=5, options={"backend_options": options})
    fast = open_matrix_products_of_aer(64, 1e-10, seed=5, max_threads=1)
    drawn = strings(fast, circuit, shots=100)
    assert len(set(drawn)) > 90
    assert drawn == strings(standard, circuit, shots=100)
