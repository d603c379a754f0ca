from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2, StatevectorSampler

from hamiltonian_ml.sampling.backends import Backend, as_backend, known_backends


def biased_coins(n_qubits):
    """Return a circuit that measures a 1 with probability .15 on every qubit."""
    circuit = QuantumCircuit(n_qubits)
    circuit.u(2 * np.arcsin(np.sqrt(0.15)), 0, 0, range(n_qubits))
    circuit.measure_all()
    return circuit


def strings(sampler, circuit, shots=20):
    return sampler.run([circuit], shots=shots).result()[0].data.meas.get_bitstrings()


@pytest.mark.parametrize("name", ["statevector", "mps", "auto"])
def test_a_backend_survives_pickling_and_opens_the_same_sampler(name):
    backend = Backend(name, bond_dimension=8)
    copy = pickle.loads(pickle.dumps(backend))
    assert copy == backend
    circuit = biased_coins(5)
    assert isinstance(backend.open(5, seed=3), BaseSamplerV2)
    assert strings(copy.open(5, seed=3), circuit) == strings(backend.open(5, seed=3), circuit)


@pytest.mark.parametrize("name", ["statevector", "mps"])
def test_the_seed_decides_the_samples(name):
    first, same, other = (strings(Backend(name).open(6, seed=s), biased_coins(6)) for s in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("name", ["statevector", "mps"])
def test_the_number_of_threads_does_not_change_the_samples(name):
    circuits = [biased_coins(n) for n in (4, 5, 6)]
    results = [Backend(name, max_threads=t).open(6, seed=1).run(circuits, shots=9).result() for t in (1, 2)]
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one.data.meas.array, two.data.meas.array)


def test_auto_is_exact_for_few_qubits_and_a_matrix_product_state_for_many():
    assert Backend().resolve(14).name == "statevector"
    assert Backend(bond_dimension=32).resolve(15) == Backend("mps", bond_dimension=32)
    assert Backend("mps").resolve(3).name == "mps"


def test_the_bond_dimension_limits_the_entanglement():
    pairs = QuantumCircuit(4)
    for qubit in (0, 1):  # two Bell pairs across the middle cut: four equal Schmidt values
        pairs.h(qubit)
        pairs.cx(qubit, qubit + 2)
    pairs.measure_all()
    assert len(set(strings(Backend("mps", bond_dimension=4).open(4, seed=1), pairs, shots=200))) == 4
    assert len(set(strings(Backend("mps", bond_dimension=1).open(4, seed=1), pairs, shots=200))) < 4


def test_the_fast_way_of_drawing_samples_draws_those_of_the_standard_way():
    # "mps_probabilities" is documented as listing 2^n probabilities; it does not, and its samples are the same.
    from qiskit_aer.primitives import SamplerV2

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
    fast = Backend("mps", bond_dimension=64).open(n_qubits, seed=5)
    drawn = strings(fast, circuit, shots=100)
    assert len(set(drawn)) > 90
    assert drawn == strings(standard, circuit, shots=100)


def test_names_become_backends_and_samplers_are_taken_as_they_are():
    assert as_backend("mps") == Backend("mps")
    for known in (Backend("mps", bond_dimension=3), StatevectorSampler()):
        assert as_backend(known) is known
    assert known_backends() == ["auto", "statevector", "mps"]


def test_an_unknown_name_is_refused_with_the_known_ones():
    message = r"^backend must be one of auto, statevector, mps, or a V2 sampler; got 'qasm'\.$"
    for make in (Backend, as_backend):
        with pytest.raises(ValueError, match=message):
            make("qasm")


def test_something_that_is_no_sampler_is_refused():
    with pytest.raises(ValueError, match=r"a V2 sampler \(qiskit\.primitives\.BaseSamplerV2\); got int\."):
        as_backend(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bond_dimension": 0}, "bond_dimension must be an integer of at least 1, got 0"),
        ({"truncation_threshold": 1.0}, "truncation_threshold must be from 0 to below 1, got 1.0"),
        ({"max_threads": -1}, "max_threads must be an integer of at least 0, got -1; 0 takes all cores"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Backend("mps", **options)


def test_a_state_vector_of_too_many_qubits_is_refused():
    with pytest.raises(ValueError, match='"statevector" holds 30 qubits at most, got 31; take "mps"'):
        Backend("statevector").open(31)


def test_fingerprints_differ_where_samples_do():
    marks = [Backend(n, bond_dimension=b, max_threads=t).fingerprint(20) for n, b, t in SPECS]
    assert marks[0] != marks[1] != marks[2]
    assert marks[2] == marks[3] == marks[4]  # neither threads nor how the place is called change a sample
    assert json.loads(json.dumps(marks[2])) == marks[2]


SPECS = [("statevector", 16, 0), ("mps", 8, 0), ("mps", 16, 0), ("mps", 16, 2), ("auto", 16, 0)]
