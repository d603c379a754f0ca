"""Refinement and controls: better at equal size, exact in size, blind where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.selection.controls import NoiseSelection, RandomSelection
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.refine import RefinedSelection, refine
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict

SEED = np.random.SeedSequence(7)


@pytest.fixture
def rows(rng):
    """Return a basis and Hamiltonians in their mean-field frames, not too far from a field along z."""
    basis = PauliBasis.chain(8)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.25 * rng.normal(size=(3, basis.n_terms)) - fields
    return basis, rotate(basis, coeffs, mean_field_frames(basis, coeffs).rotations)


def _mean_energy(basis, coeffs, subspace):
    return lowest_levels(restrict(basis, subspace), coeffs).energies[:, 0].mean()


def test_a_refined_subspace_of_equal_size_has_lower_energies(rows):
    basis, coeffs = rows
    sampled = KrylovSelection(max_dimension=20, shots=200).select(basis, coeffs, np.ones(3), seed=SEED).subspace
    refined = refine(restrict(basis, sampled), coeffs, np.ones(3), dimension=20, rounds=2).subspace
    assert sampled.dimension == refined.dimension == 20
    assert _mean_energy(basis, coeffs, refined) < _mean_energy(basis, coeffs, sampled)


def test_growth_ends_at_the_wanted_size_and_in_the_whole_space_if_that_is_smaller(rows):
    basis, coeffs = rows
    start = restrict(basis, Subspace.from_integers([0], 8))
    assert refine(start, coeffs, np.ones(3), dimension=60, rounds=4).dimension == 60
    assert refine(start, coeffs, np.ones(3), dimension=10**6, rounds=10).dimension == 256


def test_a_round_at_most_quadruples_the_states(rows):
    basis, coeffs = rows
    start = restrict(basis, Subspace.from_integers([0], 8))
    reached = [refine(start, coeffs, np.ones(3), dimension=10**6, rounds=rounds).dimension for rounds in (1, 2, 3)]
    assert reached == [4, 16, 64]


@pytest.mark.parametrize("start", [1, 256])
def test_rows_of_hardly_any_weight_choose_hardly_any_state(rows, start):
    """From one state, those outside are ranked; in the whole space, those inside."""
    basis, coeffs = rows
    space = restrict(basis, Subspace.from_integers(range(start), 8))
    every = refine(space, coeffs, np.ones(3), dimension=20, rounds=3).subspace
    for row in range(3):
        weights = np.full(3, 1e-12)
        weights[row] = 1.0
        chosen = refine(space, coeffs, weights, dimension=20, rounds=3).subspace
        alone = refine(space, coeffs[row : row + 1], np.ones(1), dimension=20, rounds=3).subspace
        np.testing.assert_array_equal(chosen.words, alone.words)
        assert not np.array_equal(chosen.words, every.words)


@pytest.mark.parametrize("strategy", [ClassicalSelection(20), RefinedSelection(NoiseSelection(20), dimension=20)])
def test_strategies_weigh_rows(rows, strategy):
    basis, coeffs = rows
    for row in range(3):
        weights = np.full(3, 1e-12)
        weights[row] = 1.0
        chosen = strategy.select(basis, coeffs, weights, seed=SEED).subspace
        alone = strategy.select(basis, coeffs[row : row + 1], np.ones(1), seed=SEED).subspace
        np.testing.assert_array_equal(chosen.words, alone.words)


def test_a_state_that_one_row_hardly_reaches_is_not_chosen_for_having_its_energy():
    """In the first row, |001> has the energy of |000>, so that its first-order weight is infinite."""
    basis = PauliBasis.chain(3)
    coeffs = np.zeros((2, basis.n_terms))
    for row, terms in enumerate(({"IZI": -1, "ZII": -1, "IIX": 1e-3}, {"IIZ": -1, "IZI": -1, "ZII": -1, "IXI": 0.5})):
        for label, value in terms.items():
            coeffs[row, basis.labels.index(label)] = value
    chosen = refine(restrict(basis, Subspace.from_integers([0], 3)), coeffs, np.ones(2), dimension=2, rounds=1).subspace
    pairs = [Subspace.from_integers([0, other], 3) for other in range(1, 8)]
    lowest = min(_mean_energy(basis, coeffs, pair) for pair in pairs)
    assert _mean_energy(basis, coeffs, chosen) == pytest.approx(lowest, abs=1e-12)  # round-off


def test_refining_finds_the_states_that_an_exact_solution_ranks_first(rows):
    basis, coeffs = rows
    full = restrict(basis, Subspace.full(8))
    weights = np.abs(lowest_levels(full, coeffs[:1], tol=1e-10).ground_states[0]) ** 2
    found = refine(restrict(basis, Subspace.from_integers([0], 8)), coeffs[:1], np.ones(1), dimension=50, rounds=6)
    best = weights[np.argsort(-weights)[:50]].sum()
    reached = weights[found.subspace.words[:, 0].astype(int)].sum()
    assert 1 - reached < 2 * (1 - best)  # what is missed is at most twice what the best choice misses


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_a_subspace_without_the_all_zero_state_is_refined(rng, dimension):
    basis = PauliBasis.chain(4)
    coeffs = rng.normal(size=(40, basis.n_terms))
    for row in coeffs[:, None]:  # the first-order estimates of states outside are larger than 1 in most rows
        start = restrict(basis, Subspace.from_integers([3], 4))
        refined = refine(start, row, np.ones(1), dimension=dimension, rounds=1).subspace
        assert refined.dimension == dimension
        assert _mean_energy(basis, row, refined) <= _mean_energy(basis, row, start.subspace) + 1e-12  # round-off


def test_the_classical_choice_beats_random_and_noise_at_equal_size(rows):
    basis, coeffs = rows
    energies = {}
    for name, strategy in {
        "classical": ClassicalSelection(40),
        "random": RandomSelection(40),
        "noise": NoiseSelection(40),
        "refined": RefinedSelection(RandomSelection(40), dimension=40, rounds=3),
    }.items():
        chosen = strategy.select(basis, coeffs, np.ones(3), seed=SEED)
        assert chosen.subspace.dimension == 40, name
        assert chosen.subspace.reference_index == 0, name
        energies[name] = _mean_energy(basis, coeffs, chosen.subspace)
    assert energies["classical"] < energies["noise"] < energies["random"]
    assert energies["refined"] < energies["random"]


@pytest.mark.parametrize("strategy", [RandomSelection(16), NoiseSelection(16)])
def test_controls_know_nothing_of_the_hamiltonians(rows, strategy):
    basis, coeffs = rows
    first = strategy.select(basis, coeffs, np.ones(3), seed=SEED).subspace
    other = strategy.select(basis, coeffs[::-1] + 1, np.ones(3), seed=SEED).subspace
    np.testing.assert_array_equal(first.words, other.words)


def test_controls_end_where_the_space_does():
    basis = PauliBasis.chain(2)
    for strategy in (RandomSelection(), NoiseSelection(flip_probability=0.3)):
        assert strategy.select(basis, np.ones((1, 15)), np.ones(1), seed=SEED).subspace.dimension == 4


def test_rare_noise_gives_as_many_states_as_asked_for():
    basis = PauliBasis.chain(12)
    strategy = NoiseSelection(4096, flip_probability=0.001)
    assert strategy.select(basis, np.ones((1, basis.n_terms)), np.ones(1), seed=SEED).subspace.is_full


def test_wide_registers_refine(rng):
    basis = PauliBasis.chain(70)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.05 * rng.normal(size=(2, basis.n_terms)) - fields
    chosen = ClassicalSelection(300).select(basis, coeffs, np.ones(2), seed=SEED).subspace
    assert chosen.dimension == 300
    assert chosen.n_words == 2


@pytest.mark.parametrize("probability", [0.0, 0.6, -1.0, "a", None])
def test_a_flip_probability_beyond_one_half_is_refused(probability):
    with pytest.raises(ValueError, match=r"flip_probability must be above 0 and at most 0\.5"):
        NoiseSelection(flip_probability=probability)


@pytest.mark.parametrize("base", [None, "random", RandomSelection])
def test_a_base_that_is_no_strategy_is_refused_when_it_is_given(base):
    with pytest.raises(ValueError, match=r"base must be a strategy such as RandomSelection\(10\), got"):
        RefinedSelection(base, dimension=3)
