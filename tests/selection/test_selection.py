"""Strategies: what they choose, that they are fair to weights, and that seeds repeat."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection


@pytest.fixture
def rows(rng):
    basis = PauliBasis.chain(5)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    return basis, 0.4 * rng.normal(size=(4, basis.n_terms)) - fields


def _select(selection, basis, coefficients, weights=None, seed=3):
    weights = np.ones(len(coefficients)) if weights is None else weights
    return selection.select(basis, coefficients, weights, seed=np.random.SeedSequence(seed))


def test_full_selection_takes_every_state(rows):
    assert _select(FullSelection(), *rows).subspace.dimension == 32


def test_krylov_selection_keeps_the_states_with_most_counts_and_the_reference(rows):
    selected = _select(KrylovSelection(max_dimension=6), *rows)
    words, counts = selected.samples.words[:, 0], selected.samples.counts
    kept = set(selected.subspace.words[:, 0].tolist())
    assert len(kept) == 6
    assert 0 in kept  # five single flips would take more than half of the room: they have to be measured
    others = counts[~np.isin(words, list(kept))]
    assert len(others)  # the limit left something out
    assert others.max() <= min(c for w, c in zip(words, counts, strict=True) if w in kept and w)


@pytest.mark.parametrize("limit", [1, 2, 31])
def test_the_reference_state_is_kept_even_if_it_was_never_measured(limit):
    """A field along -z turns |0> into the highest state; a strong field along x empties it."""
    basis = PauliBasis.chain(5)
    coeffs = np.zeros((1, basis.n_terms))
    coeffs[0, 0:15:3] = 1.0
    step = np.pi / 2  # exp(-i X pi / 2) flips every qubit
    selected = _select(KrylovSelection(krylov_dimension=2, time_step=step, max_dimension=limit), basis, coeffs)
    assert selected.samples.words.tolist() == [[31]]
    assert selected.subspace.reference_index == 0
    flips = 5 if limit == 31 else 0  # they are kept where they take no more than half of the room
    assert selected.subspace.dimension == min(limit, 2 + flips)


def test_single_flips_of_the_reference_state_are_kept_without_being_measured():
    """A field along -z only: every shot finds the reference state, whose response to any change lies one flip away."""
    basis = PauliBasis.chain(5)
    coeffs = np.zeros((1, basis.n_terms))
    coeffs[0, 2:15:3] = -1.0
    selected = _select(KrylovSelection(shots=10), basis, coeffs)
    assert selected.samples.n_states == 1
    assert selected.subspace.words[:, 0].tolist() == [0, 1, 2, 4, 8, 16]


def test_equal_seeds_sample_alike_and_others_do_not(rows):
    selection = KrylovSelection(shots=50)
    first, again, other = (_select(selection, *rows, seed=s).samples for s in (1, 1, 2))
    np.testing.assert_array_equal(first.words, again.words)
    np.testing.assert_array_equal(first.counts, again.counts)
    assert first.n_states != other.n_states or not np.array_equal(first.counts, other.counts)


def test_a_row_of_weight_two_samples_like_two_equal_rows_in_any_order(rows):
    basis, coeffs = rows
    weighted = _select(KrylovSelection(), basis, coeffs, np.array([2.0, 1.0, 1.0, 1.0])).samples
    shuffled = np.concatenate([coeffs, coeffs[:1]])[[4, 2, 0, 3, 1]]
    repeated = _select(KrylovSelection(), basis, shuffled).samples
    np.testing.assert_array_equal(weighted.words, repeated.words)
    np.testing.assert_allclose(weighted.counts, repeated.counts, rtol=1e-12)  # round-off of the weights


def test_more_rows_than_the_limit_are_sampled_in_proportion_to_their_weights(rng):
    basis = PauliBasis.chain(3)
    coeffs = rng.normal(size=(20, basis.n_terms))
    weights = np.zeros(20)
    weights[:4] = 1.0
    few = _select(KrylovSelection(max_rows=4, shots=200), basis, coeffs, weights).samples
    assert few.n_shots == pytest.approx(3 * 200)  # a weighted mean over rows, of three circuits each
    with pytest.raises(ValueError, match="max_rows must be an integer of at least 1, got 0"):
        KrylovSelection(max_rows=0)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"backend": "qpu"}, "backend must be one of"),
        ({"time_step": None}, 'time_step must be "auto" or a positive number in 1/energy, got None'),
        ({"time_step": [0.1]}, r"time_step must be .* got \[0\.1\]"),
        ({"trotter_order": 3}, r"trotter_order must be one of 1, 2, got 3"),
        ({"trotter_order": True}, r"trotter_order must be one of 1, 2, got True"),
        ({"shots": 0}, "shots must be an integer of at least 1, got 0"),
        ({"krylov_dimension": 1}, "krylov_dimension must be an integer of at least 2, got 1"),
    ],
)
def test_a_strategy_refuses_wrong_options_when_it_is_made(option, message):
    with pytest.raises(ValueError, match=message):
        KrylovSelection(**option)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
def test_a_wrong_limit_is_refused(value):
    with pytest.raises(ValueError, match="max_dimension must be an integer of at least 1"):
        KrylovSelection(max_dimension=value)
