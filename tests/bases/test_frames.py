"""Mean-field product states and rotations into their frames, against dense matrices and a general optimiser."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltonian_ml.bases import kernels
from hamiltonian_ml.bases.frames import linked_qubits, mean_field_frames, rotate, rotate_back
from hamiltonian_ml.bases.pauli import PauliBasis
from tests.reference.dense import dense_expectations, dense_hamiltonian
from tests.reference.mean_field import lowest_product_energy, product_energy, product_state

seeds = st.integers(0, 2**32 - 1)


@st.composite
def small_problems(draw):
    n_qubits = draw(st.integers(1, 4))
    pairs = list(combinations(range(n_qubits), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    basis = PauliBasis.from_edges(n_qubits, edges)
    rng = np.random.default_rng(draw(seeds))
    coefficients = rng.normal(size=(2, basis.n_terms)) * rng.integers(0, 2, basis.n_terms)  # some strings are missing
    return basis, coefficients


def random_rotations(rng, *shape):
    matrices, triangles = np.linalg.qr(rng.normal(size=(*shape, 3, 3)))
    matrices = matrices * np.sign(np.diagonal(triangles, axis1=-2, axis2=-1))[..., None, :]
    return matrices * np.linalg.det(matrices)[..., None, None]


def terms(basis, **values):
    """Return one row with the given value on all strings that have these letters and no others."""
    return np.array([[values.get(label.replace("I", ""), 0.0) for label in basis.labels]])


def backward(basis):
    return PauliBasis(basis.n_qubits, basis.edges, basis.qubits[::-1], basis.paulis[::-1])


def near_diagonal(rng, basis, n_rows, size):
    coefficients = size * rng.normal(size=(n_rows, basis.n_terms))
    coefficients[:, 2 : 3 * basis.n_qubits : 3] += 1
    return coefficients


@given(problem=small_problems(), seed=seeds)
def test_rotation_is_a_change_of_basis_of_each_qubit(problem, seed):
    basis, coefficients = problem
    rotations = random_rotations(np.random.default_rng(seed), 2, basis.n_qubits)
    for before, after in zip(coefficients, rotate(basis, coefficients, rotations), strict=True):
        old = np.linalg.eigvalsh(dense_hamiltonian(basis.labels, before))
        new = np.linalg.eigvalsh(dense_hamiltonian(basis.labels, after))
        np.testing.assert_allclose(new, old, atol=1e-12)  # round-off of 48 coefficients of size 1


@given(problem=small_problems(), seed=seeds)
def test_expectations_rotate_with_the_bloch_vectors(problem, seed):
    basis, _ = problem
    rng = np.random.default_rng(seed)
    rotations = random_rotations(rng, 1, basis.n_qubits)
    vectors = random_rotations(rng, basis.n_qubits)[:, 0]
    turned = np.einsum("qab,qb->qa", rotations[0], vectors)
    before = dense_expectations(basis.labels, product_state(vectors))
    after = dense_expectations(basis.labels, product_state(turned))
    np.testing.assert_allclose(rotate(basis, before[None], rotations)[0], after, atol=1e-7)  # arccos of a cosine near 1
    np.testing.assert_allclose(rotate_back(basis, after[None], rotations)[0], before, atol=1e-7)  # the same


@given(problem=small_problems(), seed=seeds)
def test_rotating_back_is_the_inverse_and_the_transpose(problem, seed):
    basis, coefficients = problem
    rng = np.random.default_rng(seed)
    rotations = random_rotations(rng, 2, basis.n_qubits)
    turned = rotate(basis, coefficients, rotations)
    np.testing.assert_allclose(rotate_back(basis, turned, rotations), coefficients, atol=1e-13)  # round-off
    others = rng.normal(size=coefficients.shape)
    forward = (others * turned).sum(axis=1)
    backward = (rotate_back(basis, others, rotations) * coefficients).sum(axis=1)
    np.testing.assert_allclose(forward, backward, atol=1e-12)  # round-off of a sum of 48 terms


@given(problem=small_problems())
def test_the_product_state_is_all_zeros_in_its_frame_and_has_the_stated_energy(problem):
    basis, coefficients = problem
    frames = mean_field_frames(basis, coefficients)
    rotated = rotate(basis, coefficients, frames.rotations)
    for row, (values, vectors) in enumerate(zip(coefficients, frames.bloch_vectors, strict=True)):
        dense = dense_hamiltonian(basis.labels, rotated[row])
        assert dense[0, 0].real == pytest.approx(frames.energies[row], abs=1e-12)  # round-off, as below
        # Round-off.
        assert product_energy(basis.labels, values, vectors) == pytest.approx(frames.energies[row], abs=1e-12)
        exact = np.linalg.eigvalsh(dense_hamiltonian(basis.labels, values))
        assert frames.energies[row] >= exact[0] - 1e-12


@given(problem=small_problems())
def test_no_single_flip_leads_out_of_a_converged_product_state(problem):
    basis, coefficients = problem
    frames = mean_field_frames(basis, coefficients)
    for converged, values in zip(frames.converged, rotate(basis, coefficients, frames.rotations), strict=True):
        column = dense_hamiltonian(basis.labels, values)[:, 0]
        flips = column[2 ** np.arange(basis.n_qubits)]
        # tol is 1e-8 of the largest field, at most 20 here; the state was still turning by that much before its
        # last sweep, and its neighbours' fields turn with it
        assert not converged or np.abs(flips).max() < 1e-6


@given(problem=small_problems())
def test_rotations_are_proper(problem):
    basis, coefficients = problem
    rotations = mean_field_frames(basis, coefficients).rotations
    products = rotations @ np.swapaxes(rotations, -1, -2)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-14)  # round-off
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-14)  # round-off


def test_a_general_optimiser_rarely_finds_a_lower_product_state(rng):
    lower, n_rows = 0, 12
    for basis in (PauliBasis.chain(3), PauliBasis.ring(4)):
        coefficients = rng.normal(size=(n_rows, basis.n_terms))
        energies = mean_field_frames(basis, coefficients).energies
        for values, energy in zip(coefficients, energies, strict=True):
            best = lowest_product_energy(basis.labels, values, 12, rng)
            assert energy - best < 0.1 * abs(best)  # a local minimum, but never a poor one
            lower += best < energy - 1e-6 * abs(energy)
    assert lower <= 0.05 * 2 * n_rows  # 0 and 2 % of 150 rows (chains of 3, rings of 4)


@given(problem=small_problems(), seed=seeds)
def test_stitching_finds_the_best_combination_on_the_forest(problem, seed):
    basis, coefficients = problem
    graph, n_qubits = linked_qubits(basis), basis.n_qubits
    candidates = random_rotations(np.random.default_rng(seed), 3, n_qubits)[:, :, 0]
    fields = coefficients[0, : 3 * n_qubits].reshape(-1, 3)
    edge_couplings = coefficients[0, 3 * n_qubits :].reshape(-1, 3, 3)
    couplings = np.array([edge_couplings[e] for e in graph.link_edge]).reshape(-1, 3, 3)
    for i in range(n_qubits):
        for k in range(graph.start[i], graph.start[i + 1]):
            if i > graph.link_qubit[k]:
                couplings[k] = couplings[k].T
    choices = [range(3) if i in graph.order else [1] for i in range(n_qubits)]
    states = [candidates[list(choice), range(n_qubits)] for choice in product(*choices)]
    expected = min(product_energy(basis.labels, coefficients[0], state) for state in states)
    stitched = np.empty((n_qubits, 3))
    kernels.stitch(graph, fields, couplings, candidates, 1, stitched)
    assert product_energy(basis.labels, coefficients[0], stitched) == pytest.approx(expected, abs=1e-12)  # round-off


@given(n_qubits=st.integers(1, 9), data=st.data())
def test_the_forest_closes_no_loop_and_leaves_out_no_more_than_a_ring_must(n_qubits, data):
    pairs = list(combinations(range(n_qubits), 2))
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph = linked_qubits(PauliBasis.from_edges(n_qubits, edges))
    inside = graph.order.tolist()
    inner_edges = [(i, j) for i, j in edges if i in inside and j in inside]
    roots = np.count_nonzero(graph.parent_link == kernels.ROOT)
    assert len(inner_edges) == len(inside) - roots  # a forest with one tree for each root
    for place, i in enumerate(inside):
        if graph.parent_link[i] != kernels.ROOT:
            assert graph.link_qubit[graph.parent_link[i]] in inside[:place]
    assert len(linked_qubits(PauliBasis.chain(n_qubits)).order) == n_qubits
    assert len(linked_qubits(PauliBasis.ring(n_qubits + 2)).order) == n_qubits + 1


def test_long_chains_come_close_to_the_best_of_many_starts(rng):
    basis = PauliBasis.chain(50)
    coefficients = rng.normal(size=(40, basis.n_terms))
    few, many = (mean_field_frames(basis, coefficients, n_starts=n).energies for n in (6, 96))
    loss = (few - many) / np.abs(many)
    assert loss.mean() < 3e-3  # 9e-4 in a larger sample; ten times that if whole start states compete
    assert np.mean(loss < 1e-9) > 0.5  # .69 in a larger sample


@pytest.mark.parametrize("n_qubits", [6, 50])
def test_near_diagonal_hamiltonians_reach_the_same_state_from_few_starts_and_many(rng, n_qubits):
    basis = PauliBasis.chain(n_qubits)
    coefficients = near_diagonal(rng, basis, 20, 0.02)
    few, many = (mean_field_frames(basis, coefficients, n_starts=n) for n in (1, 40))
    assert few.converged.all()
    np.testing.assert_allclose(few.energies, many.energies, rtol=1e-12)  # the square of tol, and round-off
    np.testing.assert_allclose(few.bloch_vectors, many.bloch_vectors, atol=1e-7)  # tol, and its growth along the chain


@pytest.mark.parametrize("field", [0.0, 0.5, 1.9, 2.1, 5.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_transverse_ising_ring_has_its_known_product_energy(field, sign):
    basis = PauliBasis.ring(6)  # an even ring: the antiferromagnet is the ferromagnet with every other spin turned
    frames = mean_field_frames(basis, terms(basis, ZZ=sign, X=field))
    per_qubit = -field if field > 2 else -1 - field**2 / 4  # cos(theta)**2 + field sin(theta), minimised
    assert frames.energies[0] == pytest.approx(6 * per_qubit, rel=1e-12)  # the tolerance of the states, squared


@pytest.mark.parametrize(
    ("basis", "sign", "per_edge"),
    [
        (PauliBasis.ring(8), 1, -1),
        (PauliBasis.ring(3), 1, -0.5),  # three vectors at 120 degrees
        (PauliBasis.ring(5), 1, np.cos(4 * np.pi / 5)),
        (PauliBasis.ring(8), -1, -1),
        (PauliBasis.chain(50), 1, -1),
        (PauliBasis.from_edges(4, combinations(range(4), 2)), 1, -1 / 3),  # the vectors add up to zero
    ],
)
def test_heisenberg_models_have_their_classical_energies(basis, sign, per_edge):
    frames = mean_field_frames(basis, terms(basis, XX=sign, YY=sign, ZZ=sign))
    assert frames.converged[0]
    assert frames.energies[0] == pytest.approx(per_edge * len(basis.edges), rel=1e-9)  # soft modes settle slowly


def test_independent_qubits_point_against_their_fields(rng):
    basis = PauliBasis.from_edges(3, [])
    fields = rng.normal(size=(5, 3, 3))
    frames = mean_field_frames(basis, fields.reshape(5, 9))
    sizes = np.linalg.norm(fields, axis=2)
    np.testing.assert_allclose(frames.bloch_vectors, -fields / sizes[:, :, None], atol=1e-15)  # round-off
    np.testing.assert_allclose(frames.energies, -sizes.sum(axis=1), rtol=1e-15)  # round-off


@given(seed=seeds, isotropic=st.booleans(), ring=st.booleans())
def test_frames_of_a_rotated_hamiltonian_are_the_identity_or_lower(seed, isotropic, ring):
    basis = PauliBasis.ring(7) if ring else PauliBasis.chain(7)
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(4, basis.n_terms)) if isotropic else near_diagonal(rng, basis, 4, 0.1)
    first = mean_field_frames(basis, coefficients)
    again = mean_field_frames(basis, rotate(basis, coefficients, first.rotations))
    deviation = np.abs(again.rotations - np.eye(3)).max(axis=(1, 2, 3))
    settled = again.energies > first.energies - 1e-9 * np.abs(first.energies)  # ten times a tie, which keeps the first
    assert (deviation[settled & first.converged] < 1e-5).all()  # soft modes: a small torque is a larger turn
    assert (again.energies <= first.energies + 1e-9).all()
    assert isotropic or settled.all()


@given(n_qubits=st.integers(3, 8), seed=seeds)
def test_a_degenerate_hamiltonian_keeps_its_frame(n_qubits, seed):
    basis = PauliBasis.ring(2 * n_qubits)  # any common rotation of all spins costs nothing
    turned = random_rotations(np.random.default_rng(seed), 1, basis.n_qubits)
    coefficients = rotate(basis, terms(basis, XX=1, YY=1, ZZ=1), turned)  # so that round-off decides between ties
    first = mean_field_frames(basis, coefficients)
    again = mean_field_frames(basis, rotate(basis, coefficients, first.rotations))
    np.testing.assert_allclose(again.rotations[0], [np.eye(3)] * basis.n_qubits, atol=1e-5)  # soft modes


def test_one_row_is_the_same_alone_and_in_any_batch_and_on_every_call(rng):
    basis = PauliBasis.ring(9)
    coefficients = rng.normal(size=(6, basis.n_terms))
    batch = mean_field_frames(basis, coefficients)
    alone = [mean_field_frames(basis, row[None]) for row in coefficients]
    np.testing.assert_array_equal(batch.rotations, np.concatenate([frames.rotations for frames in alone]))
    np.testing.assert_array_equal(batch.sweeps, [frames.sweeps[0] for frames in alone])


@given(scale=st.sampled_from([1e-300, 1e-12, 3.0, 1e90]), seed=seeds)
def test_scaling_a_hamiltonian_scales_its_energy_only(scale, seed):
    basis = PauliBasis.chain(5)
    coefficients = np.random.default_rng(seed).normal(size=(1, basis.n_terms))
    plain, scaled = mean_field_frames(basis, coefficients), mean_field_frames(basis, scale * coefficients)
    np.testing.assert_allclose(scaled.energies, scale * plain.energies, rtol=1e-7)  # soft modes
    np.testing.assert_allclose(scaled.bloch_vectors, plain.bloch_vectors, atol=1e-5)  # the same, to first order


def test_a_hamiltonian_of_zeros_has_the_computational_frame():
    basis = PauliBasis.chain(4)
    frames = mean_field_frames(basis, np.zeros((2, basis.n_terms)))
    assert frames.converged.all()
    np.testing.assert_array_equal(frames.energies, 0)
    np.testing.assert_array_equal(frames.rotations, [[np.eye(3)] * 4] * 2)


@settings(max_examples=50)
@given(angle=st.floats(0, 2 * np.pi), tilt=st.sampled_from([0.0, 1e-14, 1e-9, 1e-6, 0.3]), down=st.booleans())
def test_rotations_are_accurate_near_both_poles(angle, tilt, down):
    vector = np.array([np.sin(tilt) * np.cos(angle), np.sin(tilt) * np.sin(angle), np.cos(tilt) * (-1 if down else 1)])
    basis = PauliBasis.chain(1)
    rotation = mean_field_frames(basis, -vector[None]).rotations[0, 0]
    np.testing.assert_allclose(rotation @ vector, [0, 0, 1], atol=1e-10)  # -z is met to 1e-10
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-14)  # round-off
    assert np.linalg.det(rotation) == pytest.approx(1)
    if not down:  # the smallest rotation: it moves nothing by more than the tilt
        assert np.linalg.norm(rotation - np.eye(3), 2) <= 2 * np.sin(tilt / 2) + 1e-14


def test_a_row_stopped_early_says_so(rng):
    basis = PauliBasis.chain(20)
    frames = mean_field_frames(basis, rng.normal(size=(3, basis.n_terms)), max_sweeps=2)
    assert not frames.converged.any()
    assert (frames.sweeps == 2).all()


def test_more_sweeps_and_more_starts_never_raise_the_energy(rng):
    basis = PauliBasis.ring(12)
    coefficients = rng.normal(size=(10, basis.n_terms))
    by_sweeps = [mean_field_frames(basis, coefficients, max_sweeps=n).energies for n in (1, 2, 8, 9, 10, 20, 200)]
    assert (np.diff(by_sweeps, axis=0) <= 1e-12).all()  # round-off


def test_seventy_qubits_are_no_different(rng):
    basis = PauliBasis.chain(70)
    coefficients = near_diagonal(rng, basis, 2, 0.1)
    frames = mean_field_frames(basis, coefficients)
    assert frames.energies[0] == pytest.approx(product_energy(basis.labels, coefficients[0], frames.bloch_vectors[0]))


def test_no_rows_give_no_frames():
    basis = PauliBasis.chain(3)
    frames = mean_field_frames(basis, np.zeros((0, basis.n_terms)))
    assert frames.rotations.shape == (0, 3, 3, 3)
    assert rotate(basis, np.zeros((0, basis.n_terms)), frames.rotations).shape == (0, basis.n_terms)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: mean_field_frames(b.subset(b.n_y == 0), np.zeros((1, 15))), "basis must hold every string on its 3"),
        (lambda b: mean_field_frames(backward(b), np.zeros((1, 27))), "27 strings; use PauliBasis.from_edges"),
        (lambda b: rotate(b.subset(b.n_y == 0), [[0]], np.eye(3)), "basis must hold every string on its 3 qubits"),
        (lambda b: mean_field_frames(b, np.zeros(27)), r"coefficients must have shape \(n_rows, n_terms\)"),
        (lambda b: mean_field_frames(b, np.full((1, 27), np.nan)), "coefficients must be finite"),
        (
            lambda b: mean_field_frames(b, np.zeros((1, 27)), n_starts=0),
            "n_starts must be an integer of at least 1, got 0",
        ),
        (
            lambda b: mean_field_frames(b, np.zeros((1, 27)), max_sweeps=1.5),
            "max_sweeps must be an integer of at least 1",
        ),
        (lambda b: mean_field_frames(b, np.zeros((1, 27)), tol=0.0), "tol must lie between 0 and 1, got 0.0"),
        (lambda b: rotate(b, np.zeros((2, 27)), np.zeros((1, 3, 3, 3))), r"must have shape \(2, 3, 3, 3\)"),
        (lambda b: rotate_back(b, np.zeros((2, 27)), np.zeros((1, 3, 3, 3))), r"must have shape \(2, 3, 3, 3\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(PauliBasis.chain(3))
