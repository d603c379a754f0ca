from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from qiskit_ibm_runtime import fake_provider

from hamiltonian_ml.bases import threads
from hamiltonian_ml.bases.frames import FRAMES, mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.circuits import krylov_angles, krylov_circuits, krylov_time_step
from hamiltonian_ml.sampling.template import krylov_template
from tests.reference.trotter import distance_up_to_phase, exact_evolution, trotter_step

ROUND_OFF = 1e-10  # products of some hundred matrices and their angles; 2e-14 is usual

GRAPHS = {
    "chain": PauliBasis.chain(4),
    "one edge": PauliBasis.chain(2),
    "even ring": PauliBasis.ring(4),
    "odd ring": PauliBasis.ring(5),
    "star and a lonely qubit": PauliBasis.from_edges(5, [(3, 0), (1, 3), (3, 2)]),
    "lonely qubits": PauliBasis.from_edges(2, []),
}


def unitary(circuit):
    return Operator(circuit.remove_final_measurements(inplace=False)).data


def cz_depth(circuit):
    return circuit.depth(lambda instruction: instruction.operation.name == "cz")


def evolution(basis, coefficients, time, n_steps, order):
    """Return the unitary of the package's circuit for ``n_steps`` steps over a total time."""
    template = krylov_template(basis, krylov_dimension=n_steps + 1, trotter_order=order)
    values = krylov_angles(template, coefficients[None], time_step=time / n_steps)
    return unitary(template.circuits[-1].assign_parameters(values[-1][0]))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("graph", sorted(GRAPHS))
def test_each_power_is_the_product_of_the_exponentials_of_its_edges(graph, order, rng):
    basis = GRAPHS[graph]
    coefficients = rng.normal(size=(2, basis.n_terms))
    template = krylov_template(basis, krylov_dimension=4, trotter_order=order)
    values = krylov_angles(template, coefficients, time_step=0.3)
    for row, row_coefficients in enumerate(coefficients):
        step = trotter_step(basis.labels, row_coefficients, template.layers, 0.3, order)
        for power, circuit in enumerate(template.circuits, start=1):
            got = unitary(circuit.assign_parameters(values[power - 1][row]))
            assert distance_up_to_phase(got, np.linalg.matrix_power(step, power)) < ROUND_OFF


def test_the_automatic_time_step_is_the_one_used(rng):
    basis = PauliBasis.chain(3)
    coefficients = rng.normal(size=(2, basis.n_terms))
    template = krylov_template(basis, krylov_dimension=2)
    (automatic,) = krylov_angles(template, coefficients)
    for row, step in enumerate(krylov_time_step(basis, coefficients)):
        (given,) = krylov_angles(template, coefficients[row : row + 1], time_step=float(step))
        np.testing.assert_array_equal(automatic[row], given[0])


@pytest.mark.parametrize(("order", "ratio"), [(1, 2), (2, 4)])
def test_the_trotter_error_falls_at_its_order_when_steps_are_doubled(order, ratio, rng):
    basis = PauliBasis.chain(3)
    coefficients = rng.normal(size=basis.n_terms)
    exact = exact_evolution(basis.labels, coefficients, 0.5)
    errors = [distance_up_to_phase(evolution(basis, coefficients, 0.5, n, order), exact) for n in (16, 32)]
    assert errors[0] > 1e-4  # an evolution without any error, as a high-level gate has in simulation, fails here
    assert errors[0] / errors[1] == pytest.approx(ratio, rel=0.05)  # 5 % for the next term, which is 1/16 as large


def test_the_state_moves_and_moves_further_with_each_power(rng):
    basis = PauliBasis.chain(4)
    template = krylov_template(basis, krylov_dimension=4)
    values = krylov_angles(template, rng.normal(size=(1, basis.n_terms)))
    stays = [
        Statevector(c.assign_parameters(v[0]).remove_final_measurements(inplace=False)).probabilities()[0]
        for c, v in zip(template.circuits, values, strict=True)
    ]
    assert 0.95 > stays[0] > stays[1] > stays[2]


def test_strings_that_are_not_in_the_basis_have_no_effect(rng):
    whole = PauliBasis.chain(3)
    keep = rng.random(whole.n_terms) < 0.5
    coefficients = np.where(keep, rng.normal(size=whole.n_terms), 0.0)
    part = whole.subset(keep)
    assert part.edges == whole.edges  # otherwise the two would share out the one-qubit terms differently
    np.testing.assert_allclose(
        evolution(part, coefficients[keep], 0.4, 2, 1), evolution(whole, coefficients, 0.4, 2, 1), atol=ROUND_OFF
    )


