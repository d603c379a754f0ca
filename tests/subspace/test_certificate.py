"""Certificates against dense matrices in the full space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace import boundary
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify, spreads
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import hash_table, restrict
from tests.reference.dense import dense_hamiltonian
from tests.reference.outside import full_space_figures


@given(seed=st.integers(0, 2**32 - 1))
def test_figures_equal_those_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(5)
    inside = np.sort(rng.choice(32, size=rng.integers(1, 33), replace=False))
    structure = restrict(basis, Subspace.from_integers(inside.tolist(), 5))
    coeffs = rng.normal(size=(2, basis.n_terms))
    levels = lowest_levels(structure, coeffs, tol=1e-10)
    certificate = certify(structure, coeffs, levels)
    for row in range(2):
        dense = dense_hamiltonian(basis.labels, coeffs[row])
        energy, residual, correction, weight = full_space_figures(dense, inside, levels.states[row, 0])
        assert certificate.energy[row] == pytest.approx(energy, abs=1e-11)
        assert certificate.residual[row] == pytest.approx(residual, abs=1e-8)  # up to the solver's residual
        assert certificate.variance[row] == pytest.approx(residual**2, abs=1e-7)
        # Denominators may be small by chance: relative to the sizes that they make.
        assert certificate.correction[row] == pytest.approx(correction, rel=1e-6, abs=1e-8)
        assert certificate.captured_weight[row] == pytest.approx(1 / (1 + weight), rel=1e-6)
        levels_exact = np.linalg.eigvalsh(dense)
        assert np.abs(levels_exact - energy).min() <= residual + 1e-12  # an exact level lies within the residual


@given(seed=st.integers(0, 2**32 - 1))
def test_spreads_equal_those_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(5)
    inside = np.sort(rng.choice(32, size=rng.integers(1, 33), replace=False))
    structure = restrict(basis, Subspace.from_integers(inside.tolist(), 5))
    operators = rng.normal(size=(2, basis.n_terms))
    states = rng.normal(size=(2, len(inside))) + 1j * rng.normal(size=(2, len(inside)))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    found = spreads(structure, operators, states, boundary=find_boundary(structure))
    for row in range(2):
        dense, ket = dense_hamiltonian(basis.labels, operators[row]), np.zeros(32, dtype=complex)
        ket[inside] = states[row]
        product = dense @ ket
        assert found[row] == pytest.approx(np.linalg.norm(product - np.vdot(ket, product).real * ket), rel=1e-9)


def test_the_tilt_bounds_the_angle_to_the_exact_state(rng):
    basis = PauliBasis.chain(5)
    structure = restrict(basis, Subspace.excitations(5, 1))
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.05 * rng.normal(size=(10, basis.n_terms)) - fields  # the gaps inside are those of the whole space
    levels = lowest_levels(structure, coeffs, tol=1e-10)
    certificate = certify(structure, coeffs, levels)
    for row in range(10):
        exact = np.linalg.eigh(dense_hamiltonian(basis.labels, coeffs[row]))[1][:, 0]
        overlap = abs(np.vdot(exact[structure.subspace.words[:, 0].astype(int)], levels.ground_states[row]))
        assert np.sqrt(1 - overlap**2) <= certificate.tilt[row] < 0.5


def test_the_boundary_holds_all_states_that_a_string_reaches_and_no_other():
    basis = PauliBasis.chain(4)
    structure = restrict(basis, Subspace.from_integers([0], 4))
    boundary = find_boundary(structure)
    singles_and_neighbours = [1, 2, 4, 8, 3, 6, 12]
    assert sorted(boundary.words[:, 0].tolist()) == sorted(singles_and_neighbours)


def test_the_whole_space_has_nothing_outside(rng):
    structure = restrict(PauliBasis.chain(4), Subspace.full(4))
    coeffs = rng.normal(size=(1, structure.basis.n_terms))
    certificate = certify(structure, coeffs, lowest_levels(structure, coeffs))
    assert len(find_boundary(structure).words) == 0
    assert certificate.captured_weight[0] == 1.0
    assert certificate.correction[0] == 0.0
    assert certificate.residual[0] < 1e-7
    assert certificate.trusted[0]


def test_a_state_far_from_the_ground_state_is_not_trusted(rng):
    basis = PauliBasis.chain(6)
    structure = restrict(basis, Subspace.from_integers([0, 63], 6))
    coeffs = rng.normal(size=(20, basis.n_terms))
    certificate = certify(structure, coeffs, lowest_levels(structure, coeffs))
    assert not certificate.trusted.any()


def test_wide_registers_have_a_certificate(rng):
    basis = PauliBasis.chain(70)
    structure = restrict(basis, Subspace.excitations(70, 1))
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.01 * rng.normal(size=(1, basis.n_terms)) - fields
    certificate = certify(structure, coeffs, lowest_levels(structure, coeffs))
    assert certificate.trusted[0]
    assert 0.9 < certificate.captured_weight[0] < 1.0


def test_a_single_state_is_never_trusted():
    basis = PauliBasis.chain(1)
    structure = restrict(basis, Subspace.from_integers([0], 1))
    coeffs = np.array([[0.0, 0.0, -1.0]])
    assert not certify(structure, coeffs, lowest_levels(structure, coeffs)).trusted[0]


def test_states_that_share_a_hash_are_told_apart(monkeypatch):
    structure = restrict(PauliBasis.chain(6), Subspace.from_integers([0, 3, 5, 40], 6))
    expected, seeds = find_boundary(structure), []

    def all_alike(subspace, tables, seed):
        seeds.append(seed)
        hashes, flip_hashes, slots, seen = hash_table(subspace, tables, seed)
        return (hashes, flip_hashes, slots, seen) if seed else (0 * hashes, 0 * flip_hashes, *_one_hash(subspace))

    monkeypatch.setattr("hamiltonian_ml.subspace.boundary.hash_table", all_alike)
    boundary = find_boundary(structure)
    assert seeds == [0, 1]
    assert set(boundary.words[:, 0]) == set(expected.words[:, 0])
    assert len(boundary.columns) == len(expected.columns)


def _one_hash(subspace):
    """Return the table and bits in which every state has the hash zero."""
    slots, seen = np.full(16, -1, dtype=np.int32), np.full(16, 255, dtype=np.uint8)
    slots[: subspace.dimension] = np.arange(subspace.dimension)
    return slots, seen


def test_more_entries_than_can_be_numbered_are_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(boundary, "_MOST_ENTRIES", 10)
    structure = restrict(PauliBasis.chain(3), Subspace.from_integers([0, 1, 2], 3))
    with pytest.raises(MemoryError, match=r"outside 3 basis states cannot be counted: 15 entries .* at most 10 are"):
        find_boundary(structure)
