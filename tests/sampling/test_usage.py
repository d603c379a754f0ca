from __future__ import annotations

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeKingston

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.runtime import DeviceOptions
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.usage import Usage, error_free_fraction
from hamiltonian_ml.selection.krylov import KrylovSelection


def test_a_price_for_a_minute_gives_the_cost():
    usage = Usage(qpu_seconds=90.0).at_price(40.0)
    assert usage.cost == pytest.approx(60.0)
    assert "cost                        60.00" in str(usage)
    assert Usage().cost is None
    with pytest.raises(ValueError, match=r"price_per_minute must be a finite number of at least 0, got -1"):
        Usage().at_price(-1.0)


def test_a_sum_has_the_first_price_that_is_known():
    priced = Usage(qpu_seconds=60.0).at_price(96.0)
    assert (Usage() + priced).cost == (priced + Usage()).cost == 96.0
    with pytest.raises(ValueError, match="price_per_minute must be a finite number of at least 0, got '3'"):
        Usage().at_price("3")


def test_usage_adds_up_and_goes_into_json():
    one = Usage(2, 6, 30, 200, 1, 2.07, error_free_fraction=0.9)
    two = one.times(3) + Usage(1, 12, 20, 10, 1, 2.0, error_free_fraction=0.8)
    assert (two.circuits, two.two_qubit_depth, two.two_qubit_gates, two.executions, two.jobs) == (7, 12, 30, 610, 4)
    assert two.error_free_fraction == 0.8
    assert json.loads(json.dumps(two.to_dict()))["qpu_seconds"] == pytest.approx(8.21)


def test_the_error_free_fraction_is_the_product_over_gates_and_readouts_of_the_calibration():
    target = FakeKingston().target
    qubits = [3, 4, 5]
    manager = generate_preset_pass_manager(0, target=target, initial_layout=qubits)
    circuit = manager.run(krylov_template(PauliBasis.chain(3), krylov_dimension=2).circuits[0])
    expected = 1.0
    for name, each in (("cz", [(3, 4), (4, 5)]), ("measure", [(3,), (4,), (5,)])):
        for pair in each:
            either = next(p for p in (pair, pair[::-1]) if p in target[name])
            expected *= (1 - target[name][either].error) ** (3 if name == "cz" else 1)
    found = error_free_fraction(circuit, target)
    assert expected * 0.98 < found < expected  # one-qubit gates of 2e-4 each are left out of the twin
    alone = QuantumCircuit(2)
    alone.cz(0, 1)
    assert error_free_fraction(alone, target, [3, 4]) == pytest.approx(1 - target["cz"][3, 4].error)
    with pytest.raises(ValueError, match=r"circuit has the gate cz on qubits \(0, 77\), which the target has not"):
        error_free_fraction(alone, target, [0, 77])


def test_a_backend_with_a_calibration_tells_the_error_free_fraction_in_advance():
    class Calibrated(Backend):
        def error_free_fraction(self, circuit):
            return 0.99 ** circuit.num_nonlocal_gates()

    basis = PauliBasis.chain(3)
    usage = KrylovSelection(backend=Calibrated("statevector"), shots=5).usage(basis, np.ones((1, basis.n_terms)))
    assert usage.error_free_fraction == pytest.approx(0.99**usage.two_qubit_gates)
    assert KrylovSelection().usage(basis, np.ones((1, basis.n_terms))).error_free_fraction is None


def test_repetitions_that_are_far_apart_are_counted():
    basis = PauliBasis.chain(3)
    rows = np.ones((60, basis.n_terms)) * np.arange(1, 61)[:, None]
    slow = Backend("ibm_fez", device=DeviceOptions(rep_delay=1e-3))
    usage, as_usual = (KrylovSelection(backend=each, store="none").usage(basis, rows) for each in (slow, "ibm_fez"))
    assert usage.executions == as_usual.executions == 180_000
    assert usage.qpu_seconds == pytest.approx(2 + 180_000 * 1.1e-3)
    assert as_usual.qpu_seconds == pytest.approx(2 + 180_000 * 0.35e-3)