@pytest.mark.parametrize(("order", "n_layers"), [(1, [2, 4, 6]), (2, [3, 5, 7])])
def test_fifty_qubits_take_six_cz_layers_a_step_and_two_layers_of_edges(order, n_layers):
    template = krylov_template(PauliBasis.chain(50), krylov_dimension=4, trotter_order=order)
    assert [len(layer) for layer in template.layers] == [25, 24]
    assert [cz_depth(circuit) for circuit in template.circuits] == [3 * n for n in n_layers]
    first = template.circuits[0].count_ops()
    assert first["cz"] == (147 if order == 1 else 147 + 75)
    assert set(first) == {"u", "cz", "measure", "barrier"}


@pytest.mark.parametrize("n_qubits", [12, 50, 120])
def test_a_heavy_hexagonal_step_takes_at_most_nine_cz_layers(n_qubits):
    basis = PauliBasis.heavy_hex(n_qubits)
    (circuit,) = krylov_template(basis, krylov_dimension=2).circuits
    assert circuit.count_ops()["cz"] == 3 * len(basis.edges)
    assert cz_depth(circuit) <= 9


def test_one_qubit_gates_between_two_layers_are_one_gate():
    (circuit,) = krylov_template(PauliBasis.chain(50), krylov_dimension=2).circuits
    between_cz = 4 * 49  # inside the edge gates
    at_ends_and_between_layers = 50 + 50 + 48  # all but the two end qubits are in two layers
    assert circuit.count_ops()["u"] == between_cz + at_ends_and_between_layers


def test_parameters_are_numbered_as_the_values_are():
    template = krylov_template(PauliBasis.chain(12), krylov_dimension=4)
    for circuit, places in zip(template.circuits, template.places, strict=True):
        assert len(places) == circuit.num_parameters
        assert [parameter.index for parameter in circuit.parameters] == list(range(len(places)))


@pytest.mark.parametrize("device", ["Torino", "Fez", "Marrakesh", "Kingston", "Aachen", "Boston", "Pittsburgh"])
def test_a_line_of_a_heron_runs_a_step_with_no_further_two_qubit_gate(device):
    target = getattr(fake_provider, f"Fake{device}")().target
    (circuit,) = krylov_template(PauliBasis.chain(50), krylov_dimension=2).circuits
    compiled = transpile(
        circuit, target=target, initial_layout=line(target, 50), optimization_level=1, seed_transpiler=1
    )
    assert compiled.count_ops()["cz"] == 147
    assert cz_depth(compiled) == 6
    assert set(compiled.count_ops()) <= {"cz", "rz", "sx", "x", "measure", "barrier"}
    assert compiled.num_parameters == circuit.num_parameters


def line(target, n_qubits):
    """Return the qubits of some path of a device, found by depth-first search from its lowest qubits on."""
    neighbours = {}
    for i, j in target.build_coupling_map().get_edges():
        neighbours.setdefault(i, set()).add(j)
        neighbours.setdefault(j, set()).add(i)

    def extend(path):
        if len(path) == n_qubits:
            return path
        free = sorted(neighbours[path[-1]] - set(path), key=lambda q: (len(neighbours[q] - set(path)), q))
        return next((found for q in free if (found := extend([*path, q]))), None)

    return extend([0])


def test_the_time_step_is_pi_over_eight_mean_local_scales():
    basis = PauliBasis.from_edges(3, [(0, 1)])
    coefficients = np.zeros((1, basis.n_terms))
    coefficients[0, :3] = [0.0, 3.0, 4.0]  # a field of length 5 on qubit 0
    coefficients[0, 9:] = 2.0  # a coupling of norm 6 between 0 and 1
    assert krylov_time_step(basis, coefficients)[0] == pytest.approx(np.pi / (8 * (11 + 6 + 0) / 3))


def test_the_time_step_is_the_same_in_all_frames(rng):
    basis = PauliBasis.ring(5)
    coefficients = rng.normal(size=(3, basis.n_terms))
    turned = rotate(basis, coefficients, mean_field_frames(basis, coefficients).rotations)
    assert np.abs(turned - coefficients).max() > 0.1
    # Round-off of a rotation.
    np.testing.assert_allclose(krylov_time_step(basis, turned), krylov_time_step(basis, coefficients), rtol=1e-10)


def test_the_time_step_does_not_shrink_with_the_number_of_qubits():
    small, large = (krylov_time_step(b, np.ones((1, b.n_terms)))[0] for b in (PauliBasis.ring(4), PauliBasis.ring(70)))
    assert small == pytest.approx(large, rel=1e-12)  # every qubit of a ring has the same terms


