from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector
from scipy.stats import chi2, chisquare

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import lines
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.lines import LineSampler, evolved, line_order, read_line
from hamiltonian_ml.sampling.simulators import open_matrix_products_of_aer
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.sampling.truncation import discarded_weight
from tests.reference.matrix_products import amplitudes

GATES = {"u": 3, "rz": 1, "p": 1, "ry": 1, "rx": 1, "sx": 0, "x": 0, "h": 0}


def nowhere():
    raise AssertionError("the circuit went to the other sampler")


def line_sampler(bond_dimension=64, *, otherwise=nowhere, **options):
    return LineSampler(bond_dimension, 0.0, otherwise, **{"seed": 1, "max_threads": 1, **options})


def random_circuit(n_qubits, rng, *, order=None):
    """Return gates of every kind at random places, with cz between neighbours of an order of the qubits."""
    order = rng.permutation(n_qubits) if order is None else order
    circuit = QuantumCircuit(n_qubits)
    for _ in range(20 * n_qubits):
        name = rng.choice(list(GATES))
        getattr(circuit, name)(*rng.uniform(-4, 4, GATES[name]), int(rng.integers(n_qubits)))
        if n_qubits > 1 and rng.random() < 0.3:
            place = rng.integers(n_qubits - 1)
            circuit.cz(*(int(q) for q in rng.permutation(order[place : place + 2])))
    return circuit


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 6, 9])
def test_without_truncation_the_state_is_exact_up_to_a_phase(n_qubits, rng):
    for _ in range(5):
        circuit = random_circuit(n_qubits, rng)
        overlap = np.vdot(Statevector(circuit).data, amplitudes(circuit))
        assert abs(overlap) == pytest.approx(1, abs=1e-10)  # some hundred gates at round-off


def test_truncation_keeps_the_best_part_of_a_state(rng):
    circuit = random_circuit(6, rng)
    exact, cut = Statevector(circuit).data, amplitudes(circuit, bond_dimension=2)
    assert np.linalg.norm(cut) == pytest.approx(1, abs=0.05)  # orthonormal up to what truncation breaks
    assert 0.3 < abs(np.vdot(exact, cut)) / np.linalg.norm(cut) < 0.999
    pair = QuantumCircuit(2)
    pair.ry(0.4, [0, 1])
    pair.cz(0, 1)
    matrix = Statevector(pair).data.reshape(2, 2)
    left, squares, right = np.linalg.svd(matrix)
    best = squares[0] * np.outer(left[:, 0], right[0]).ravel()
    assert abs(np.vdot(best, amplitudes(pair, bond_dimension=1))) == pytest.approx(squares[0], abs=1e-12)  # round-off


def test_samples_follow_the_exact_distribution(rng):
    circuit = random_circuit(5, rng)
    expected = 20_000 * Statevector(circuit).probabilities()
    circuit.measure_all()
    counts = line_sampler().run([circuit], shots=20_000).result()[0].data.meas.get_int_counts()
    found = np.array([counts.get(state, 0) for state in range(32)])
    often = expected > 10
    assert often.sum() > 8
    # A correct sampler fails once in 10^4 seeds. Rare states are pooled: chi-square needs some ten of each.
    assert chisquare([*found[often], found[~often].sum()], [*expected[often], expected[~often].sum()]).pvalue > 1e-4


@pytest.mark.parametrize("trotter_order", [1, 2])
def test_krylov_circuits_are_sampled_as_each_of_them_alone(trotter_order, rng):
    basis = PauliBasis.chain(5)
    template = krylov_template(basis, krylov_dimension=5, trotter_order=trotter_order)
    angles = krylov_angles(template, rng.normal(size=(2, basis.n_terms)))
    pubs = [(circuit, values, 20_000) for circuit, values in zip(template.circuits, angles, strict=True)]
    for (circuit, values, shots), result in zip(pubs, line_sampler().run(pubs).result(), strict=True):
        for row in range(2):
            bound = circuit.assign_parameters(values[row]).remove_final_measurements(inplace=False)
            found = result.data.meas[row].get_int_counts()
            expected = shots * Statevector(bound).probabilities()
            often = expected > 10
            counts = np.array([found.get(state, 0) for state in range(32)])
            together = [*counts[often], counts[~often].sum()], [*expected[often], max(expected[~often].sum(), 1e-9)]
            assert chisquare(*together, sum_check=False).pvalue > 1e-5  # sixteen distributions


def test_fifty_qubits_are_sampled_as_aer_samples_them(rng):
    n_qubits, shots = 50, 4000
    basis = PauliBasis.chain(n_qubits)
    coefficients = 0.15 * rng.normal(size=(1, basis.n_terms))
    coefficients[:, 2 : 3 * n_qubits : 3] -= 1.0
    template = krylov_template(basis, krylov_dimension=5)
    values = krylov_angles(template, coefficients)[-1]
    samplers = [line_sampler(16), open_matrix_products_of_aer(16, 1e-10, seed=1, max_threads=1)]
    results = [sampler.run([(template.circuits[-1], values, shots)]).result() for sampler in samplers]
    bits = [np.unpackbits(r[0].data.meas.array[0], axis=-1)[:, ::-1][:, :n_qubits].astype(float) for r in results]
    # Every qubit, and every two neighbours: differences of two means, in units of their standard error.
    features = [np.hstack([b, b[:, 1:] * b[:, :-1]]) for b in bits]
    means, spreads = np.mean(features, axis=1), np.var(features, axis=1)
    seen = means.sum(axis=0) > 0.02  # some ten counts at least
    scores = (means[0] - means[1])[seen] / np.sqrt(spreads.sum(axis=0)[seen] / shots)
    assert seen.sum() > 80
    assert np.abs(scores).max() < 4.5  # a hundred normal numbers: once in a thousand seeds
    assert 0.5 < (scores**2).mean() < 1.6
    assert chi2.sf((scores[:n_qubits] ** 2).sum(), n_qubits) > 1e-4


