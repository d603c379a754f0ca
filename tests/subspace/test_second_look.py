"""Overlaps with what becomes of states among their neighbours, and what trust is worth in small subspaces."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.subspace import second_look
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import GAP_TOL, certify
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.second_look import look_again
from hamiltonian_ml.subspace.structure import restrict
from tests.reference.dense import dense_hamiltonian
from tests.reference.second_look import overlap_among_neighbours


def certificates(structure, coeffs):
    """Return levels, and the certificate before and after the second look."""
    levels, boundary = lowest_levels(structure, coeffs, gap_tol=GAP_TOL), find_boundary(structure)
    first = certify(structure, coeffs, levels, boundary=boundary)
    return levels, first, look_again(first, structure, coeffs, levels, boundary=boundary)


@given(seed=st.integers(0, 2**32 - 1))
def test_overlaps_equal_those_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(5)
    inside = np.sort(rng.choice(32, size=rng.integers(1, 33), replace=False))
    structure = restrict(basis, Subspace.from_integers(inside.tolist(), 5))
    coeffs = rng.normal(size=(2, basis.n_terms))
    levels, first, second = certificates(structure, coeffs)
    flips = [int(flip) for flip in structure.tables.flips[:, 0]]
    for row in range(2):
        dense = dense_hamiltonian(basis.labels, coeffs[row])
        expected = overlap_among_neighbours(dense, inside, flips, levels.states[row, 0])
        # The solver's tolerance of 1e-4 over gaps that may be small by chance.
        assert second.overlap[row] == pytest.approx(expected, abs=2e-3)
        assert second.trusted[row] == (first.trusted[row] and second.overlap[row] >= 0.95)


def test_the_whole_space_has_nothing_outside(rng):
    basis = PauliBasis.chain(3)
    _, first, second = certificates(restrict(basis, Subspace.full(3)), rng.normal(size=(2, basis.n_terms)))
    assert np.isnan(first.overlap).all()
    assert second.overlap.tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(second.trusted, first.trusted)


def test_too_many_neighbours_are_not_looked_at(rng, monkeypatch):
    basis = PauliBasis.chain(6)
    structure, coeffs = restrict(basis, Subspace.excitations(6, 1)), rng.normal(size=(2, basis.n_terms))
    n_states = structure.dimension + len(find_boundary(structure).words)
    monkeypatch.setattr(second_look, "MOST_STATES", n_states)
    assert np.isfinite(certificates(structure, coeffs)[2].overlap).all()
    monkeypatch.setattr(second_look, "MOST_STATES", n_states - 1)
    _, first, second = certificates(structure, coeffs)
    assert np.isnan(second.overlap).all()
    np.testing.assert_array_equal(second.trusted, first.trusted)


def test_rows_in_blocks_are_those_one_by_one(rng, monkeypatch):
    basis = PauliBasis.chain(6)
    structure, coeffs = restrict(basis, Subspace.excitations(6, 1)), rng.normal(size=(7, basis.n_terms))
    alone = certificates(structure, coeffs)[2].overlap
    monkeypatch.setattr(second_look, "_MANY", 7)
    monkeypatch.setattr(second_look, "_BLOCK", 3)
    np.testing.assert_allclose(certificates(structure, coeffs)[2].overlap, alone, atol=1e-3)  # as for dense matrices


def test_trust_in_few_states_is_trust_in_the_exact_state(capsys):
    """Where couplings are as strong as the field, neighbours alone tell too little."""
    basis, n_trusted, n_wrong = PauliBasis.chain(8), np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    whole, field = restrict(basis, Subspace.full(8)), [set(label) == {"I", "Z"} for label in basis.labels]
    single = np.array(field) & np.array([label.count("Z") == 1 for label in basis.labels])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        coeffs = -1.0 * single + rng.uniform(0.1, 0.6, (6, 1)) * rng.standard_normal((6, basis.n_terms))
        rows = rotate(basis, coeffs, mean_field_frames(basis, coeffs).rotations)
        exact = lowest_levels(whole, rows, tol=1e-6).ground_states
        for dimension in (9, 16, 32):
            chosen = ClassicalSelection(dimension).select(basis, rows, np.ones(6), seed=np.random.SeedSequence(0))
            structure = restrict(basis, chosen.subspace)
            weights = (np.abs(exact[:, whole.subspace.places(structure.subspace.words)]) ** 2).sum(axis=1)
            for look, found in enumerate(certificates(structure, rows)[1:]):
                n_trusted[look] += found.trusted.sum()
                n_wrong[look] += (found.trusted & (weights < 0.9)).sum()
    summary = (
        f"{n_trusted[0]} of {20 * 6 * 3} states trusted at first sight, {n_wrong[0]} without a tenth of the exact "
        f"state or more; {n_trusted[1]} and {n_wrong[1]} at the second"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{summary}\n")
    assert n_wrong[1] == 0
    assert n_wrong[0] > 10  # or the second look would be for nothing
    assert n_trusted[1] > 0.6 * 20 * 6 * 3
