from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2, StatevectorSampler

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend, as_backend, known_backends
from hamiltonian_ml.sampling.devices import heron_fakes
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import measure, sample_krylov
from hamiltonian_ml.sampling.template import krylov_template


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


def test_names_become_backends_and_samplers_are_taken_as_they_are():
    assert as_backend("mps") == Backend("mps")
    for known in (Backend("mps", bond_dimension=3), StatevectorSampler()):
        assert as_backend(known) is known
    assert known_backends() == ["auto", "statevector", "mps", *heron_fakes(), "ibm_<device>"]


def test_an_unknown_name_is_refused_with_the_known_ones():
    message = (
        r"^backend must be one of auto, statevector, mps, fake_.*, fake_kingston, .*, or a V2 sampler; got 'qasm'\.$"
    )
    for make in (Backend, as_backend):
        with pytest.raises(ValueError, match=message):
            make("qasm")


def test_something_that_is_no_sampler_is_refused():
    with pytest.raises(ValueError, match=r"backend must be one of auto, .*; got None"):
        Backend(None)
    with pytest.raises(ValueError, match=r"a V2 sampler \(qiskit\.primitives\.BaseSamplerV2\); got int\."):
        as_backend(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bond_dimension": 0}, "bond_dimension must be an integer of at least 1, got 0"),
        ({"truncation_threshold": 1.0}, "truncation_threshold must be from 0 to below 1, got 1.0"),
        ({"truncation_threshold": "a"}, "truncation_threshold must be a finite number of at least 0, got 'a'"),
        ({"max_threads": -1}, "max_threads must be an integer of at least 0, got -1; 0 takes all cores"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Backend("mps", **options)


def test_a_state_vector_of_too_many_qubits_is_refused():
    with pytest.raises(ValueError, match='"statevector" holds 30 qubits at most, got 31; take "mps"'):
        Backend("statevector").open(31)


def test_a_state_vector_that_does_not_fit_in_memory_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("hamiltonian_ml.sampling.simulators.free_memory", lambda: 2**28)
    Backend("statevector").open(24)  # 2^24 amplitudes of 16 bytes are all that is free
    message = r'"statevector" needs 0\.5 GiB for the amplitudes of 25 qubits, and 0\.25 GiB are free; take "mps" or'
    with pytest.raises(MemoryError, match=message):
        Backend("statevector").open(25)
    model = HamiltonianClassifier(25, selection="krylov", backend="statevector")
    with pytest.raises(MemoryError, match=message):
        model.fit([[0.0], [1.0]], [0, 1])


def test_fingerprints_differ_where_samples_do():
    marks = [Backend(n, bond_dimension=b, max_threads=t).fingerprint(20) for n, b, t in SPECS]
    assert marks[0] != marks[1] != marks[2]
    assert marks[2] == marks[3] == marks[4]  # neither threads nor how the place is called change a sample
    assert json.loads(json.dumps(marks[2])) == marks[2]


SPECS = [("statevector", 16, 0), ("mps", 8, 0), ("mps", 16, 0), ("mps", 16, 2), ("auto", 16, 0)]


def cz_depth(circuit):
    return circuit.depth(lambda instruction: instruction.operation.name == "cz")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name != "fake_kingston" else ()) for name in heron_fakes()]
)
def test_a_step_of_fifty_qubits_is_147_cz_in_6_layers_on_every_fake_heron(name):
    basis = PauliBasis.chain(50)
    template = krylov_template(basis, krylov_dimension=2)
    (compiled,) = Backend(name).compile(template.circuits, basis)
    assert compiled.count_ops()["cz"] == 147
    assert cz_depth(compiled) == 6
    assert [p.name for p in compiled.parameters] == [p.name for p in template.circuits[0].parameters]


@pytest.mark.parametrize("n_qubits", [4, 10])
@pytest.mark.parametrize("name", ["fake_kingston", "fake_torino", "fake_boston"])
def test_a_flip_of_qubit_0_is_read_as_bit_0_after_compilation(name, n_qubits):
    circuit = QuantumCircuit(n_qubits)
    circuit.x(0)
    circuit.measure_all()
    backend = Backend(name)
    compiled = backend.compile([circuit], PauliBasis.chain(n_qubits))
    drawn = strings(backend.open(n_qubits, seed=1), compiled[0], shots=50)
    assert max(set(drawn), key=drawn.count) == "1".rjust(n_qubits, "0")


def test_a_fake_device_measures_krylov_states_of_rows_with_noise(rng):
    basis = PauliBasis.chain(5)
    coefficients = np.tile(0.01 * rng.normal(size=basis.n_terms), (3, 1))
    coefficients[:, [2, 5, 8, 11, 14]] -= 1.0  # fields along z: without noise nearly all strings are 0
    clean, noisy, again = (
        sample_krylov(basis, coefficients, krylov_dimension=3, shots=300, backend=name, seed=1)
        for name in ("statevector", "fake_torino", "fake_torino")
    )
    assert len(noisy) == 3
    assert all(a.n_shots == 600 for a in noisy)
    assert sum(len(a.words) for a in noisy) > sum(len(a.words) for a in clean)
    for one, two in zip(noisy, again, strict=True):
        np.testing.assert_array_equal(one.counts, two.counts)


def test_errors_and_shots_have_random_numbers_of_their_own(monkeypatch):
    begun = []
    make = np.random.default_rng

    def noted(*seed):
        begun.append(make(*seed).bit_generator.state["state"]["state"])
        return make(*seed)

    pair = QuantumCircuit(133, 2)
    pair.sx(0)
    pair.cz(0, 1)
    pair.measure([0, 1], [0, 1])
    sampler = Backend("fake_torino", realisations=2).open(15, seed=5)  # on more qubits than Aer takes
    monkeypatch.setattr(np.random, "default_rng", noted)
    sampler.run([pair, pair], shots=4).result()
    assert len(begun) == 2 + 2  # errors of two circuits, shots of their two rows of angles
    assert len(set(begun)) == len(begun)


def test_mirror_circuits_have_random_numbers_of_their_own(monkeypatch):
    seeds = []
    monkeypatch.setattr(Backend, "open", lambda backend, n_qubits, *, seed: seeds.append(seed) or StatevectorSampler())
    basis = PauliBasis.chain(2)
    request = SampleRequest(
        basis, np.ones((70, basis.n_terms)), krylov_dimension=2, time_step="auto", trotter_order=1, shots=1, seed=5,
        backend=Backend("statevector"),
    )  # fmt: skip
    for mirrored in (False, True):
        measure(replace(request, mirrored=mirrored))
    assert len(seeds) == len(set(seeds)) == 4  # two jobs of rows each


def test_the_fingerprint_of_a_fake_names_what_its_samples_depend_on():
    few, some, many = (Backend("fake_fez").fingerprint(n) for n in (6, 12, 50))
    assert {"name", "noise_revision", "qiskit", "qiskit-aer", "qiskit-ibm-runtime"} == set(few)
    assert set(some) - set(few) == {"realisations"}
    assert set(many) - set(some) == {"bond_dimension", "truncation_threshold", "mps_revision"}


def test_more_qubits_than_a_device_has_are_refused():
    basis = PauliBasis.chain(157)
    with pytest.raises(ValueError, match="no place for 157 qubits with 156 couplings was found on the device"):
        Backend("fake_fez").compile(krylov_template(basis, krylov_dimension=2).circuits, basis)
