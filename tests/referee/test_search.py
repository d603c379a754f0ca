"""Starts, restarts, truncation and gaps of matrix product searches, through the public function."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from hamiltonian_ml import PauliBasis
from hamiltonian_ml.referee.dmrg import dmrg_expectations, dmrg_ground_state
from hamiltonian_ml.referee.exact import exact_ground_state
from tests.reference.spin_models import free_fermions, graph, uniform

TIGHT = {"cutoff": 1e-15, "tol": 1e-13, "random_state": 0}  # truncations of the size of round-off


def xxz_ring(n_qubits):
    """Return a ring that keeps the sum of all Z, whose ground state has another one than the mean-field state."""
    basis = PauliBasis.ring(n_qubits)
    return basis.to_operator(uniform(basis, XX=1.0, YY=1.0, ZZ=-0.5, Z=0.9))


def test_a_start_in_the_wrong_symmetry_sector_is_left():
    operator = xxz_ring(16)
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, random_state=0)
    assert state.energy == pytest.approx(exact.energy, abs=1e-5)  # far below the gap of 0.08
    magnetisation = SparsePauliOp.from_sparse_list([("Z", [q], 1.0) for q in range(16)], num_qubits=16)
    # Sectors differ by 2.
    assert state.expectation(magnetisation) == pytest.approx(exact.expectation(magnetisation), abs=1e-2)
    assert exact.expectation(magnetisation) > -15  # that of the mean-field state is -16


def test_a_gap_of_a_thousandth_of_the_coefficients_does_not_stop_a_search_early():
    operator = xxz_ring(12)
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, random_state=0)
    assert 0.002 < exact.gap < 0.004
    assert state.energy == pytest.approx(exact.energy, abs=2e-5)  # a hundredth of the gap
    assert state.converged


def test_a_search_that_is_stuck_starts_again():
    # two-site updates never entangle qubits that are far apart in the row: a product state stays one
    stuck = dmrg_ground_state(SparsePauliOp.from_sparse_list([("Z", [q], 1.0) for q in range(10)], 10), random_state=0)
    singlets = SparsePauliOp.from_sparse_list(
        [(letters, [q, 9 - q], 1.0) for letters in ("XX", "YY", "ZZ") for q in range(5)], num_qubits=10
    )
    once = dmrg_ground_state(singlets, initial=stuck, max_restarts=0, random_state=0)
    assert once.energy == pytest.approx(-7)  # one singlet in the middle, four pairs of opposite spins
    assert once.residual > 1
    again = dmrg_ground_state(singlets, initial=stuck, random_state=0)
    assert again.energy == pytest.approx(-15)
    assert again.n_starts == 2


@pytest.mark.parametrize("kind", ["chain", "ring", "random"])
def test_the_gap_is_exact_where_it_is_asked_for(kind):
    rng = np.random.default_rng(1)
    basis = graph(kind, 7, rng)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, find_gap=True, random_state=0)
    assert state.gap == pytest.approx(exact.gap, abs=1e-5)  # the excited state converges less well
    assert not state.degenerate


def test_the_gap_of_a_30_qubit_chain_is_that_of_free_fermions():
    basis = PauliBasis.chain(30)
    operator = basis.to_operator(uniform(basis, ZZ=-1.0, X=-1.5))
    state = dmrg_ground_state(operator, find_gap=True, random_state=0)
    assert state.gap == pytest.approx(free_fermions(30, 1.5)[3], abs=1e-5)  # residuals, squared, with room


def test_the_gap_is_not_known_where_it_is_not_asked_for():
    state = dmrg_ground_state(SparsePauliOp(["ZI", "IZ"]), random_state=0)
    assert np.isnan(state.gap)
    assert not state.degenerate


@pytest.mark.parametrize(
    ("basis", "values"),
    [
        (PauliBasis.ring(9), {"XX": 1.0, "YY": 1.0, "ZZ": 1.0}),  # half-integer spin
        (PauliBasis.chain(12), {"ZZ": -1.0, "X": -0.1}),  # split by 1e-12
        (PauliBasis.chain(4), {}),
    ],
)
def test_degenerate_ground_states_are_reported(basis, values):
    state = dmrg_ground_state(basis.to_operator(uniform(basis, **values)), find_gap=True, random_state=0)
    assert state.degenerate
    assert state.gap == 0


def test_levels_that_the_residual_cannot_tell_apart_are_degenerate():
    basis = PauliBasis.chain(8)
    operator = basis.to_operator(uniform(basis, ZZ=-1.0, X=-0.3))
    gap = free_fermions(8, 0.3)[3]
    assert 1e-5 < gap < 1e-3
    rough, tight = (dmrg_ground_state(operator, cutoff=c, find_gap=True, random_state=0) for c in (1e-5, 1e-15))
    assert rough.residual > gap
    assert rough.degenerate
    assert rough.gap == 0
    assert not tight.degenerate
    assert tight.gap == pytest.approx(gap, rel=1e-3)


def test_a_qubit_without_terms_makes_the_ground_state_degenerate():
    state = dmrg_ground_state(SparsePauliOp(["IIZ", "IZZ"]), find_gap=True, random_state=0)
    assert state.degenerate
    assert state.energy == pytest.approx(-2)


def test_a_truncated_state_says_how_good_it_is():
    basis = PauliBasis.chain(10)
    operator = basis.to_operator(uniform(basis, XX=1.0, YY=1.0, ZZ=1.0))
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, max_bond=4, random_state=0)
    assert state.bond_dimension == 4
    assert state.discarded_weight > 1e-4
    assert state.residual > 1e-3 * np.linalg.norm(operator.coeffs)
    assert state.n_starts == 3  # the first start and both restarts
    assert exact.energy < state.energy < exact.energy + state.residual
    square = (operator @ operator).simplify()
    variance = state.expectation(square) - state.energy**2
    assert state.residual == pytest.approx(np.sqrt(variance), rel=1e-6)  # round-off of a difference of squares


def test_a_search_that_is_cut_short_says_so():
    basis = PauliBasis.chain(20)
    operator = basis.to_operator(uniform(basis, ZZ=-1.0, X=-1.0))
    state = dmrg_ground_state(operator, max_sweeps=1, max_restarts=0, random_state=0)
    assert (state.converged, state.n_sweeps, state.n_starts) == (False, 1, 1)
    assert state.energy > free_fermions(20, 1.0)[0] + 1e-6
    rows = dmrg_expectations(basis, uniform(basis, ZZ=-1.0, X=-1.0)[None], max_sweeps=1, max_restarts=0)
    assert not rows.converged[0]


def test_a_converged_state_names_its_bond_and_truncation(rng):
    basis = PauliBasis.chain(12)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    wide, narrow = (dmrg_ground_state(operator, cutoff=c, random_state=0) for c in (1e-12, 1e-6))
    for state, cutoff in ((wide, 1e-12), (narrow, 1e-6)):
        assert 0 < state.discarded_weight <= cutoff
        assert state.bond_dimension == max(tensor.shape[0] for tensor in state.tensors)
    assert wide.bond_dimension > narrow.bond_dimension
    assert wide.residual < narrow.residual


def test_a_similar_ground_state_is_a_good_start(rng):
    basis = PauliBasis.ring(12)
    values = rng.normal(size=basis.n_terms)
    first = dmrg_ground_state(basis.to_operator(values), random_state=0)
    again = dmrg_ground_state(basis.to_operator(values * 1.0001), initial=first, random_state=0)
    assert again.n_sweeps < first.n_sweeps
    assert again.energy == pytest.approx(1.0001 * first.energy, abs=1e-6)  # the weight that is discarded


def test_a_start_keeps_its_order_of_sites(rng):
    ring, chain = PauliBasis.ring(8), PauliBasis.chain(8)
    first = dmrg_ground_state(ring.to_operator(rng.normal(size=ring.n_terms)), random_state=0)
    operator = chain.to_operator(rng.normal(size=chain.n_terms))
    state = dmrg_ground_state(operator, initial=first, **TIGHT)
    np.testing.assert_array_equal(state.sites, first.sites)
    exact = exact_ground_state(operator)
    assert state.energy == pytest.approx(exact.energy, abs=1e-8)  # the local solver's 1e-5, squared
    np.testing.assert_allclose(state.expectations(chain), exact.expectations(chain), atol=1e-4)  # residuals over gaps


def test_equal_seeds_give_equal_states(rng):
    basis = PauliBasis.chain(8)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    first, second, other = (dmrg_ground_state(operator, random_state=seed) for seed in (3, 3, 4))
    assert first.energy == second.energy
    np.testing.assert_array_equal(first.expectations(basis), second.expectations(basis))
    assert first.energy == pytest.approx(other.energy, abs=1e-6)  # the weight that is discarded
