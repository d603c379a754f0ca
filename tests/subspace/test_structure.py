"""The projected strings against dense blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace import search
from hamiltonian_ml.subspace.structure import grow, restrict, shrink
from tests.reference.dense import dense_hamiltonian

GRAPHS = {
    "chain": [(0, 1), (1, 2), (2, 3), (3, 4)],
    "ring": [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)],
    "star": [(0, 1), (0, 2), (0, 3), (0, 4)],
    "complete": [(i, j) for i in range(5) for j in range(i)],
    "none": [],
}


@given(graph=st.sampled_from(sorted(GRAPHS)), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_projection_is_a_block_of_the_dense_matrix(graph, seed, data):
    basis = PauliBasis.from_edges(5, GRAPHS[graph])
    states = sorted(data.draw(st.sets(st.integers(0, 31), min_size=1)))
    coeffs = np.random.default_rng(seed).normal(size=basis.n_terms)
    got = restrict(basis, Subspace.from_integers(states, 5)).matrix(coeffs)
    block = dense_hamiltonian(basis.labels, coeffs)[np.ix_(states, states)]
    np.testing.assert_allclose(got.toarray(), block, atol=1e-13)  # sums of +-c: round-off


def test_every_single_string_is_projected_with_its_own_phase():
    basis = PauliBasis.from_edges(3, [(0, 1), (1, 2), (0, 2)])
    structure = restrict(basis, Subspace.full(3))
    for term, label in enumerate(basis.labels):
        coeffs = np.zeros(basis.n_terms)
        coeffs[term] = 1.0
        assert np.array_equal(structure.matrix(coeffs).toarray(), dense_hamiltonian([label], [1.0])), label


def test_a_hub_with_more_neighbours_than_a_table_has_bits_is_split_and_adds_up(rng):
    basis = PauliBasis.from_edges(12, [(0, q) for q in range(1, 12)])
    structure = restrict(basis, Subspace.from_integers(range(0, 4096, 17), 12))
    assert (np.diff(structure.tables.flip_chunks) > 1).any()  # the case is the one meant
    coeffs = rng.normal(size=basis.n_terms)
    states = np.arange(0, 4096, 17)
    dense = basis.to_operator(coeffs).to_matrix()[np.ix_(states, states)]
    np.testing.assert_allclose(structure.matrix(coeffs).toarray(), dense, atol=1e-12)  # sums of 40 numbers of order 1


@pytest.mark.parametrize("n_qubits", [63, 64, 65, 70, 130])
def test_wide_registers_project_like_the_small_chain_that_their_last_qubits_make(n_qubits, rng):
    small, wide = PauliBasis.chain(4), PauliBasis.chain(n_qubits)
    shift = n_qubits - 4
    coeffs = np.zeros(wide.n_terms)
    names = {name: k for k, name in enumerate(wide.short_labels)}
    values = rng.normal(size=small.n_terms)
    for name, value in zip(small.short_labels, values, strict=True):
        moved = " ".join(f"{letter[0]}{int(letter[1:]) + shift}" for letter in name.split())
        coeffs[names[moved]] = value
    space = Subspace.from_integers([s << shift for s in range(16)], n_qubits)
    np.testing.assert_allclose(
        restrict(wide, space).matrix(coeffs).toarray(),
        restrict(small, Subspace.full(4)).matrix(values).toarray(),
        atol=1e-14,  # the same sums, in another order
    )


def test_no_odd_y_string_gives_real_tables(rng):
    basis = PauliBasis.chain(4)
    coeffs = rng.normal(size=(1, basis.n_terms)) * (basis.n_y % 2 == 0)
    assert restrict(basis, Subspace.full(4)).element_tables(coeffs)[0].dtype == np.float64


def test_a_subspace_on_other_qubits_is_refused():
    with pytest.raises(ValueError, match="subspace has 4 qubits but the basis has 3"):
        restrict(PauliBasis.chain(3), Subspace.full(4))


def test_a_subset_of_strings_leaves_the_others_out(rng):
    basis = PauliBasis.chain(4)
    keep = rng.random(basis.n_terms) < 0.5
    coeffs = rng.normal(size=basis.n_terms)
    part = restrict(basis.subset(keep), Subspace.full(4)).matrix(coeffs[keep])
    whole = restrict(basis, Subspace.full(4)).matrix(np.where(keep, coeffs, 0.0))
    np.testing.assert_allclose(part.toarray(), whole.toarray(), atol=1e-14)  # the same sums, in another order


def _same(first, second):
    """Say whether two structures are equal up to the order of pairs."""
    pairs = [sorted(zip(s.left, s.right, s.codes, strict=True)) for s in (first, second)]
    return (
        np.array_equal(first.subspace.words, second.subspace.words)
        and np.array_equal(first.diagonal_codes, second.diagonal_codes)
        and pairs[0] == pairs[1]
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_growing_and_shrinking_end_where_a_fresh_search_does(seed):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.from_edges(6, [(0, q) for q in range(1, 6)] + [(1, 2), (3, 4)])
    few, many = (Subspace.from_integers(rng.integers(0, 64, n).tolist(), 6) for n in (12, 20))
    grown = grow(restrict(basis, few), many.words)
    fresh = restrict(basis, Subspace.span(6, few.words, many.words))
    assert _same(grown, fresh)
    assert (np.diff(grown.left // search.ORDERED_ROWS) >= 0).all()
    assert _same(shrink(grown, few.contains(grown.subspace.words)), restrict(basis, few))


def test_an_empty_shrink_is_refused():
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    with pytest.raises(ValueError, match=r"keep must mark at least one of 8 states, got a mask of shape \(8,\)"):
        shrink(structure, np.zeros(8, dtype=bool))


def test_places_are_no_mask():
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    with pytest.raises(ValueError, match="keep must be a boolean mask, got int64; places of states"):
        shrink(structure, [0, 1, 2, 3, 4, 5, 6, 7])


def test_a_basis_without_strings_is_refused():
    basis = PauliBasis.chain(3)
    with pytest.raises(ValueError, match="basis must hold at least one string, got none"):
        restrict(basis.subset(np.zeros(basis.n_terms, dtype=bool)), Subspace.full(3))
