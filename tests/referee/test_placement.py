"""Orders of qubits on a row of sites, and what is said of a Hamiltonian before it is solved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.frames import mean_field_frames
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.referee.exact import exact_ground_state
from hamiltonian_ml.referee.matrix_product import energy_and_variance
from hamiltonian_ml.referee.placement import Placement, basis_letters, complete, pauli_letters, site_order

seeds = st.integers(0, 2**32 - 1)


def lengths(n_qubits, edges):
    sites = site_order(n_qubits, edges)
    assert sorted(sites) == list(range(n_qubits))
    return [abs(int(sites[i]) - int(sites[j])) for i, j in edges]


@pytest.mark.parametrize("n_qubits", [2, 5, 50, 156])
def test_a_chain_stays_in_its_order(n_qubits):
    np.testing.assert_array_equal(site_order(n_qubits, PauliBasis.chain(n_qubits).edges), np.arange(n_qubits))


@pytest.mark.parametrize("n_qubits", [3, 4, 9, 50])
def test_a_ring_is_folded(n_qubits):
    assert max(lengths(n_qubits, PauliBasis.ring(n_qubits).edges)) == 2


def test_a_shuffled_chain_is_put_in_order(rng):
    names = rng.permutation(30)
    assert set(lengths(30, [(int(names[k]), int(names[k + 1])) for k in range(29)])) == {1}


def test_parts_that_are_not_coupled_stay_apart():
    assert set(lengths(6, [(0, 3), (1, 4), (2, 5)])) == {1}


def test_a_grid_keeps_its_edges_as_short_as_its_width():
    edges = [(4 * r + c, 4 * r + c + 1) for r in range(6) for c in range(3)] + [(q, q + 4) for q in range(20)]
    assert max(lengths(24, edges)) == 4


def test_qubits_without_edges_stay_in_their_order():
    np.testing.assert_array_equal(site_order(4, []), np.arange(4))


@given(n_qubits=st.integers(2, 5), seed=seeds)
def test_problems_have_the_size_bound_and_product_state_of_their_hamiltonian(n_qubits, seed):
    rng = np.random.default_rng(seed)
    edges = [(i, j) for j in range(n_qubits) for i in range(j) if rng.random() < 0.7]
    basis = PauliBasis.from_edges(n_qubits, edges)
    values = rng.normal(size=(2, basis.n_terms)) * rng.integers(0, 2, size=basis.n_terms)
    frames = mean_field_frames(basis, values)
    for row, problem in enumerate(Placement.close(basis).problems(values)):
        operator = basis.to_operator(values[row])
        matrix = operator.to_matrix()
        spread = np.linalg.norm(matrix) / 2 ** (n_qubits / 2)  # no string has a trace
        assert problem.size == pytest.approx(spread or 1.0)
        assert problem.summed_size == pytest.approx(np.abs(values[row]).sum())
        assert exact_ground_state(operator).gap <= problem.gap_bound + 1e-12  # round-off
        energy, _ = energy_and_variance(problem.product, problem.operator)
        assert energy == pytest.approx(frames.energies[row], abs=1e-9)  # the arc cosine loses digits near the poles


def test_the_bound_of_the_gap_is_reached_by_free_qubits():
    basis = PauliBasis.from_edges(3, [])
    values = np.array([[0.0, 0.0, 0.5, 0.0, -0.2, 0.0, 0.3, 0.0, 0.0]])
    problem = next(Placement.close(basis).problems(values))
    assert problem.gap_bound == 0.4
    assert exact_ground_state(basis.to_operator(values[0])).gap == pytest.approx(0.4)


@given(seed=seeds)
def test_letters_are_those_of_the_labels(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(4)
    basis = basis.subset(rng.random(basis.n_terms) < 0.5)
    expected = [["IXYZ".index(letter) for letter in label[::-1]] for label in basis.labels]
    np.testing.assert_array_equal(basis_letters(basis), np.reshape(expected, (-1, 4)))
    if basis.n_terms:
        np.testing.assert_array_equal(pauli_letters(basis.to_operator(np.ones(basis.n_terms)).paulis), expected)


@given(seed=seeds)
def test_a_basis_is_completed_on_its_own_graph(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(5)
    basis = basis.subset(rng.random(basis.n_terms) < 0.3)
    whole, places = complete(basis)
    assert whole.is_complete
    assert whole.edges == basis.edges
    assert [whole.labels[k] for k in places] == basis.labels
