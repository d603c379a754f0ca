"""The variance outside a subspace: its value, its derivative, its unit."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import coefficient_gradients, lowest_levels
from hamiltonian_ml.subspace.structure import restrict
from hamiltonian_ml.subspace.variance import outside_variance

pytestmark = pytest.mark.usefixtures("each_way")


@pytest.fixture(params=["chain", "ring"])
def problem(request, rng):
    basis = getattr(PauliBasis, request.param)(5)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.3 * rng.normal(size=(3, basis.n_terms)) - fields
    structure = restrict(basis, Subspace.from_integers([0, 1, 3, 6, 7, 12, 17, 24, 31], 5))
    return structure, find_boundary(structure), coeffs


def _values(structure, boundary, coeffs):
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    found = outside_variance(structure, boundary, coeffs, levels)
    no_pull = np.zeros_like(coeffs)
    through_states = coefficient_gradients(structure, coeffs, levels, no_pull, sources=found.sources, tol=1e-12)
    return found.values, found.direct + through_states


def test_the_value_is_the_certificate_s_variance_in_its_unit(problem):
    structure, _, coeffs = problem
    certificate = certify(structure, coeffs, lowest_levels(structure, coeffs, tol=1e-12))
    unit = (coeffs**2).sum(axis=1) / 5
    # Round-off.
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
    np.testing.assert_allclose(scaled, values, rtol=1e-9)  # tolerances of 1e-12 over gaps
    np.testing.assert_allclose(1e3 * scaled_gradients, gradients, atol=1e-8)  # the same
    np.testing.assert_allclose((gradients * coeffs).sum(axis=1), 0, atol=1e-8)  # so it does not change along H itself


def test_the_whole_space_has_none(rng):
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    coeffs = rng.normal(size=(2, structure.basis.n_terms))
    values, gradients = _values(structure, find_boundary(structure), coeffs)
    assert not values.any()
    assert not gradients.any()


def test_one_response_serves_the_variance_and_expectation_values(problem, rng):
    structure, boundary, coeffs = problem
    levels = lowest_levels(structure, coeffs, tol=1e-12)
    sources = outside_variance(structure, boundary, coeffs, levels).sources
    pulls = rng.normal(size=coeffs.shape)
    alone = [
        coefficient_gradients(structure, coeffs, levels, cotangents, sources=vectors, tol=1e-12)
        for cotangents, vectors in ((pulls, None), (np.zeros_like(pulls), sources))
    ]
    both = coefficient_gradients(structure, coeffs, levels, pulls, sources=sources, tol=1e-12)
    np.testing.assert_allclose(both, sum(alone), atol=1e-10)  # the tolerance of each solve
    assert all(np.abs(part).max() > 1e-3 for part in alone)


def test_sources_of_another_size_are_refused(problem):
    structure, _, coeffs = problem
    levels = lowest_levels(structure, coeffs)
    with pytest.raises(ValueError, match=r"sources must be one vector a row, \(3, 9\), got an array of shape \(3, 8\)"):
        coefficient_gradients(structure, coeffs, levels, coeffs, sources=np.zeros((3, 8)))
