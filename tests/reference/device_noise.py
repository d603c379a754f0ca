"""A few qubits of a device as Qiskit Aer's own noise model sees them, with the readout errors put in by hand.

In: a device's target and a circuit on its qubits. Out: the probabilities of all strings of the measured qubits.
"""

from __future__ import annotations

import numpy as np
from qiskit_aer import AerSimulator

from hamiltonian_ml.sampling.full_noise import noisy_circuit
from hamiltonian_ml.sampling.native import read_native


def probabilities(target, circuit, qubits):
    """Return (2**n,) probabilities of reading ``qubits``, first bit first, of a circuit without free parameters."""
    program = read_native(circuit)
    assert program.qubits == tuple(qubits)
    small, model = noisy_circuit(program, target)
    small = small.remove_final_measurements(inplace=False).assign_parameters(program.angles(np.zeros((1, 0)))[0])
    small.save_probabilities()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    exact = simulator.run(small, shots=1).result().data()["probabilities"]
    for k, qubit in enumerate(qubits):
        known = target["measure"][qubit,]
        up, down = known.prob_meas1_prep0, known.prob_meas0_prep1
        flip = np.array([[1 - up, up], [down, 1 - down]])  # from the bit that is there to the one that is read
        exact = np.moveaxis(np.tensordot(flip, exact.reshape(-1, 2, 2**k), axes=(0, 1)), 0, 1).ravel()
    return exact
