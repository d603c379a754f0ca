"""Responses where the gap is small, missed by the search for the second level, or has no unit."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning import accelerator
from hamiltonian_ml.subspace import ground_state
from hamiltonian_ml.subspace.certificate import GAP_TOL, certify
from hamiltonian_ml.subspace.ground_state import coefficient_gradients, lowest_levels
from hamiltonian_ml.subspace.structure import restrict

pytestmark = pytest.mark.usefixtures("each_way")

LEFT_OUT = [1, 2, 14, 16, 17, 20, 21, 22, 26, 27, 30, 32, 44, 54, 55, 60, 63]
MIN_GAP = 1e-3


@pytest.fixture
def hidden():
    """Return a structure, the coefficients of a twofold ground state in it, and levels that missed the second."""
    basis = PauliBasis.chain(6)
    structure = restrict(basis, Subspace.from_integers(sorted(set(range(64)) - set(LEFT_OUT)), 6))
    coeffs = np.zeros((1, basis.n_terms))
    for label, value in {"Z0": 2.0, "X5": 1.0, "Y0 Y1": 2.0, "X2 X3": -1.0}.items():
        coeffs[0, basis.short_labels.index(label)] = value
    first, second = np.linalg.eigvalsh(structure.matrix(coeffs[0]).toarray())[:2]
    assert second - first < 1e-12  # round-off
    levels = lowest_levels(structure, coeffs)
    assert levels.gaps[0] > 0.1
    return structure, coeffs, levels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("solver", [ground_state, accelerator], ids=["cpu", "accelerator"])
def test_a_level_that_the_search_missed_is_damped_all_the_same(hidden, solver, seed):
    structure, coeffs, levels = hidden
    pull = np.random.default_rng(seed).normal(size=coeffs.shape)
    got = solver.coefficient_gradients(structure, coeffs, levels, pull, min_gap=MIN_GAP)
    matrix, psi = structure.matrix(coeffs[0]).toarray(), levels.ground_states[0]
    objective = structure.matrix(pull[0]).toarray()
    source = objective @ psi - (psi.conj() @ objective @ psi) * psi
    floor = MIN_GAP * np.abs(coeffs).max()
    assert np.linalg.norm(matrix @ psi - levels.energies[0, 0] * psi) < 1e-6  # the solver's tolerance, with room
    assert 0 < np.abs(got).max() <= 2 * np.linalg.norm(source) / (0.9 * floor)  # 2 |z|, with z = source / gap at most


def test_trust_asks_for_a_gap_that_shows_the_missed_level(hidden):
    structure, coeffs, levels = hidden
    finer = lowest_levels(structure, coeffs, gap_tol=GAP_TOL)
    assert certify(structure, coeffs, levels).trusted[0]
    assert not certify(structure, coeffs, finer).trusted[0]


def test_random_degenerate_rows_have_bounded_gradients(rng):
    basis = PauliBasis.chain(5)
    for _ in range(150):
        space = Subspace.from_integers(rng.choice(32, rng.integers(3, 32), replace=False).tolist(), 5)
        structure = restrict(basis, space)
        coeffs = np.round(rng.normal(size=(4, basis.n_terms))) * (rng.random((4, basis.n_terms)) < 0.25)
        pull = rng.normal(size=coeffs.shape)
        got = coefficient_gradients(structure, coeffs, lowest_levels(structure, coeffs), pull, min_gap=MIN_GAP)
        for row, gradient, strings in zip(coeffs, got, pull, strict=True):
            size = np.linalg.norm(structure.matrix(strings).toarray(), ord=2)
            assert np.abs(gradient).max() <= 4 * size / (0.9 * MIN_GAP * max(np.abs(row).max(), 1.0))


@pytest.mark.parametrize("solver", [ground_state, accelerator], ids=["cpu", "accelerator"])
def test_a_row_without_a_hamiltonian_has_no_gradient_and_spoils_no_other(rng, solver):
    basis = PauliBasis.chain(4)
    structure = restrict(basis, Subspace.full(4))
    coeffs, pull = rng.normal(size=(3, basis.n_terms)), rng.normal(size=(3, basis.n_terms))
    expected = coefficient_gradients(structure, coeffs, lowest_levels(structure, coeffs), pull)
    coeffs[1] = 0.0
    got = solver.coefficient_gradients(structure, coeffs, lowest_levels(structure, coeffs), pull)
    assert not got[1].any()
    np.testing.assert_allclose(got[[0, 2]], expected[[0, 2]], rtol=1e-6)  # the solvers' tolerances over gaps


def test_what_does_not_belong_together_is_refused(rng):
    basis = PauliBasis.chain(3)
    structure = restrict(basis, Subspace.full(3))
    coeffs = rng.normal(size=(2, basis.n_terms))
    levels = lowest_levels(structure, coeffs)
    smaller = restrict(basis, Subspace.from_integers([0, 1, 2], 3))
    with pytest.raises(ValueError, match="got 2, 1 and 2 rows, and 8 states"):
        coefficient_gradients(structure, coeffs, levels, coeffs[:1])
    with pytest.raises(ValueError, match="coefficients must be finite"):
        coefficient_gradients(structure, coeffs, levels, np.full_like(coeffs, np.nan))
    with pytest.raises(ValueError, match="levels must be of the 2 rows and 3 states"):
        certify(smaller, coeffs, levels)