def test_a_pair_flip_is_most_likely_at_the_second_power():
    basis = PauliBasis.chain(2)
    operator = SparsePauliOp.from_list([("IZ", -1.0), ("ZI", -1.0), ("XX", 0.05)])
    coefficients = basis.coefficients(operator)[0][None]
    template = krylov_template(basis, krylov_dimension=5)
    flipped = [
        Statevector(c.assign_parameters(v[0]).remove_final_measurements(inplace=False)).probabilities()[3]
        for c, v in zip(template.circuits, krylov_angles(template, coefficients), strict=True)
    ]
    assert np.argmax(flipped) == 1


def test_a_row_without_terms_stays_where_it_is():
    basis = PauliBasis.chain(3)
    assert krylov_time_step(basis, np.zeros((1, basis.n_terms)))[0] == 0
    template = krylov_template(basis, krylov_dimension=2)
    (values,) = krylov_angles(template, np.zeros((1, basis.n_terms)))
    got = unitary(template.circuits[0].assign_parameters(values[0]))
    assert distance_up_to_phase(got, np.eye(8)) < ROUND_OFF


def test_circuits_of_an_operator_evolve_it_in_its_own_axes():
    operator = SparsePauliOp.from_list([("IXY", 0.7), ("ZIZ", -0.4), ("IIY", 0.3), ("III", 5.0)])
    circuits = krylov_circuits(operator, krylov_dimension=3, time_step=1e-4, frame="computational")
    assert [circuit.num_parameters for circuit in circuits] == [0, 0]
    for power, circuit in enumerate(circuits, start=1):
        exact = exact_evolution(operator.paulis.to_labels(), operator.coeffs.real, power * 1e-4)
        assert distance_up_to_phase(unitary(circuit), exact) < 1e-7  # Trotter error: the square of the step


def test_mean_field_axes_cost_no_gate(rng):
    basis = PauliBasis.chain(5)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    turned, plain = (krylov_circuits(operator, krylov_dimension=3, frame=name) for name in FRAMES)
    assert [circuit.count_ops() for circuit in turned] == [circuit.count_ops() for circuit in plain]


def test_circuits_in_mean_field_axes_leave_a_product_ground_state_alone():
    operator = SparsePauliOp.from_list([("IX", 0.7), ("YI", -0.4), ("IZ", 0.2)])
    for frame, stays in (("mean_field", True), ("computational", False)):
        (circuit,) = krylov_circuits(operator, krylov_dimension=2, frame=frame)
        probability = Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()[0]
        assert (probability > 1 - 1e-9) == stays


def test_circuits_hold_no_gate_that_hides_others():
    operator = SparsePauliOp.from_list([("IXY", 0.7), ("ZIZ", -0.4)])
    for circuit in krylov_circuits(operator, krylov_dimension=4, trotter_order=2):
        assert isinstance(circuit, QuantumCircuit)
        assert set(circuit.count_ops()) == {"u", "cz", "measure", "barrier"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"krylov_dimension": 1}, r"krylov_dimension must be an integer of at least 2, got 1"),
        ({"krylov_dimension": 2.5}, r"krylov_dimension must be an integer of at least 2, got 2\.5"),
        ({"trotter_order": 4}, r"trotter_order must be one of 1, 2, got 4"),
        ({"time_step": 0.0}, r'time_step must be "auto" or a positive number in 1/energy, got 0\.0'),
        ({"time_step": float("nan")}, r"time_step must be .* got nan"),
        ({"time_step": "fast"}, r"time_step must be .* got 'fast'"),
        ({"frame": "lab"}, r"frame must be one of 'mean_field', 'computational', got 'lab'"),
    ],
)
def test_unknown_options_are_refused(options, message):
    operator = SparsePauliOp.from_list([("XX", 1.0)])
    with pytest.raises(ValueError, match=message):
        krylov_circuits(operator, **{"krylov_dimension": 3, **options})


def test_coefficients_that_do_not_fit_are_refused():
    template = krylov_template(PauliBasis.chain(3), krylov_dimension=2)
    with pytest.raises(ValueError, match=r"must have shape \(n_rows, n_terms\) with n_terms = 27, got \(1, 26\)"):
        krylov_angles(template, np.zeros((1, 26)))
    with pytest.raises(ValueError, match="must be finite"):
        krylov_angles(template, np.full((1, 27), np.nan))


def test_many_rows_in_threads_get_the_angles_that_each_gets_alone(rng, monkeypatch):
    monkeypatch.setattr(threads, "n_threads", lambda: 3)
    basis = PauliBasis.chain(3)
    template = krylov_template(basis, krylov_dimension=3)
    rows = rng.normal(size=(200, basis.n_terms))  # several blocks a thread
    together = krylov_angles(template, rows)
    for row in (0, 31, 32, 199):
        for all_rows, alone in zip(together, krylov_angles(template, rows[[row]]), strict=True):
            np.testing.assert_array_equal(all_rows[row], alone[0])
