"""Matrix product ground states against exact ones, free fermions and the laws that a ground state obeys."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp
from scipy.spatial.transform import Rotation

from hamiltonian_ml import PauliBasis, mean_field_frames, referee
from hamiltonian_ml.bases.frames import rotate, rotate_back
from hamiltonian_ml.referee.dmrg import dmrg_expectations, dmrg_ground_state
from hamiltonian_ml.referee.exact import exact_ground_state

TIGHT = {"cutoff": 1e-15, "tol": 1e-13, "random_state": 0}  # truncations of the size of round-off


def graph(kind, n_qubits, rng):
    if kind != "random":
        return getattr(PauliBasis, kind)(n_qubits)
    pairs = [(i, j) for j in range(n_qubits) for i in range(j)]
    return PauliBasis.from_edges(n_qubits, [pair for pair in pairs if rng.random() < 3 / n_qubits])


def uniform(basis, **values):
    """Return coefficients that are equal for all strings with the same letters, and 0 for letters not named."""
    letters = ["".join("IXYZ"[a] for a in row if a) for row in basis.paulis]
    return np.array([values.get(name, 0.0) for name in letters])


def near_diagonal(basis, rng, strength=0.1):
    return rng.normal(size=basis.n_terms) * strength + uniform(basis, Z=1.0)


def free_fermions(n_qubits, field):
    """Return energy, <X> of each qubit, <ZZ> of each edge and gap of the open chain -ZZ - field X."""
    matrix = np.diag(np.full(n_qubits, 2 * field)) + np.diag(np.full(n_qubits - 1, 2.0), 1)
    u, modes, v = np.linalg.svd(matrix)  # E. Lieb, T. Schultz and D. Mattis, Annals of Physics 16, 407 (1961)
    return -modes.sum() / 2, np.diag(u @ v), np.diag(u @ v, 1), modes[-1]


def values_of(basis, values, name):
    return values[uniform(basis, **{name: 1.0}) == 1]


@pytest.mark.parametrize("n_qubits", [2, 6, 8, 10])
@pytest.mark.parametrize("kind", ["chain", "ring", "random"])
@pytest.mark.parametrize("seed", range(3))
def test_energies_and_all_expectations_are_exact(kind, n_qubits, seed):
    rng = np.random.default_rng(seed)
    basis = graph("chain" if n_qubits == 2 else kind, n_qubits, rng)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, **TIGHT)
    # the local solver stops at 1e-5 of the energy, and the error of the energy is the square of that
    assert state.energy == pytest.approx(exact.energy, abs=1e-8)
    assert state.residual < 1e-3
    distance = state.residual / exact.gap + 1e-8  # of the two states; 1e-8 for exact ones and residuals of round-off
    np.testing.assert_allclose(state.expectations(basis), exact.expectations(basis), atol=2 * distance)
    assert state.expectation(operator) == pytest.approx(state.energy, abs=1e-12)  # round-off


def test_y_has_the_sign_of_qiskits_convention(rng):
    basis = PauliBasis.chain(6)
    operator = basis.to_operator(near_diagonal(basis, rng) + uniform(basis, Y=0.8, XY=0.5))
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, **TIGHT)
    odd = basis.subset(basis.n_y == 1)
    expected = exact.expectations(odd)
    assert np.abs(expected).max() > 0.3
    np.testing.assert_allclose(state.expectations(odd), expected, atol=1e-6)  # the residual over a gap of about 1


def test_strings_of_any_length_have_their_exact_expectations(rng):
    basis = PauliBasis.ring(7)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    labels = ["XYZXYZX", "YYYYYYY", "IIIIIII", "ZIIIIIX", "IIYIXII"]
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, **TIGHT)
    for label in labels:
        expected = exact.expectation(SparsePauliOp(label))
        assert state.expectation(SparsePauliOp(label)) == pytest.approx(expected, abs=1e-5)  # residual over gap


def test_the_critical_ising_chain_of_50_qubits_has_its_free_fermion_values():
    basis = PauliBasis.chain(50)
    energy, x, zz, _ = free_fermions(50, 1.0)
    state = dmrg_ground_state(basis.to_operator(uniform(basis, ZZ=-1.0, X=-1.0)), random_state=0)
    assert 0 <= state.energy - energy < 1e-6  # 49 cuts, 1e-10 of weight each, levels up to 100 above
    assert state.converged
    values = state.expectations(basis)
    np.testing.assert_allclose(values_of(basis, values, "X"), x, atol=1e-6)  # even in the error of the state
    np.testing.assert_allclose(values_of(basis, values, "ZZ"), zz, atol=1e-6)
    np.testing.assert_allclose(values_of(basis, values, "Z"), 0, atol=1e-3)  # odd: 1e-5 grows by 1 / gap = 16


def test_turning_the_axes_of_the_qubits_turns_the_expectations():
    basis = PauliBasis.chain(50)
    energy, x, zz, _ = free_fermions(50, 1.5)
    turns = Rotation.random(50, rng=0).as_matrix()[None]
    turned = rotate(basis, uniform(basis, ZZ=-1.0, X=-1.5)[None], turns)
    rows = dmrg_expectations(basis, turned, random_state=0)
    assert rows.energies[0] == pytest.approx(energy, abs=1e-6)
    values = rotate_back(basis, rows.expectations, turns)[0]
    np.testing.assert_allclose(values_of(basis, values, "X"), x, atol=1e-6)
    np.testing.assert_allclose(values_of(basis, values, "ZZ"), zz, atol=1e-6)
    np.testing.assert_allclose(values_of(basis, values, "YZ"), 0, atol=1e-4)


def test_a_50_qubit_chain_is_solved_to_a_small_variance_below_any_product_state(rng):
    basis = PauliBasis.chain(50)
    values = np.array([near_diagonal(basis, rng, 0.02), near_diagonal(basis, rng, 0.3)])
    rows = dmrg_expectations(basis, values, random_state=0)
    sizes = np.linalg.norm(values, axis=1)
    assert (rows.residuals < 1e-4 * sizes).all()  # the root of a discarded weight of 1e-10, ten times over
    assert (rows.energies < mean_field_frames(basis, values, n_starts=30).energies - 0.01).all()
    assert rows.converged.all()
    np.testing.assert_allclose(np.sum(values * rows.expectations, axis=1), rows.energies, rtol=1e-12)


@pytest.mark.slow
def test_156_qubits_on_a_chain_are_solved(rng):
    basis = PauliBasis.chain(156)
    energy, x, _, _ = free_fermions(156, 1.5)
    values = np.array([uniform(basis, ZZ=-1.0, X=-1.5), near_diagonal(basis, rng), rng.normal(size=basis.n_terms)])
    rows = dmrg_expectations(basis, values, random_state=0)
    assert rows.energies[0] == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(values_of(basis, rows.expectations[0], "X"), x, atol=1e-6)
    assert (rows.residuals < 1e-4 * np.linalg.norm(values, axis=1)).all()
    assert (rows.energies < mean_field_frames(basis, values).energies).all()


def xxz_ring(n_qubits):
    """Return a ring that keeps the sum of all Z, whose ground state has another one than the mean-field state."""
    basis = PauliBasis.ring(n_qubits)
    return basis.to_operator(uniform(basis, XX=1.0, YY=1.0, ZZ=-0.5, Z=0.9))


def test_a_start_in_the_wrong_symmetry_sector_is_left():
    operator = xxz_ring(16)
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, random_state=0)
    assert state.energy == pytest.approx(exact.energy, abs=1e-5)
    magnetisation = SparsePauliOp.from_sparse_list([("Z", [q], 1.0) for q in range(16)], num_qubits=16)
    assert state.expectation(magnetisation) == pytest.approx(exact.expectation(magnetisation), abs=1e-2)
    assert exact.expectation(magnetisation) > -15  # that of the mean-field state is -16


def test_a_gap_of_a_thousandth_of_the_coefficients_does_not_stop_a_search_early():
    operator = xxz_ring(12)
    exact, state = exact_ground_state(operator), dmrg_ground_state(operator, random_state=0)
    assert 0.002 < exact.gap < 0.004
    assert state.energy == pytest.approx(exact.energy, abs=2e-5)
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
    assert state.gap == pytest.approx(free_fermions(30, 1.5)[3], abs=1e-5)


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


def test_the_identity_shifts_the_energy_only(rng):
    basis = PauliBasis.chain(6)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    plain = dmrg_ground_state(operator, **TIGHT)
    shifted = dmrg_ground_state(operator + SparsePauliOp("I" * 6, 1e5), **TIGHT)
    assert shifted.energy - 1e5 == pytest.approx(plain.energy, abs=1e-10)  # round-off of 1e5
    assert shifted.residual == plain.residual


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_the_unit_of_energy_does_not_matter(rng, scale):
    basis = PauliBasis.chain(6)
    values = rng.normal(size=(1, basis.n_terms))
    plain, scaled = (dmrg_expectations(basis, values * s, random_state=0) for s in (1.0, scale))
    np.testing.assert_allclose(scaled.energies, plain.energies * scale, rtol=1e-9)
    np.testing.assert_allclose(scaled.expectations, plain.expectations, atol=1e-5)
    assert scaled.converged[0]
    assert scaled.residuals[0] < 1e-4 * scale * np.linalg.norm(values)


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
    assert state.residual == pytest.approx(np.sqrt(variance), rel=1e-6)


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
    assert again.energy == pytest.approx(1.0001 * first.energy, abs=1e-6)


def test_a_start_keeps_its_order_of_sites(rng):
    ring, chain = PauliBasis.ring(8), PauliBasis.chain(8)
    first = dmrg_ground_state(ring.to_operator(rng.normal(size=ring.n_terms)), random_state=0)
    operator = chain.to_operator(rng.normal(size=chain.n_terms))
    state = dmrg_ground_state(operator, initial=first, **TIGHT)
    np.testing.assert_array_equal(state.sites, first.sites)
    exact = exact_ground_state(operator)
    assert state.energy == pytest.approx(exact.energy, abs=1e-8)
    np.testing.assert_allclose(state.expectations(chain), exact.expectations(chain), atol=1e-4)


def test_rows_agree_with_single_states_and_do_not_depend_on_each_other(rng):
    basis = PauliBasis.ring(7)
    values = rng.normal(size=(3, basis.n_terms))
    values[2] = values[0]
    rows = dmrg_expectations(basis, values, **TIGHT)
    np.testing.assert_array_equal(rows.expectations[2], rows.expectations[0])
    for row, energy, expectations in zip(values, rows.energies, rows.expectations, strict=True):
        exact = exact_ground_state(basis.to_operator(row))
        assert energy == pytest.approx(exact.energy, abs=1e-8)
        np.testing.assert_allclose(expectations, exact.expectations(basis), atol=1e-4)


def test_a_basis_may_lack_strings(rng):
    basis = PauliBasis.ring(6)
    basis = basis.subset(rng.random(basis.n_terms) < 0.4)
    values = rng.normal(size=(2, basis.n_terms))
    rows = dmrg_expectations(basis, values, **TIGHT)
    for row, energy, expectations in zip(values, rows.energies, rows.expectations, strict=True):
        exact = exact_ground_state(basis.to_operator(row))
        assert energy == pytest.approx(exact.energy, abs=1e-8)
        np.testing.assert_allclose(expectations, exact.expectations(basis), atol=1e-4)


def test_no_rows_give_no_rows():
    rows = dmrg_expectations(PauliBasis.chain(3), np.empty((0, 27)))
    assert rows.energies.shape == rows.converged.shape == rows.residuals.shape == (0,)
    assert rows.expectations.shape == (0, 27)


def test_equal_seeds_give_equal_states(rng):
    basis = PauliBasis.chain(8)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    first, second, other = (dmrg_ground_state(operator, random_state=seed) for seed in (3, 3, 4))
    assert first.energy == second.energy
    np.testing.assert_array_equal(first.expectations(basis), second.expectations(basis))
    assert first.energy == pytest.approx(other.energy, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dmrg_ground_state(SparsePauliOp("XYZI")),
            r"strings on one or two qubits, got XYZI; exact_ground_state",
        ),
        (lambda: dmrg_ground_state(SparsePauliOp("XY", 1j)), "must be Hermitian, but the string XY has the coeff"),
        (lambda: dmrg_ground_state(SparsePauliOp("XY", np.nan)), "operator must have finite coefficients, got NaN"),
        (lambda: dmrg_ground_state(SparsePauliOp("Z")), "operator must act on at least 2 qubits"),
        (
            lambda: dmrg_ground_state(SparsePauliOp("ZZ"), max_bond=0),
            "max_bond must be an integer of at least 1, got 0",
        ),
        (lambda: dmrg_ground_state(SparsePauliOp("ZZ"), max_sweeps=1.5), "max_sweeps must be an integer of at least 1"),
        (
            lambda: dmrg_ground_state(SparsePauliOp("ZZ"), max_restarts=-1),
            "max_restarts must be an integer of at least 0",
        ),
        (lambda: dmrg_ground_state(SparsePauliOp("ZZ"), cutoff=0), "cutoff must lie between 0 and 1, got 0"),
        (lambda: dmrg_ground_state(SparsePauliOp("ZZ"), tol=np.nan), "tol must lie between 0 and 1, got nan"),
        (lambda: dmrg_expectations(PauliBasis.chain(1), np.ones((1, 3))), "basis must act on at least 2 qubits"),
        (lambda: dmrg_expectations(PauliBasis.chain(2), np.ones((1, 3))), "coefficients must have shape"),
        (
            lambda: dmrg_expectations(PauliBasis.chain(2), np.ones((1, 15)), tol=2),
            "tol must lie between 0 and 1, got 2",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_start_on_another_number_of_qubits_is_refused():
    start = dmrg_ground_state(SparsePauliOp("ZZ"), random_state=0)
    with pytest.raises(ValueError, match="initial acts on 2 qubits but the operator on 3; use equally many"):
        dmrg_ground_state(SparsePauliOp("ZZZ").compose(SparsePauliOp("IIZ")), initial=start)


@pytest.mark.parametrize("missing", ["quimb", "quimb.tensor"])
def test_without_quimb_the_extra_is_named_before_any_work(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("hamiltonian_ml.referee.placement.mean_field_frames", lambda *_: pytest.fail("began to work"))
    message = r"needs quimb, which is not installed; run `pip install hamiltonian_ml\[referee\]`"
    with pytest.raises(ImportError, match=message):
        dmrg_ground_state(SparsePauliOp("ZZ"))
    with pytest.raises(ImportError, match=message):
        dmrg_expectations(PauliBasis.chain(2), np.ones((1, 15)))


def test_quimb_is_loaded_only_when_a_search_starts():
    code = (
        "from hamiltonian_ml import referee; referee.dmrg_ground_state; import sys; assert 'quimb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_referees_are_found_in_the_package():
    assert referee.dmrg_ground_state is dmrg_ground_state
    assert referee.exact_ground_state is exact_ground_state