def test_circuits_that_begin_alike_are_evolved_once(rng, monkeypatch):
    basis = PauliBasis.chain(8)
    template = krylov_template(basis, krylov_dimension=5)
    angles = krylov_angles(template, rng.normal(size=(1, basis.n_terms)))
    gates = []

    def counted(state, places, *rest, **options):
        gates.append(len(places))
        return evolved(state, places, *rest, **options)

    monkeypatch.setattr(lines, "evolved", counted)
    line_sampler().run([(c, v, 10) for c, v in zip(template.circuits, angles, strict=True)]).result()
    assert sum(gates) == 4 * 7  # four steps on seven edges, not 1 + 2 + 3 + 4 steps


def test_results_say_how_much_weight_truncation_discarded(rng):
    basis = PauliBasis.chain(8)
    template = krylov_template(basis, krylov_dimension=4)
    angles = krylov_angles(template, rng.normal(size=(2, basis.n_terms)))
    pubs = [(circuit, values, 1) for circuit, values in zip(template.circuits, angles, strict=True)]
    results = LineSampler(3, 1e-10, nowhere, seed=1).run(pubs).result()
    for (circuit, values, _), result in zip(pubs, results, strict=True):
        alone = [discarded_weight(circuit.assign_parameters(row), Backend("mps", bond_dimension=3)) for row in values]
        np.testing.assert_allclose(result.metadata["discarded_weight"], alone, rtol=1e-9)  # the same gates, once more
    assert results[2].metadata["discarded_weight"].min() > 1e-5


def test_shots_are_in_no_order(rng):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    bits = line_sampler().run([circuit], shots=1000).result()[0].data.meas.array[:, 0].astype(float)
    assert abs(bits[:500].mean() - bits[500:].mean()) < 0.2  # six standard errors; sorted shots differ by 1


def test_neighbours_on_a_line_need_no_neighbouring_numbers():
    assert line_order(4, [(0, 2), (2, 3)]) in ([0, 2, 3, 1], [1, 0, 2, 3])
    assert line_order(3, []) == [0, 1, 2]
    assert line_order(0, []) == []
    assert line_order(4, [(0, 1), (1, 2), (1, 3)]) is None  # a branch
    assert line_order(3, [(0, 1), (1, 2), (2, 0)]) is None  # a ring


def test_other_circuits_go_to_the_other_sampler():
    ring, rotation, expression, early = (QuantumCircuit(3) for _ in range(4))
    for qubit in range(3):
        ring.cz(qubit, (qubit + 1) % 3)
    rotation.rzz(0.3, 0, 1)
    expression.rz(2 * Parameter("angle"), 0)
    early.add_register(ClassicalRegister(1, "c"))
    early.measure(0, 0)
    early.x(0)
    for circuit in (ring, rotation, expression, early):
        assert read_line(circuit) is None
    ring.measure_all()
    with pytest.raises(AssertionError, match="went to the other sampler"):
        line_sampler().run([ring], shots=1)
    taken = line_sampler(otherwise=lambda: open_matrix_products_of_aer(4, 0.0, seed=1, max_threads=1))
    assert taken.run([ring], shots=3).result()[0].data.meas.get_int_counts() == {0: 3}


def test_bits_go_where_they_are_measured():
    line, two, three = QuantumRegister(3), ClassicalRegister(2, "two"), ClassicalRegister(3, "three")
    circuit = QuantumCircuit(line, two, three)
    circuit.x(2)
    circuit.measure(2, two[1])
    circuit.measure(0, three[0])
    data = line_sampler().run([circuit], shots=2).result()[0].data
    assert data.two.get_bitstrings() == ["10", "10"]
    assert data.three.get_bitstrings() == ["000", "000"]


def test_circuits_of_several_sizes_shapes_and_shots_run_together():
    one, two = QuantumCircuit(1), QuantumCircuit(4)
    one.rx(Parameter("angle"), 0)
    two.x(3)
    for circuit in (one, two):
        circuit.measure_all()
    angles = [[[0.0], [np.pi]], [[np.pi], [0.0]]]
    none, first, second = line_sampler().run([(one, np.zeros((0, 1)), 4), (one, angles, 5), (two, [], 2)]).result()
    assert none.data.meas.array.shape == (0, 4, 1)
    assert first.data.meas.array[..., 0].tolist() == [[[0] * 5, [1] * 5], [[1] * 5, [0] * 5]]
    assert second.data.meas.get_bitstrings() == ["1000", "1000"]


def test_a_number_of_shots_is_needed():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    with pytest.raises(ValueError, match="shots must be given with each PUB or to run, got neither"):
        line_sampler().run([circuit])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_do_not_change_the_samples_and_rows_differ(n_threads, rng):
    circuit = random_circuit(4, rng, order=range(4))
    circuit.rz(Parameter("angle"), 0)
    circuit.measure_all()
    drawn = [
        line_sampler(max_threads=n).run([(circuit, [[0.1]] * 9)], shots=30).result()[0].data.meas.array
        for n in (1, n_threads)
    ]
    np.testing.assert_array_equal(*drawn)
    assert len({row.tobytes() for row in drawn[0]}) == 9
