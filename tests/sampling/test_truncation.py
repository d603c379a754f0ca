from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.truncation import discarded_weight


@pytest.fixture
def circuit():
    basis = PauliBasis.chain(8)
    template = krylov_template(basis, krylov_dimension=4)
    values = krylov_angles(template, np.random.default_rng(0).normal(size=(1, basis.n_terms)))[-1]
    return template.circuits[-1].assign_parameters(values[0])


def test_the_discarded_weight_is_about_the_loss_of_fidelity(circuit):
    exact = Statevector(circuit.remove_final_measurements(inplace=False)).data
    kept = circuit.remove_final_measurements(inplace=False)
    kept.save_statevector()
    options = {"matrix_product_state_max_bond_dimension": 3, "matrix_product_state_truncation_threshold": 1e-10}
    simulator = AerSimulator(method="matrix_product_state", **options)
    cut = np.asarray(simulator.run(kept, shots=1).result().data()["statevector"])
    lost = 1 - abs(np.vdot(exact, cut)) ** 2 / np.vdot(cut, cut).real
    assert discarded_weight(circuit, Backend("mps", bond_dimension=3)) == pytest.approx(lost, rel=1.0)
    assert lost > 1e-5


def test_a_larger_bond_dimension_discards_less_whatever_ran_before(circuit):
    weights = [discarded_weight(circuit, Backend("mps", bond_dimension=bond)) for bond in (2, 3, 4, 16, 2)]
    assert weights[0] > weights[1] > weights[2] > weights[3] == 0.0
    assert weights[4] == weights[0]
