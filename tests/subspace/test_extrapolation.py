"""Extrapolation in the variance: closer than the bound, and harmless where there is nothing to extrapolate."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.subspace.extrapolation import extrapolate
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict


@pytest.fixture
def rows(rng):
    basis = PauliBasis.chain(9)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.25 * rng.normal(size=(20, basis.n_terms)) - fields
    return basis, rotate(basis, coeffs, mean_field_frames(basis, coeffs).rotations)


def test_the_extrapolated_energy_is_closer_to_the_exact_one_than_the_bound(rows):
    basis, coeffs = rows
    exact = lowest_levels(restrict(basis, Subspace.full(9)), coeffs).energies[:, 0]
    space = ClassicalSelection(80).select(basis, coeffs, np.ones(20), seed=np.random.SeedSequence(0)).subspace
    structure = restrict(basis, space)
    levels = lowest_levels(structure, coeffs)
    got = extrapolate(structure, coeffs, levels)
    bound_error, error = levels.energies[:, 0] - exact, np.abs(got.energy - exact)
    assert (bound_error > 0).all()
    assert np.median(error) < 0.5 * np.median(bound_error)  # measured: .41
    assert (error < bound_error).mean() >= 0.9
    assert (np.diff(got.energies, axis=0) >= 0).all()  # fewer states, higher energy
    assert (got.slope > 0).all()


def test_the_whole_space_leaves_nothing_to_extrapolate_from(rows):
    basis, coeffs = rows
    structure = restrict(basis, Subspace.full(9))
    levels = lowest_levels(structure, coeffs, tol=1e-10)
    got = extrapolate(structure, coeffs, levels)
    np.testing.assert_allclose(got.energy, levels.energies[:, 0], atol=1e-12)  # residuals, squared, and round-off


def test_a_line_that_rises_towards_zero_variance_is_not_followed(rng):
    """Among few states of a Heisenberg ring, fewer can have less variance and more energy; the latter is a bound."""
    basis = PauliBasis.ring(8)
    coeffs = (basis.paulis[:, 0] == basis.paulis[:, 1]) * rng.normal(size=(20, 1))
    structure = restrict(basis, Subspace.from_integers(rng.integers(0, 256, size=40), 8))
    levels = lowest_levels(structure, coeffs)
    got = extrapolate(structure, coeffs, levels)
    rises = (got.variances[0] > got.variances[1:]).all(axis=0)
    assert rises.any()
    np.testing.assert_allclose(got.slope[rises], 0.0, atol=1e-6)  # energies are as exact as the solver's tolerance
    assert (got.energy <= levels.energies[:, 0]).all()


@pytest.mark.parametrize("unit", [1e-90, 1e90])
def test_no_energy_unit_is_special(rows, unit):
    basis, coeffs = rows
    structure = restrict(basis, Subspace.from_integers(range(40), 9))
    one, other = (extrapolate(structure, u * coeffs, lowest_levels(structure, u * coeffs)) for u in (1.0, unit))
    np.testing.assert_allclose(other.energy / unit, one.energy, rtol=1e-6)  # the solver's tolerance, with room
    assert (one.energy < one.energies[0]).all()


@pytest.mark.parametrize("fractions", [(1.0,), (1.0, 0.0), (2.0, 1.0)])
def test_fractions_that_make_no_line_are_refused(rows, fractions):
    basis, coeffs = rows
    structure = restrict(basis, Subspace.from_integers([0], 9))
    with pytest.raises(ValueError, match="fractions must be at least two numbers above 0 and at most 1"):
        extrapolate(structure, coeffs, lowest_levels(structure, coeffs), fractions=fractions)
