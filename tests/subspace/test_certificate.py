"""Certificates against dense matrices in the full space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace import boundary
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import candidate_weights, certify, spreads
from hamiltonian_ml.subspace.ground_state import Levels, lowest_levels
from hamiltonian_ml.subspace.structure import restrict
from hamiltonian_ml.subspace.variance import outside_variance
from tests.reference.dense import dense_hamiltonian
from tests.reference.outside import full_space_figures, states_outside


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
        assert certificate.energy[row] == pytest.approx(energy, abs=1e-11)  # round-off
        assert certificate.residual[row] == pytest.approx(residual, abs=1e-8)  # up to the solver's residual
        # Twice a residual of about 3, times its error.
        assert certificate.variance[row] == pytest.approx(residual**2, abs=1e-7)
        # Denominators may be small by chance: relative to the sizes that they make.
        assert certificate.correction[row] == pytest.approx(correction, rel=1e-6, abs=1e-8)
        assert certificate.captured_weight[row] == pytest.approx(1 / (1 + weight), rel=1e-6)
        levels_exact = np.linalg.eigvalsh(dense)
        assert np.abs(levels_exact - energy).min() <= residual + 1e-12  # an exact level lies within the residual


def test_a_real_row_keeps_its_figures_where_its_state_is_complex(rng):
    """Beside complex rows the state of a real one is complex, and may have any phase."""
    basis = PauliBasis.chain(5)
    structure = restrict(basis, Subspace.excitations(5, 2))
    coeffs = rng.normal(size=(1, basis.n_terms)) * (basis.n_y % 2 == 0)
    levels = lowest_levels(structure, coeffs)
    turned = replace(levels, states=levels.states * np.exp(1j))
    edge = find_boundary(structure)

    def figures(found: Levels) -> list[NDArray[Any]]:
        outside = outside_variance(structure, edge, coeffs, found)
        weights = candidate_weights(structure, coeffs, found, np.ones(1), boundary=edge)
        return [*vars(certify(structure, coeffs, found)).values(), weights, outside.values, outside.direct]

    for expected, got in zip(figures(levels), figures(turned), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)  # round-off


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
        # Round-off.
        assert found[row] == pytest.approx(np.linalg.norm(product - np.vdot(ket, product).real * ket), rel=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_candidates_weigh_what_dense_matrices_say(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.ring(5)
    inside = np.sort(rng.choice(32, size=rng.integers(1, 32), replace=False))
    structure = restrict(basis, Subspace.from_integers(inside.tolist(), 5))
    coeffs, weights = rng.normal(size=(2, basis.n_terms)), rng.uniform(0.1, 5.0, size=2)
    levels, found = lowest_levels(structure, coeffs, tol=1e-10), find_boundary(structure)
    outside, expected = found.words[:, 0].astype(int), 0.0
    for row in range(2):
        dense = dense_hamiltonian(basis.labels, coeffs[row])
        distances = np.abs(levels.energies[row, 0] - np.diag(dense).real[outside])
        amplitudes = dense[np.ix_(outside, inside)] @ levels.ground_states[row]
        least = 0.01 * np.abs(coeffs[row]).max()
        expected += weights[row] / weights.sum() * (np.abs(amplitudes) / np.maximum(distances, least)) ** 2
    got = candidate_weights(structure, coeffs, levels, weights, boundary=found)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-12)  # the solver's residual over a small distance


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
    assert certificate.residual[0] < 1e-7  # the solver's tolerance
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


@pytest.mark.parametrize("n_qubits", [6, 70])
@pytest.mark.parametrize("connectivity", ["chain", "star"])
def test_the_boundary_is_that_of_flipping_every_state(n_qubits, connectivity, rng, monkeypatch):
    if connectivity == "star":  # too many neighbours for one chunk of codes, whose bits lie anywhere
        basis = PauliBasis.from_edges(n_qubits, [(q, n_qubits - 1) for q in range(n_qubits - 1)])
    else:
        basis = PauliBasis.chain(n_qubits)
    inside = {sum(1 << int(q) for q in rng.choice(n_qubits, size=rng.integers(4), replace=False)) for _ in range(40)}
    structure = restrict(basis, Subspace.from_integers(sorted(inside), n_qubits))
    expected = states_outside(inside, [number(flip) for flip in structure.tables.flips])
    for setting in ("_BUCKET", "_MOST_BUCKETS", "BLOCK_ROWS"):
        monkeypatch.setattr(boundary, setting, 16)  # several of each
    found, members = find_boundary(structure), [number(words) for words in structure.subspace.words]
    n_chunks = dict(zip(map(number, structure.tables.flips), np.diff(structure.tables.flip_chunks), strict=True))
    assert sorted(map(number, found.words)) == sorted(expected)
    for state, start, stop in zip(map(number, found.words), found.starts[:-1], found.starts[1:], strict=True):
        sources = sorted(members[u] for u in found.columns[start:stop])
        assert sources == sorted(u for u in expected[state] for _ in range(n_chunks[u ^ state]))
    # The elements that lead outside are those of the matrix of all these states.
    row = rng.normal(size=(1, basis.n_terms))
    levels = lowest_levels(structure, row)
    every = restrict(basis, Subspace.span(n_qubits, structure.subspace.words, found.words))
    state = np.zeros(every.dimension, dtype=complex)
    state[every.subspace.places(structure.subspace.words)] = levels.ground_states[0]
    error = every.matrix(row[0]) @ state - levels.energies[0, 0] * state
    # Round-off.
    assert certify(structure, row, levels, boundary=found).residual[0] == pytest.approx(np.linalg.norm(error), rel=1e-9)


def test_threads_find_the_same_boundary(rng, monkeypatch):
    structure = restrict(PauliBasis.chain(30), Subspace.excitations(30, 2))
    monkeypatch.setattr(boundary, "BLOCK_ROWS", 50)
    monkeypatch.setattr("hamiltonian_ml.bases.threads.n_threads", lambda: 1)
    alone = find_boundary(structure)
    monkeypatch.setattr("hamiltonian_ml.bases.threads.n_threads", lambda: 3)
    shared = find_boundary(structure)
    for name in ("words", "starts", "columns", "codes", "diagonal_codes"):
        np.testing.assert_array_equal(getattr(shared, name), getattr(alone, name))


def number(words):
    """Return packed words as one integer."""
    return sum(int(word) << (64 * place) for place, word in enumerate(words))


def test_a_boundary_beyond_the_free_memory_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(boundary, "free_memory", lambda: 400)
    structure = restrict(PauliBasis.chain(3), Subspace.from_integers([0, 1, 2], 3))
    with pytest.raises(MemoryError, match=r"outside 3 basis states may take .* GiB, but .* free; keep fewer"):
        find_boundary(structure)


def test_trust_needs_a_tilt_below_a_half_and_nearly_all_of_the_weight(rng):
    """The distance is that to the second level inside or to a state just outside, whichever is nearer."""
    basis = PauliBasis.ring(5)
    inside = [0, 1, 2, 3, 6, 12, 24]
    structure = restrict(basis, Subspace.from_integers(inside, 5))
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.25 * rng.normal(size=(300, basis.n_terms)) - fields
    levels = lowest_levels(structure, coeffs, tol=1e-10, gap_tol=1e-10)
    got = certify(structure, coeffs, levels)
    outside = list(states_outside(set(inside), [int(x) for x in np.unique(basis.x_masks) if x]))
    nearest = [np.diag(dense_hamiltonian(basis.labels, row)).real[outside].min() for row in coeffs]
    to_outside = np.array(nearest) - levels.energies[:, 0]
    assert (to_outside < levels.gaps).any()
    assert (to_outside > levels.gaps).any()
    distance = np.minimum(levels.gaps, to_outside)
    expected = np.where(distance > got.residual, got.residual / np.abs(distance), 1.0)
    np.testing.assert_allclose(got.tilt, expected, rtol=1e-6)  # the second level's own residual is below 1e-9
    np.testing.assert_array_equal(got.trusted, (got.tilt < 0.5) & (got.captured_weight >= 0.95))
    for steep, heavy in ((True, True), (True, False), (False, True), (False, False)):
        assert (((got.tilt >= 0.5) == steep) & ((got.captured_weight >= 0.95) == heavy)).any(), (steep, heavy)
    assert ((got.tilt > 0.5) & (got.tilt < 0.9)).any()


@pytest.mark.parametrize("gap_tol", [1e-4, 1e-8])
def test_a_state_of_a_degenerate_level_is_not_trusted_even_if_its_residual_is_zero(gap_tol, rng):
    basis = PauliBasis.chain(3)
    heisenberg = basis.subset(basis.paulis[:, 0] == basis.paulis[:, 1])  # three spins: every level is degenerate
    coeffs = rng.normal(size=(40, 1)) * np.ones((1, heisenberg.n_terms)) + 0.1 * rng.normal(size=(40, 6))
    coeffs[0] = 0.0
    structure = restrict(heisenberg, Subspace.full(3))
    got = certify(structure, coeffs, lowest_levels(structure, coeffs, gap_tol=gap_tol))
    assert (got.residual < 1e-5).all()  # the solver's tolerance, with room
    np.testing.assert_array_equal(got.tilt, 1.0)
    assert not got.trusted.any()
