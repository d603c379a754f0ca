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
from tests.reference.spin_models import free_fermions, graph, uniform

TIGHT = {"cutoff": 1e-15, "tol": 1e-13, "random_state": 0}  # truncations of the size of round-off


def near_diagonal(basis, rng, strength=0.1):
    return rng.normal(size=basis.n_terms) * strength + uniform(basis, Z=1.0)


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
    assert state.residual < 1e-3  # 1e-5 of the energy, with room
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
    np.testing.assert_allclose(values_of(basis, values, "ZZ"), zz, atol=1e-6)  # even in it too
    np.testing.assert_allclose(values_of(basis, values, "Z"), 0, atol=1e-3)  # odd: 1e-5 grows by 1 / gap = 16


def test_turning_the_axes_of_the_qubits_turns_the_expectations():
    basis = PauliBasis.chain(50)
    energy, x, zz, _ = free_fermions(50, 1.5)
    turns = Rotation.random(50, rng=0).as_matrix()[None]
    turned = rotate(basis, uniform(basis, ZZ=-1.0, X=-1.5)[None], turns)
    rows = dmrg_expectations(basis, turned, random_state=0)
    assert rows.energies[0] == pytest.approx(energy, abs=1e-6)  # 49 cuts, as above
    values = rotate_back(basis, rows.expectations, turns)[0]
    np.testing.assert_allclose(values_of(basis, values, "X"), x, atol=1e-6)  # even in the error of the state
    np.testing.assert_allclose(values_of(basis, values, "ZZ"), zz, atol=1e-6)  # even in it too
    np.testing.assert_allclose(values_of(basis, values, "YZ"), 0, atol=1e-4)  # linear in it


def test_a_50_qubit_chain_is_solved_to_a_small_variance_below_any_product_state(rng):
    basis = PauliBasis.chain(50)
    values = np.array([near_diagonal(basis, rng, 0.02), near_diagonal(basis, rng, 0.3)])
    rows = dmrg_expectations(basis, values, random_state=0)
    sizes = np.linalg.norm(values, axis=1)
    assert (rows.residuals < 1e-4 * sizes).all()  # the root of a discarded weight of 1e-10, ten times over
    assert (rows.energies < mean_field_frames(basis, values, n_starts=30).energies - 0.01).all()
    assert rows.converged.all()
    np.testing.assert_allclose(np.sum(values * rows.expectations, axis=1), rows.energies, rtol=1e-12)  # round-off


@pytest.mark.slow
def test_156_qubits_on_a_chain_are_solved(rng):
    basis = PauliBasis.chain(156)
    energy, x, _, _ = free_fermions(156, 1.5)
    values = np.array([uniform(basis, ZZ=-1.0, X=-1.5), near_diagonal(basis, rng), rng.normal(size=basis.n_terms)])
    rows = dmrg_expectations(basis, values, random_state=0)
    assert rows.energies[0] == pytest.approx(energy, abs=1e-6)  # 155 cuts, as for 50 qubits
    # Even in the error of the state.
    np.testing.assert_allclose(values_of(basis, rows.expectations[0], "X"), x, atol=1e-6)
    assert (rows.residuals < 1e-4 * np.linalg.norm(values, axis=1)).all()  # as for 50 qubits
    assert (rows.energies < mean_field_frames(basis, values).energies).all()


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
    np.testing.assert_allclose(scaled.energies, plain.energies * scale, rtol=1e-9)  # the weight that is discarded
    np.testing.assert_allclose(scaled.expectations, plain.expectations, atol=1e-5)  # its root
    assert scaled.converged[0]
    assert scaled.residuals[0] < 1e-4 * scale * np.linalg.norm(values)  # as for 50 qubits


def test_rows_agree_with_single_states_and_do_not_depend_on_each_other(rng):
    basis = PauliBasis.ring(7)
    values = rng.normal(size=(3, basis.n_terms))
    values[2] = values[0]
    rows = dmrg_expectations(basis, values, **TIGHT)
    np.testing.assert_array_equal(rows.expectations[2], rows.expectations[0])
    for row, energy, expectations in zip(values, rows.energies, rows.expectations, strict=True):
        exact = exact_ground_state(basis.to_operator(row))
        assert energy == pytest.approx(exact.energy, abs=1e-8)  # the local solver's 1e-5, squared
        np.testing.assert_allclose(expectations, exact.expectations(basis), atol=1e-4)  # residuals over gaps


def test_a_basis_may_lack_strings(rng):
    basis = PauliBasis.ring(6)
    basis = basis.subset(rng.random(basis.n_terms) < 0.4)
    values = rng.normal(size=(2, basis.n_terms))
    rows = dmrg_expectations(basis, values, **TIGHT)
    for row, energy, expectations in zip(values, rows.energies, rows.expectations, strict=True):
        exact = exact_ground_state(basis.to_operator(row))
        assert energy == pytest.approx(exact.energy, abs=1e-8)  # the local solver's 1e-5, squared
        np.testing.assert_allclose(expectations, exact.expectations(basis), atol=1e-4)  # residuals over gaps


def test_no_rows_give_no_rows():
    rows = dmrg_expectations(PauliBasis.chain(3), np.empty((0, 27)))
    assert rows.energies.shape == rows.converged.shape == rows.residuals.shape == (0,)
    assert rows.expectations.shape == (0, 27)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dmrg_ground_state(SparsePauliOp("XYZI")),
            r"strings on one or two qubits, got XYZI; exact_ground_state",
        ),
        (lambda: dmrg_ground_state(SparsePauliOp("XY", 1j)), "must be Hermitian, but the string XY has the coeff"),
        (lambda: dmrg_ground_state(SparsePauliOp("XY", 1e-170)), r"operator must have a largest .* got 1e-170; choose"),
        (lambda: dmrg_ground_state(SparsePauliOp("XY", 1e101)), r"operator must have a largest .* got 1e\+101; choose"),
        (
            lambda: dmrg_expectations(PauliBasis.chain(2), np.outer([0, 1, 1e-170], np.ones(15))),
            "zero throughout a row or reach 1e-100 in it, but those of row 2 reach 1e-170",
        ),
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
    message = r"needs quimb, which is not installed; run pip install -e '\.\[referee\]' in the checkout"
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
