from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.truncation import _logged_by_aer, discarded_weight
from tests.reference.matrix_products import amplitudes


@pytest.fixture
def circuit():
    basis = PauliBasis.chain(8)
    template = krylov_template(basis, krylov_dimension=4)
    values = krylov_angles(template, np.random.default_rng(0).normal(size=(1, basis.n_terms)))[-1]
    return template.circuits[-1].assign_parameters(values[0])


def test_the_discarded_weight_is_about_the_loss_of_fidelity(circuit):
    bare = circuit.remove_final_measurements(inplace=False)
    exact, cut = Statevector(bare).data, amplitudes(bare, bond_dimension=3)
    lost = 1 - abs(np.vdot(exact, cut)) ** 2 / np.vdot(cut, cut).real
    # At most twice as much.
    assert discarded_weight(circuit, Backend("mps", bond_dimension=3)) == pytest.approx(lost, rel=1.0)
    assert lost > 1e-5


def test_on_a_ring_the_weight_that_aer_discards_is_about_its_loss_of_fidelity():
    ring = QuantumCircuit(6)
    for angle in range(24):
        ring.ry(0.3 + angle % 5, angle % 6)
        ring.cz(angle % 6, (angle + 1) % 6)
    ring.h(range(6))
    kept = ring.copy()
    kept.save_statevector()
    options = {"matrix_product_state_max_bond_dimension": 4, "matrix_product_state_truncation_threshold": 1e-10}
    simulator = AerSimulator(method="matrix_product_state", **options)
    exact, cut = Statevector(ring).data, np.asarray(simulator.run(kept, shots=1).result().data()["statevector"])
    lost = 1 - abs(np.vdot(exact, cut)) ** 2 / np.vdot(cut, cut).real
    assert lost > 1e-5
    # At most twice as much.
    assert discarded_weight(ring, Backend("mps", bond_dimension=4)) == pytest.approx(lost, rel=1.0)


def test_a_larger_bond_dimension_discards_less_whatever_ran_before(circuit):
    weights = [discarded_weight(circuit, Backend("mps", bond_dimension=bond)) for bond in (2, 3, 4, 16, 2)]
    assert weights[0] > weights[1] > weights[2] > weights[3]
    assert weights[3] < 21 * 1e-10  # 21 gates, each of which may cut off what is below the threshold
    assert weights[4] == weights[0]


def test_on_a_line_less_is_discarded_than_by_aer_which_truncates_within_the_gates_of_an_edge(circuit):
    for bond_dimension in (2, 3, 6):
        backend = Backend("mps", bond_dimension=bond_dimension)
        of_aer = _logged_by_aer(circuit.remove_final_measurements(inplace=False), backend)
        assert 0 < discarded_weight(circuit, backend) < of_aer


def test_free_parameters_are_refused(circuit):
    circuit.rz(Parameter("angle"), 0)
    with pytest.raises(ValueError, match=r"circuit must have numbers for angles, got 1 parameters; bind them"):
        discarded_weight(circuit, Backend("mps"))
