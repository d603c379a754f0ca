"""The states outside, for rows side by side against single rows."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.side_by_side import groups
from hamiltonian_ml.subspace.structure import restrict
from hamiltonian_ml.subspace.variance import outside_variance

FIGURES = ("residual", "variance", "correction", "captured_weight", "tilt", "trusted")


@pytest.fixture(params=[(5, True), (8, True), (21, True), (10, False)], ids=["part", "whole", "more", "real"])
def problem(request, rng):
    n_rows, is_complex = request.param
    basis = PauliBasis.ring(9)
    coeffs = 0.3 * rng.normal(size=(n_rows, basis.n_terms))
    coeffs[:, (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)] -= 1.0
    structure = restrict(basis, Subspace.excitations(9, 2))
    return structure, coeffs if is_complex else coeffs * (basis.n_y % 2 == 0)


def _both_ways(monkeypatch, action):
    """Return what an action gives one row after the other, and side by side."""
    found = []
    for fewest in (10**9, 1):
        monkeypatch.setattr(groups, "_FEWEST_ENTRIES", fewest)
        found.append(action())
    return found


def test_certificates_are_those_of_single_rows(problem, monkeypatch):
    structure, coeffs = problem
    levels = lowest_levels(structure, coeffs, tol=1e-10)
    alone, together = _both_ways(monkeypatch, lambda: certify(structure, coeffs, levels))
    for name in FIGURES:
        # Round-off of sums in another order.
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), rtol=1e-12, err_msg=name)


def test_variances_and_their_derivatives_are_those_of_single_rows(problem, monkeypatch):
    structure, coeffs = problem
    levels, boundary = lowest_levels(structure, coeffs, tol=1e-10), find_boundary(structure)
    alone, together = _both_ways(monkeypatch, lambda: outside_variance(structure, boundary, coeffs, levels))
    np.testing.assert_allclose(together.values, alone.values, rtol=1e-12)  # round-off
    np.testing.assert_allclose(together.direct, alone.direct, atol=1e-13)  # round-off
    np.testing.assert_allclose(together.sources, alone.sources, atol=1e-13)  # round-off


def test_a_state_outside_of_the_same_energy_is_seen(monkeypatch):
    """With no field on it, a spin may point either way at one energy: where H leads there, nothing is captured."""
    basis = PauliBasis.chain(9)
    coeffs = np.zeros((8, basis.n_terms))
    coeffs[:, [basis.short_labels.index(f"Z{q}") for q in range(8)]] = -1.0
    coeffs[4:, basis.short_labels.index("X8")] = 0.1
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 4, 8, 16, 32, 64, 128], 9))
    levels = lowest_levels(structure, coeffs, n_levels=2, tol=1e-10)
    alone, together = _both_ways(monkeypatch, lambda: certify(structure, coeffs, levels))
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name), err_msg=name)
    assert (together.captured_weight[4:] == 0).all()
    assert not together.trusted[4:].any()
