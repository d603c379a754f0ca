from __future__ import annotations

import time

import numpy as np
import pytest
from qiskit import qasm3
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import compiling
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles, krylov_circuits
from hamiltonian_ml.sampling.devices import fake_target
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
    assert seconds < 4  # of the processor, twice what an idle machine is asked for: others may share its cache


def test_a_heavy_hexagonal_patch_takes_no_swap_and_nine_layers():
    basis = PauliBasis.heavy_hex(50)
    (circuit,) = krylov_template(basis, krylov_dimension=2).circuits
    (compiled,) = compiling.native_circuits(fake_target("fake_kingston"), [circuit], basis)
    assert compiled.count_ops()["cz"] == 3 * len(basis.edges)
    assert compiled.depth(lambda instruction: instruction.operation.name == "cz") <= 9


def test_circuits_of_an_operator_go_through_openqasm_3():
    operator = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1.0), ("X", [2], 0.5)], num_qubits=3)
    for circuit in krylov_circuits(operator, krylov_dimension=3):
        text = qasm3.dumps(circuit)
        assert text.startswith("OPENQASM 3.0;")
        assert text.count("\ncz ") == circuit.count_ops()["cz"]
        assert text.count("= measure ") == 3
        assert np.isfinite([float(p) for instruction in circuit.data for p in instruction.operation.params]).all()
