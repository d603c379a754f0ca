from __future__ import annotations

import time

import pytest
from qiskit import qasm3
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator, SparsePauliOp

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import compiling
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles, krylov_circuits
from hamiltonian_ml.sampling.devices import fake_target, heron_fakes
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.sampling.template import krylov_template


@pytest.fixture
def transpilations(monkeypatch):
    """Return a list that grows by one number of circuits at each transpilation."""
    counts, transpile = [], compiling.transpile
    monkeypatch.setattr(
        compiling,
        "transpile",
        lambda circuits, **options: counts.append(len(circuits)) or transpile(circuits, **options),
    )
    return counts


def test_all_rows_share_one_transpilation_of_each_power(transpilations, rng):
    basis = PauliBasis.chain(3)
    coefficients = rng.normal(size=(70, basis.n_terms))  # more rows than one job takes
    samples = sample_krylov(basis, coefficients, krylov_dimension=3, shots=1, backend="fake_torino", seed=1)
    assert len(samples) == 70
    assert transpilations == [2]


@pytest.mark.slow
def test_a_thousand_rows_of_four_powers_at_fifty_qubits_are_ready_in_two_seconds(transpilations, rng):
    basis = PauliBasis.chain(50)
    coefficients = rng.normal(size=(1000, basis.n_terms))
    template = krylov_template(basis, krylov_dimension=5)
    compiled = Backend("fake_kingston").compile(template.circuits, basis)
    start = time.process_time()
    angles = krylov_angles(template, coefficients)
    pubs = [SamplerPub.coerce((circuit, values, 1000)) for circuit, values in zip(compiled, angles, strict=True)]
    seconds = time.process_time() - start
    assert [pub.shape for pub in pubs] == [(1000,)] * 4
    assert transpilations == [4]
    assert seconds < 2  # of the processor, all threads together; .6 are usual


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name != "fake_kingston" else ()) for name in heron_fakes()]
)
def test_a_heavy_hexagonal_patch_takes_no_swap_and_nine_layers_on_every_fake_heron(name):
    basis = PauliBasis.heavy_hex(50)
    (circuit,) = krylov_template(basis, krylov_dimension=2).circuits
    (compiled,) = compiling.native_circuits(fake_target(name), [circuit], basis)
    assert compiled.count_ops()["cz"] == 3 * len(basis.edges)
    assert compiled.depth(lambda instruction: instruction.operation.name == "cz") <= 9


def test_circuits_of_an_operator_come_back_from_openqasm_3():
    terms = [("ZZ", [0, 1], 1.0), ("XY", [1, 2], 0.3), ("X", [2], 0.5)]
    operator = SparsePauliOp.from_sparse_list(terms, num_qubits=3)
    for circuit in krylov_circuits(operator, krylov_dimension=3):
        back = qasm3.loads(qasm3.dumps(circuit))
        one, two = (Operator(each.remove_final_measurements(inplace=False)) for each in (circuit, back))
        assert one.equiv(two)
        reads = [
            (back.find_bit(each.qubits[0]).index, back.find_bit(each.clbits[0]).index)
            for each in back.data
            if each.name == "measure"
        ]
        assert reads == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(("name", "n_qubits"), [("fake_fez", 100), ("fake_boston", 100)])
def test_a_patch_of_a_device_of_its_own_takes_no_swap_and_nine_layers(name, n_qubits):
    basis = Backend(name).patch(n_qubits)
    circuit = Backend(name).compile(krylov_template(basis, krylov_dimension=2).circuits, basis)[0]
    assert circuit.count_ops()["cz"] == 3 * len(basis.edges) >= 3 * (n_qubits - 1)
    assert circuit.depth(lambda gate: gate.operation.name == "cz") <= 9
