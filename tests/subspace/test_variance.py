"""The variance outside a subspace: its value, its derivative, its unit."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict
from hamiltonian_ml.subspace.variance import outside_variance


@pytest.fixture(params=["chain", "ring"])
def problem(request, rng):
    basis = getattr(PauliBasis, request.param)(5)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.3 * rng.normal(size=(3, basis.n_terms)) - fields
    structure = restrict(basis, Subspace.from_integers([0, 1, 3, 6, 7, 12, 17, 24, 31], 5))
    return structure, find_boundary(structure), coeffs


def _values(structure, boundary, coeffs):
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    return outside_variance(structure, boundary, coeffs, levels, tol=1e-12)


def test_the_value_is_the_certificate_s_variance_in_its_unit(problem):
    structure, _, coeffs = problem
    certificate = certify(structure, coeffs, lowest_levels(structure, coeffs, tol=1e-12))
    unit = (coeffs**2).sum(axis=1) / 5
    np.testing.assert_allclose(_values(*problem)[0], certificate.variance / unit, rtol=1e-10)


def test_the_derivative_agrees_with_central_differences(problem):
    structure, boundary, coeffs = problem
    _, gradients = _values(*problem)
    step = 1e-5
    for term in range(coeffs.shape[1]):
        shift = np.zeros_like(coeffs)
        shift[:, term] = step
        up, down = (_values(structure, boundary, coeffs + s * shift)[0] for s in (1, -1))
        # Round-off of the solver, 1e-12 over the step, and truncation.
        np.testing.assert_allclose(gradients[:, term], (up - down) / (2 * step), atol=1e-6)


def test_the_energy_unit_does_not_matter(problem):
    structure, boundary, coeffs = problem
    values, gradients = _values(*problem)
    scaled, scaled_gradients = _values(structure, boundary, 1e3 * coeffs)
    np.testing.assert_allclose(scaled, values, rtol=1e-9)
    np.testing.assert_allclose(1e3 * scaled_gradients, gradients, atol=1e-8)
    np.testing.assert_allclose((gradients * coeffs).sum(axis=1), 0, atol=1e-8)  # so it does not change along H itself


def test_the_whole_space_has_none(rng):
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    values, gradients = _values(structure, find_boundary(structure), coeffs)
    assert not values.any()
    assert not gradients.any()
