"""Levels, expectation values and responses against dense matrices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace import ground_state
from hamiltonian_ml.subspace.ground_state import coefficient_gradients, expectations, lowest_levels
from hamiltonian_ml.subspace.lanczos import SolverError
from hamiltonian_ml.subspace.structure import restrict
from tests.reference.dense import dense_expectations, dense_hamiltonian, pauli_matrix
from tests.reference.response import sum_over_states

pytestmark = pytest.mark.usefixtures("each_way")


def _random_structure(seed, n_qubits=5):
    rng = np.random.default_rng(seed)
    states = rng.choice(2**n_qubits, size=rng.integers(1, 2**n_qubits + 1), replace=False)
    return restrict(PauliBasis.chain(n_qubits), Subspace.from_integers(states.tolist(), n_qubits)), rng


@given(seed=st.integers(0, 2**32 - 1))
def test_levels_are_the_lowest_of_the_projected_matrix(seed):
    structure, rng = _random_structure(seed)
    coeffs = rng.normal(size=(3, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs, n_levels=3, tol=1e-8, gap_tol=1e-8)
    for row in range(3):
        exact = np.linalg.eigvalsh(structure.matrix(coeffs[row]).toarray())[:3]
        # An energy is off by the square of the residual over a gap: far below round-off unless gaps are tiny.
        np.testing.assert_allclose(levels.energies[row], exact, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_residuals_are_those_of_the_states(seed):
    structure, rng = _random_structure(seed)
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-8)
    for row in range(2):
        psi, energy = levels.states[row, 0], levels.energies[row, 0]
        residual = np.linalg.norm(structure.matrix(coeffs[row]) @ psi - energy * psi)
        assert np.linalg.norm(psi) == pytest.approx(1, abs=1e-12)  # round-off of a sum of squares
        assert residual <= 1e-8 * np.abs(coeffs[row]).max() + 1e-13  # round-off
        assert levels.residuals[row, 0] == pytest.approx(residual, abs=1e-12)  # round-off


def test_the_whole_space_gives_the_dense_ground_state_and_its_expectation_values(rng):
    basis = PauliBasis.ring(4)
    structure = restrict(basis, Subspace.full(4))
    coeffs = rng.normal(size=(4, basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    got = expectations(structure, levels.ground_states, levels.ground_states)
    for row in range(4):
        _, states = np.linalg.eigh(dense_hamiltonian(basis.labels, coeffs[row]))
        np.testing.assert_allclose(got[row], dense_expectations(basis.labels, states[:, 0]), atol=1e-10)  # ~ residual


def test_the_variational_law_holds_as_the_subspace_grows(rng):
    basis = PauliBasis.chain(6)
    coeffs = rng.normal(size=(1, basis.n_terms))
    order = rng.permutation(64)
    energies = [
        lowest_levels(restrict(basis, Subspace.from_integers(order[:d].tolist(), 6)), coeffs).energies[0, 0]
        for d in (1, 4, 16, 40, 64)
    ]
    assert all(a >= b - 1e-12 for a, b in pairwise(energies))


def test_a_ground_state_that_the_start_misses_by_symmetry_is_found():
    """XX + YY + ZZ on two qubits: the start |00> is a triplet, an exact eigenstate; the ground state is the singlet."""
    basis = PauliBasis.chain(2)
    coeffs = np.zeros((1, basis.n_terms))
    coeffs[0, [6, 10, 14]] = 1.0
    structure = restrict(basis, Subspace.full(2))
    assert lowest_levels(structure, coeffs).energies[0, 0] == pytest.approx(-3.0, abs=1e-9)  # residuals, squared
    triplet_first = np.zeros((1, 1, 4))
    triplet_first[0, 0, 0] = 1.0
    guessed = lowest_levels(structure, coeffs, gap_tol=1e-8, guesses=triplet_first)
    np.testing.assert_allclose(guessed.energies, [[-3.0, 1.0]], atol=1e-9)  # the second level came out lower


def test_wrong_guesses_are_put_in_order(rng):
    structure = restrict(PauliBasis.chain(4), Subspace.full(4))
    coeffs = rng.normal(size=(1, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-10)
    swapped = lowest_levels(structure, coeffs, tol=1e-10, guesses=levels.states[:, ::-1].copy())
    assert swapped.energies[0, 0] == pytest.approx(levels.energies[0, 0], abs=1e-9)  # residuals, squared


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf])
def test_guesses_that_are_no_states_are_replaced(wrong, rng):
    structure = restrict(PauliBasis.chain(4), Subspace.full(4))
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-10, gap_tol=1e-10)
    guesses = levels.states.copy()
    guesses[0, 0, 3] = wrong
    guesses[0, 1] = wrong
    again = lowest_levels(structure, coeffs, tol=1e-10, gap_tol=1e-10, guesses=guesses)
    np.testing.assert_allclose(again.energies, levels.energies, atol=1e-9)  # residuals, squared


def test_bad_arguments_are_named(rng):
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    with pytest.raises(ValueError, match="n_levels must be an integer of at least 1, got 0"):
        lowest_levels(structure, coeffs, n_levels=0)
    with pytest.raises(ValueError, match=r"guesses must have shape \(n_rows, n_levels, dimension\), got \(2, 8\)"):
        lowest_levels(structure, coeffs, guesses=np.ones((2, 8)))
    coeffs[1] *= 1e-150
    with pytest.raises(ValueError, match=r"reach 1e-100 in it, but those of row 1 reach .*e-150; choose another"):
        lowest_levels(structure, coeffs)


@pytest.mark.parametrize("unit", [1e-99, 1e99])
def test_energies_scale_with_the_unit(rng, unit):
    structure = restrict(PauliBasis.chain(4), Subspace.full(4))
    coeffs = rng.normal(size=(3, structure.basis.n_terms))
    coeffs /= np.abs(coeffs).max(axis=1, keepdims=True)
    expected, got = (lowest_levels(structure, u * coeffs, gap_tol=1e-8) for u in (1.0, unit))
    np.testing.assert_allclose(got.energies / unit, expected.energies, rtol=1e-9)  # residuals, squared


def test_a_tolerance_below_round_off_is_met_up_to_round_off(rng):
    structure = restrict(PauliBasis.chain(7), Subspace.full(7))
    coeffs = rng.normal(size=(3, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-16)
    for row in range(3):
        exact = np.linalg.eigvalsh(structure.matrix(coeffs[row]).toarray())[0]
        assert levels.energies[row, 0] == pytest.approx(exact, abs=1e-12)  # round-off of a sum of about 60


def test_good_guesses_save_multiplications(rng):
    structure = restrict(PauliBasis.chain(6), Subspace.full(6))
    coeffs = rng.normal(size=(5, structure.basis.n_terms))
    cold = lowest_levels(structure, coeffs)
    warm = lowest_levels(structure, coeffs * 1.0001, guesses=cold.states)
    assert (warm.products < cold.products / 2).all()
    np.testing.assert_allclose(warm.energies[:, 0], 1.0001 * cold.energies[:, 0], rtol=1e-10)  # residuals, squared


def test_real_problems_stay_real_and_agree_with_complex_arithmetic(rng):
    structure = restrict(PauliBasis.chain(5), Subspace.full(5))
    coeffs = rng.normal(size=(2, structure.basis.n_terms)) * (structure.basis.n_y % 2 == 0)
    real = lowest_levels(structure, coeffs, tol=1e-10)
    assert real.states.dtype == np.float64
    nudged = coeffs + 1e-13 * (structure.basis.n_y % 2)
    mixed = lowest_levels(structure, nudged, tol=1e-10)
    assert mixed.states.dtype == np.complex128
    np.testing.assert_allclose(mixed.energies[:, 0], real.energies[:, 0], atol=1e-11)  # some tens of nudges


@pytest.mark.parametrize("phase", [1.0 + 0j, 1j])
def test_complex_guesses_leave_a_real_problem_as_it_is(rng, phase):
    structure = restrict(PauliBasis.chain(5), Subspace.full(5))
    coeffs = rng.normal(size=(2, structure.basis.n_terms)) * (structure.basis.n_y % 2 == 0)
    plain = lowest_levels(structure, coeffs)
    guessed = lowest_levels(structure, coeffs, guesses=phase * plain.states)
    assert guessed.states.dtype == np.float64
    np.testing.assert_array_equal(guessed.states, plain.states)
    np.testing.assert_array_equal(guessed.products, plain.products)


def test_a_degenerate_ground_state_has_no_gap():
    basis = PauliBasis.ring(3)
    coeffs = np.zeros((1, basis.n_terms))
    coeffs[0, 9 + 8 :: 9] = 1.0  # antiferromagnetic ZZ on a triangle: six ground states
    levels = lowest_levels(restrict(basis, Subspace.full(3)), coeffs)
    assert levels.energies[0, 0] == pytest.approx(-1.0, abs=1e-12)  # round-off
    assert levels.gaps[0] == pytest.approx(0.0, abs=1e-9)  # round-off of a diagonal matrix


def test_one_state_has_an_energy_and_an_infinite_gap(rng):
    structure = restrict(PauliBasis.chain(3), Subspace.from_integers([5], 3))
    coeffs = rng.normal(size=(1, structure.basis.n_terms))
    levels = lowest_levels(structure, coeffs)
    assert levels.energies[0, 0] == pytest.approx(structure.matrix(coeffs[0]).toarray()[0, 0].real)
    assert np.isinf(levels.gaps[0])


def test_what_conjugate_gradients_leave_undone_lanczos_finishes_and_says_so(rng, monkeypatch):
    structure = restrict(PauliBasis.chain(8), Subspace.full(8))
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    proper = lowest_levels(structure, coeffs)
    assert not proper.fallback.any()
    monkeypatch.setattr(ground_state, "MAX_PRODUCTS", 3)
    rescued = lowest_levels(structure, coeffs)
    assert rescued.fallback.all()
    np.testing.assert_allclose(rescued.energies[:, 0], proper.energies[:, 0], atol=1e-10)  # residuals, squared
    overlap = np.abs(np.einsum("rd,rd->r", rescued.ground_states.conj(), proper.ground_states))
    np.testing.assert_allclose(overlap, 1, atol=1e-10)  # residuals, squared


@given(seed=st.integers(0, 2**32 - 1))
def test_gradients_equal_the_sum_over_excited_states(seed):
    structure, rng = _random_structure(seed, n_qubits=4)
    basis = structure.basis
    coeffs, cotangents = rng.normal(size=(2, 1, basis.n_terms))
    coeffs[0] -= 2.0 * ((basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0))  # keeps most gaps open
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    assume(levels.gaps[0] > 0.05)
    block = np.ix_(*[structure.subspace.words[:, 0].astype(int)] * 2)
    strings = [pauli_matrix(label)[block] for label in basis.labels]
    objective = sum(g * s for g, s in zip(cotangents[0], strings, strict=True))
    dense = structure.matrix(coeffs[0]).toarray()
    expected = sum_over_states(dense, objective, strings)
    got = coefficient_gradients(structure, coeffs, levels, cotangents, tol=1e-12)
    # The error of the state is its residual over the gap, and enters the response over the gap once more.
    np.testing.assert_allclose(got[0], expected, atol=1e-8 * max(1, np.abs(expected).max()) / levels.gaps[0])


def test_real_states_respond_to_imaginary_strings(rng):
    """For a real H, <Y> vanishes, but its derivative with respect to the coefficient of Y does not."""
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    basis = structure.basis
    coeffs = rng.normal(size=(1, basis.n_terms)) * (basis.n_y % 2 == 0)
    cotangents = np.zeros((1, basis.n_terms))
    cotangents[0, 1] = 1.0  # Y on qubit 0
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    got = coefficient_gradients(structure, coeffs, levels, cotangents, tol=1e-12)
    strings = [pauli_matrix(label) for label in basis.labels]
    expected = sum_over_states(dense_hamiltonian(basis.labels, coeffs[0]), strings[1], strings)
    assert abs(expected[1]) > 1e-2
    np.testing.assert_allclose(got[0], expected, atol=1e-8)  # tolerances of 1e-12 over gaps


def test_a_closing_gap_is_floored_instead_of_blowing_up():
    structure = restrict(PauliBasis.chain(1), Subspace.full(1))
    cotangents = np.array([[1.0, 0.0, 0.0]])
    sizes = []
    for field in (1e-2, 1e-5, 1e-8):
        coeffs = np.array([[0.0, 0.0, field]])
        levels = lowest_levels(structure, coeffs, tol=1e-12)
        # The largest coefficient is the field itself, so that the floor is 20 times the field: ten times the gap.
        sizes.append(abs(coefficient_gradients(structure, coeffs, levels, cotangents, min_gap=20.0)[0, 0]) * field)
    np.testing.assert_allclose(sizes, 0.1, rtol=1e-6)  # 2 / (20 field), against 2 / (2 field) without the floor


def test_coefficients_of_another_basis_are_refused():
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    with pytest.raises(ValueError, match=r"coefficients must have shape \(n_rows, n_terms\) with n_terms = 27"):
        lowest_levels(structure, np.ones((2, 15)))
    with pytest.raises(ValueError, match="coefficients must be finite"):
        lowest_levels(structure, np.full((1, 27), np.nan))


def test_a_tolerance_that_no_method_reaches_is_an_error(rng, monkeypatch):
    structure = restrict(PauliBasis.chain(8), Subspace.full(8))
    monkeypatch.setattr(ground_state, "MAX_PRODUCTS", 1)
    monkeypatch.setattr(ground_state, "lanczos_levels", lambda *arguments: (np.zeros(2), np.eye(2, 256), np.ones(2)))
    with pytest.raises(SolverError, match="raise tol or check the coefficients"):
        lowest_levels(structure, rng.normal(size=(1, structure.basis.n_terms)))


def test_a_guess_of_zeros_is_no_guess():
    basis = PauliBasis.chain(3)
    structure = restrict(basis, Subspace.from_integers([0, 1, 2], 3))
    coeffs = np.array([[1.0 if label.count("Z") == 1 and label.count("I") == 2 else 0.0 for label in basis.labels]])
    levels = lowest_levels(structure, coeffs, guesses=np.zeros((1, 2, 3)))
    np.testing.assert_allclose(levels.energies, [[1.0, 1.0]], atol=1e-6)  # round-off of a diagonal matrix
    np.testing.assert_allclose(np.linalg.norm(levels.states, axis=-1), 1.0, atol=1e-12)  # round-off
