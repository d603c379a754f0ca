"""Guesses that lie where no string, or no string of the right symmetry, leads to the level that is sought."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.guesses import enter_guesses
from hamiltonian_ml.subspace.structure import restrict


@pytest.mark.parametrize(("n_near", "n_rows"), [(8, 1), (600, 8)])
def test_a_level_in_another_part_of_the_subspace_is_found(n_near, n_rows, rng):
    """No string leads to the last state, which lies below all others; the guesses are levels of the others."""
    near = np.argsort(np.bitwise_count(np.arange(2**12)), kind="stable")[:n_near].tolist()
    basis = PauliBasis.chain(12)
    structure = restrict(basis, Subspace.from_integers([*near, 2**12 - 1], 12))
    coeffs = 0.02 * rng.normal(size=(n_rows, basis.n_terms))
    coeffs[:, (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)] += 0.5
    known = lowest_levels(restrict(basis, Subspace.from_integers(near, 12)), coeffs).states
    guesses = np.concatenate([known, np.zeros((n_rows, 2, 1))], axis=2)
    found = lowest_levels(structure, coeffs, guesses=guesses)
    last = [structure.matrix(row).diagonal()[-1] for row in coeffs]
    np.testing.assert_allclose(found.energies[:, 0], last, atol=1e-9)


def test_a_level_of_another_sign_under_a_symmetry_is_found():
    """XX, YY and ZZ on two qubits: four Bell states whatever the coefficients; the guesses are the second and third."""
    basis = PauliBasis.chain(2)
    structure = restrict(basis.subset(np.isin(basis.short_labels, ["X0 X1", "Y0 Y1", "Z0 Z1"])), Subspace.full(2))
    guesses = np.array([[[0, 1, 1, 0], [1, 0, 0, 1]]]) / np.sqrt(2)
    found = lowest_levels(structure, [[1.0, 1.1, 1.3]], guesses=guesses)
    assert found.energies[0, 0] == pytest.approx(-3.4, abs=1e-9)


def test_a_level_that_equal_coefficients_hide_is_found():
    """The singlet is a level of any Hamiltonian that two qubits share alike, and no Pauli string tells it apart."""
    basis = PauliBasis.chain(2)
    structure = restrict(basis, Subspace.full(2))
    coeffs = np.isin(basis.short_labels, ["X0", "X1"])[None] * -1.0
    singlet = np.array([[[0, 1, -1, 0]]]) / np.sqrt(2)
    found = lowest_levels(structure, coeffs, n_levels=1, guesses=singlet)
    assert found.energies[0, 0] == pytest.approx(-2.0, abs=1e-9)


def test_guesses_stay_as_they_are_where_strings_lead_everywhere(rng):
    basis = PauliBasis.chain(5)
    starts, guesses = np.zeros((3, 2, 32)), rng.normal(size=(3, 1, 32))
    assert enter_guesses(restrict(basis, Subspace.full(5)), rng.normal(size=(3, basis.n_terms)), guesses, starts) == 1
    np.testing.assert_array_equal(starts, np.concatenate([guesses, np.zeros((3, 1, 32))], axis=1))


def test_rows_with_equal_coefficients_get_a_little_everywhere(rng):
    basis = PauliBasis.chain(5)
    rows, guesses = rng.normal(size=(4, basis.n_terms)), rng.normal(size=(4, 1, 32))
    rows[1, 7] = -rows[1, 3]
    rows[2, :] = 0.0
    rows[3, 5:] = 0.0  # no coefficients, not equal ones
    starts = np.zeros((4, 1, 32))
    enter_guesses(restrict(basis, Subspace.full(5)), rows, guesses, starts)
    added = np.linalg.norm(starts - guesses, axis=2)[:, 0]
    np.testing.assert_allclose(added, [0.0, 0.01, 0.0, 0.0], atol=1e-14)  # round-off of the difference


def test_only_parts_that_a_guess_misses_get_something(rng):
    basis = PauliBasis.chain(4)
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 15], 4))
    starts = np.zeros((2, 1, 4))
    guesses = np.array([[[0.6, 0.8, 0.0, 0.0]], [[0.6, 0.0, 0.0, 0.8]]])
    enter_guesses(structure, rng.normal(size=(2, basis.n_terms)), guesses, starts)
    np.testing.assert_array_equal(starts[0, 0, :3], guesses[0, 0, :3])
    assert abs(starts[0, 0, 3]) == pytest.approx(0.01 / np.sqrt(2))
    np.testing.assert_array_equal(starts[1], guesses[1])
