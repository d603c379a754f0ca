"""Tensors of states and operators against dense vectors and matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.referee import matrix_product
from hamiltonian_ml.referee.matrix_product import (
    add_noise,
    add_projector,
    bracket,
    compress,
    energy_and_variance,
    operator_tensors,
    overlap,
    pauli_expectations,
    product_state,
    right_canonical,
)
from tests.reference.dense import dense_expectations, dense_hamiltonian

seeds = st.integers(0, 2**32 - 1)


def random_couplings(rng, n_sites, density=0.6):
    """Return fields and couplings of operator_tensors, and labels and coefficients of the same operator."""
    fields, couplings = rng.normal(size=(n_sites, 3)), np.zeros((3 * n_sites, 3 * n_sites))
    edges = [(q, r) for r in range(n_sites) for q in range(r) if rng.random() < density]
    basis = PauliBasis.from_edges(n_sites, edges)
    for q, r in basis.edges:
        couplings[3 * q : 3 * q + 3, 3 * r : 3 * r + 3] = rng.normal(size=(3, 3))
    pairs = [couplings[3 * q : 3 * q + 3, 3 * r : 3 * r + 3].ravel() for q, r in basis.edges]
    return fields, couplings, basis.labels, np.concatenate([fields.ravel(), *pairs])


def random_state(rng, n_sites, bond=3):
    return add_noise(product_state(np.tile([0.0, 0.0, 1.0], (n_sites, 1))), bond, 1.0, rng)


def to_vector(state):
    """Return the amplitudes; site q is bit q of the index."""
    vector = np.ones((1, 1), dtype=complex)
    for tensor in state:
        vector = np.einsum("aw,wsv->sav", vector, tensor).reshape(-1, tensor.shape[2])
    return vector[:, 0]


def to_matrix(operator):
    matrix = np.ones((1, 1, 1), dtype=complex)
    for tensor in operator:
        left, right = matrix.shape[1:], tensor.shape[1]
        matrix = np.einsum("wab,wvst->vsatb", matrix, tensor).reshape(right, 2 * left[0], 2 * left[1])
    return matrix[0]


@given(n_sites=st.integers(2, 5), seed=seeds)
def test_operator_tensors_are_the_dense_hamiltonian(n_sites, seed):
    fields, couplings, labels, values = random_couplings(np.random.default_rng(seed), n_sites)
    expected = dense_hamiltonian(labels, values)
    np.testing.assert_allclose(to_matrix(operator_tensors(fields, couplings)), expected, atol=1e-12)  # round-off


def test_what_lies_below_the_diagonal_is_not_read(rng):
    fields, couplings, labels, values = random_couplings(rng, 4)
    both = couplings + couplings.T
    expected = dense_hamiltonian(labels, values)
    np.testing.assert_allclose(to_matrix(operator_tensors(fields, both)), expected, atol=1e-12)  # round-off


@pytest.mark.parametrize(("reach", "width"), [(1, 5), (2, 8), (3, 11)])
def test_bonds_are_two_and_three_for_each_qubit_that_is_coupled_across_the_cut(rng, reach, width):
    n_sites = 9
    distances = np.subtract.outer(np.arange(n_sites), np.arange(n_sites))
    near = np.kron(np.abs(distances) <= reach, np.ones((3, 3)))
    couplings = near * rng.normal(size=near.shape)
    assert max(tensor.shape[0] for tensor in operator_tensors(np.zeros((n_sites, 3)), couplings)) == width


def test_uncoupled_and_ising_sites_have_bonds_of_two_and_three():
    couplings = np.zeros((15, 15))
    assert {t.shape[0] for t in operator_tensors(np.ones((5, 3)), couplings)[1:]} == {2}
    for q in range(4):
        couplings[3 * q + 2, 3 * q + 5] = -1
    assert {t.shape[0] for t in operator_tensors(np.ones((5, 3)), couplings)[1:]} == {3}


@given(seed=seeds)
def test_a_product_state_has_its_bloch_vectors(seed):
    vectors = np.random.default_rng(seed).normal(size=(4, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[0] = [0, 0, -1]
    state = product_state(vectors)
    letters = np.zeros((12, 4), dtype=np.int64)
    letters[np.arange(12), np.repeat(np.arange(4), 3)] = np.tile([1, 2, 3], 4)
    values = pauli_expectations(state, letters).reshape(4, 3)
    np.testing.assert_allclose(values, vectors, atol=1e-12)  # the arc cosine loses digits near the poles


@given(n_sites=st.integers(2, 5), seed=seeds)
def test_canonical_tensors_are_isometries_of_the_same_state(n_sites, seed):
    rng = np.random.default_rng(seed)
    shapes = [(1 if q == 0 else 3, 2, 1 if q == n_sites - 1 else 3) for q in range(n_sites)]
    state = [rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in shapes]
    canonical = right_canonical(state)
    vector = to_vector(state)
    assert abs(np.vdot(vector, to_vector(canonical))) == pytest.approx(np.linalg.norm(vector))
    for tensor in canonical:
        # Round-off.
        np.testing.assert_allclose(np.einsum("asb,csb->ac", tensor, tensor.conj()), np.eye(len(tensor)), atol=1e-12)


def test_the_norm_of_a_long_state_does_not_overflow(rng):
    state = add_noise(product_state(np.tile([1.0, 0.0, 0.0], (400, 1))), 8, 100.0, rng)
    assert overlap(state, state) == pytest.approx(1)


@given(n_sites=st.integers(2, 5), seed=seeds)
def test_energy_and_variance_are_those_of_the_dense_state(n_sites, seed):
    rng = np.random.default_rng(seed)
    fields, couplings, labels, values = random_couplings(rng, n_sites)
    state, matrix = random_state(rng, n_sites), dense_hamiltonian(labels, values)
    vector = to_vector(state)
    energy, variance = energy_and_variance(state, operator_tensors(fields, couplings))
    assert energy == pytest.approx(np.vdot(vector, matrix @ vector).real, abs=1e-11)  # round-off of sums of size 100
    # Round-off of squares.
    assert variance == pytest.approx(np.linalg.norm(matrix @ vector - energy * vector) ** 2, abs=1e-10)


def test_the_variance_of_a_long_eigenstate_is_far_below_the_rounding_of_its_squared_energy():
    n_sites = 150
    fields = np.tile([0.0, 0.0, -1 / 3], (n_sites, 1))
    couplings = np.diag(np.tile([0.0, 0.0, -1 / 7], n_sites)[:-3], 3)
    state = product_state(np.tile([0.0, 0.0, 1.0], (n_sites, 1)))
    energy, variance = energy_and_variance(state, operator_tensors(fields, couplings))
    assert energy == pytest.approx(-n_sites / 3 - (n_sites - 1) / 7)
    assert variance < 1e-3 * np.finfo(float).eps * energy**2  # a thousandth of that rounding


@given(n_sites=st.integers(2, 5), seed=seeds)
def test_expectations_of_strings_of_any_length_are_those_of_the_dense_state(n_sites, seed):
    rng = np.random.default_rng(seed)
    state = random_state(rng, n_sites)
    letters = rng.integers(0, 4, size=(12, n_sites))
    letters[3] = 0
    labels = ["".join("IXYZ"[a] for a in row[::-1]) for row in letters]
    expected = dense_expectations(labels, to_vector(state))
    np.testing.assert_allclose(pauli_expectations(state, letters), expected, atol=1e-12)  # round-off


def test_strings_followed_in_parts_have_the_same_expectations(rng, monkeypatch):
    state, letters = random_state(rng, 5), rng.integers(0, 4, size=(40, 5))
    together = pauli_expectations(state, letters)
    monkeypatch.setattr(matrix_product, "LARGEST_BATCH", 100)
    np.testing.assert_allclose(pauli_expectations(state, letters), together, atol=1e-14)  # other order of summation


@given(seed=seeds)
def test_brackets_of_two_states_are_those_of_dense_vectors(seed):
    rng = np.random.default_rng(seed)
    fields, couplings, labels, values = random_couplings(rng, 4)
    left, right = random_state(rng, 4), random_state(rng, 4, bond=2)
    matrix = dense_hamiltonian(labels, values)
    expected = np.vdot(to_vector(left), matrix @ to_vector(right))
    # Round-off of sums of size 100.
    assert bracket(left, operator_tensors(fields, couplings), right) == pytest.approx(expected, abs=1e-11)
    assert overlap(left, right) == pytest.approx(np.vdot(to_vector(left), to_vector(right)), abs=1e-13)  # round-off


def test_a_projector_is_added_to_an_operator(rng):
    fields, couplings, labels, values = random_couplings(rng, 4)
    state = random_state(rng, 4)
    vector = to_vector(state)
    added = add_projector(operator_tensors(fields, couplings), state, 2.5)
    expected = dense_hamiltonian(labels, values) + 2.5 * np.outer(vector, vector.conj())
    np.testing.assert_allclose(to_matrix(added), expected, atol=1e-12)  # round-off


def test_compression_keeps_the_largest_schmidt_vectors(rng):
    state = random_state(rng, 4, bond=4)
    sizes = np.linalg.svd(to_vector(state).reshape(4, 4), compute_uv=False)  # the one cut with more than two of them
    narrow = compress(state, 2)
    assert max(tensor.shape[0] for tensor in narrow) == 2
    assert abs(overlap(narrow, state)) == pytest.approx(np.linalg.norm(sizes[:2]), abs=1e-12)  # round-off
    assert abs(overlap(compress(state, 4), state)) == pytest.approx(1, abs=1e-12)  # round-off
