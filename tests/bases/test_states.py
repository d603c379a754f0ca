"""Packed basis states of any width, against Python's integers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray

from hamiltonian_ml.bases.states import Samples, Subspace, pack_bits, words_from_register_bytes

widths = st.sampled_from([1, 2, 8, 63, 64, 65, 70, 128, 130])


@st.composite
def shots(draw, min_size=1):
    n_qubits = draw(widths)
    few_ones = st.sets(st.integers(0, n_qubits - 1), max_size=3).map(lambda qubits: sum(1 << q for q in qubits))
    any_state = st.integers(0, 2**n_qubits - 1)  # drawn small as a rule, so that upper words need few_ones
    state = few_ones | any_state | st.integers(0, 1)  # and some repeats
    return n_qubits, draw(st.lists(state, min_size=min_size, max_size=20))


def packed(states, n_qubits):
    n_words = -(-n_qubits // 64)
    rows = [[(state >> (64 * w)) & (2**64 - 1) for w in range(n_words)] for state in states]
    return np.array(rows, dtype=np.uint64).reshape(-1, n_words)


def integers(words):
    return [sum(int(word) << (64 * w) for w, word in enumerate(row)) for row in words]


@given(drawn=shots())
def test_a_subspace_is_the_sorted_set_of_its_states(drawn):
    n_qubits, states = drawn
    expected = sorted(set(states))
    space = Subspace.span(n_qubits, packed(states, n_qubits))
    assert integers(space.words) == expected
    assert integers(Subspace.from_integers(states, n_qubits).words) == expected
    assert space.dimension == len(expected)
    assert space.reference_index == (0 if 0 in expected else -1)


@given(drawn=shots(), data=st.data())
def test_the_span_of_parts_is_their_union_however_they_lie_in_memory(drawn, data):
    n_qubits, states = drawn
    cut = data.draw(st.integers(0, len(states)))
    parts = [np.asfortranarray(packed(part, n_qubits)) for part in (states[:cut], states[cut:])]
    space = Subspace.span(n_qubits, *parts)
    assert integers(space.words) == sorted(set(states))
    assert space.words.flags.c_contiguous  # compiled loops read rows


@given(drawn=shots(), data=st.data())
def test_contains_is_membership(drawn, data):
    n_qubits, states = drawn
    asked = data.draw(st.lists(st.sampled_from(states) | st.integers(0, 2**n_qubits - 1), max_size=10))
    got = Subspace.from_integers(states, n_qubits).contains(packed(asked, n_qubits))
    assert got.tolist() == [state in states for state in asked]


@given(drawn=shots())
def test_bits_and_bitstrings_are_binary_digits(drawn):
    n_qubits, states = drawn
    space = Subspace.from_integers(states, n_qubits)
    strings = [format(state, f"0{n_qubits}b") for state in sorted(set(states))]
    assert space.bitstrings() == strings
    bits = [[int(digit) for digit in reversed(string)] for string in strings]
    np.testing.assert_array_equal(space.bits(), bits)
    np.testing.assert_array_equal(pack_bits(space.bits()), space.words)


@given(drawn=shots(min_size=0))
def test_samples_count_repeated_shots(drawn):
    n_qubits, states = drawn
    samples = Samples.from_words(packed(states, n_qubits), n_qubits)
    expected = sorted(Counter(states).items())
    assert list(zip(integers(samples.words), samples.counts.tolist(), strict=True)) == expected
    assert samples.n_states == len(expected)
    assert samples.n_shots == len(states)


@given(drawn=shots())
def test_samples_from_bits_and_from_words_agree(drawn):
    n_qubits, states = drawn
    bits = [[(state >> q) & 1 for q in range(n_qubits)] for state in states]
    weights = np.arange(len(states)) / 8  # exact in binary
    from_bits = Samples.from_bits(bits, weights)
    from_words = Samples.from_words(packed(states, n_qubits), n_qubits, weights)
    np.testing.assert_array_equal(from_bits.words, from_words.words)
    np.testing.assert_array_equal(from_bits.counts, from_words.counts)
    assert from_bits.n_shots == weights.sum()


@given(drawn=shots(), data=st.data())
def test_the_union_of_samples_adds_weighted_counts(drawn, data):
    n_qubits, states = drawn
    cut = data.draw(st.integers(0, len(states)))
    parts = [Samples.from_words(packed(part, n_qubits), n_qubits) for part in (states[:cut], states[cut:])]
    union = Samples.union(parts, weights=[1, 0.5])
    first, second = Counter(states[:cut]), Counter(states[cut:])
    expected = {state: first[state] + 0.5 * second[state] for state in sorted(set(states))}
    assert dict(zip(integers(union.words), union.counts.tolist(), strict=True)) == expected


@given(drawn=shots(), limit=st.none() | st.integers(0, 25))
def test_the_most_frequent_states_come_first_and_ties_go_to_the_smaller(drawn, limit):
    n_qubits, states = drawn
    samples = Samples.from_words(packed(states, n_qubits), n_qubits)
    ranked = sorted(Counter(states).items(), key=lambda item: (-item[1], item[0]))
    expected = [state for state, _ in ranked[:limit]]
    assert integers(samples.most_frequent(limit)) == expected


@given(drawn=shots())
def test_register_bytes_are_read_as_qiskit_writes_them(drawn):
    n_qubits, states = drawn
    bits = np.array([[(state >> q) & 1 for q in reversed(range(n_qubits))] for state in states], dtype=bool)
    register = BitArray.from_bool_array(bits, order="big")
    assert integers(words_from_register_bytes(register.array, n_qubits)) == states
    assert register.get_bitstrings() == [format(state, f"0{n_qubits}b") for state in states]


def test_register_bytes_of_a_sweep_are_read_in_order():
    array = np.array([[[0, 1], [2, 0]], [[3, 7], [0, 0]]], dtype=np.uint8)  # (points, shots, bytes)
    assert integers(words_from_register_bytes(array, 10)) == [1, 512, 775, 0]


@pytest.mark.parametrize("n_qubits", [1, 3, 65])
def test_excitations_are_all_states_with_few_ones(n_qubits):
    space = Subspace.excitations(n_qubits, 2)
    states = integers(space.words)
    assert len(states) == 1 + n_qubits + n_qubits * (n_qubits - 1) // 2
    assert all(state.bit_count() <= 2 for state in states)
    assert space.reference_index == 0


def test_the_full_space_has_every_state():
    assert integers(Subspace.full(5).words) == list(range(32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Subspace.span(3), "needs at least one basis state"),
        (lambda: Subspace.span(3, np.zeros((0, 1), np.uint64)), "needs at least one basis state"),
        (lambda: Subspace.span(70, [[1]]), r"words must have shape \(n_states, 2\) for 70 qubits, got \(1, 1\)"),
        (lambda: Subspace.span(3, [1, 2]), r"words must have shape \(n_states, 1\)"),
        (lambda: Subspace.span(3, [[8]]), "words must not set bits beyond qubit 2"),
        (lambda: Subspace.span(70, [[0, 64]]), "words must not set bits beyond qubit 69"),
        (lambda: Subspace.span(64, [[-1]]), "words must be an array of dtype uint64"),
        (lambda: Subspace.span(64, [[1.5]]), "words must be an array of dtype uint64, got float64"),
        (lambda: Subspace.from_integers([8], 3), r"states must be integers from 0 to 2\*\*3 - 1, got 8"),
        (lambda: Subspace.from_integers([-1], 3), "states must be integers .*, got -1"),
        (lambda: Subspace.from_integers([1.5], 3), "states must be integers .*, got 1.5"),
        (lambda: Subspace.full(25), "n_qubits must be at most 24 for the full space, got 25"),
        (lambda: Samples.from_bits([0, 1]), r"bits must have shape \(n_shots, n_qubits\), got \(2,\)"),
        (lambda: Samples.from_bits([[0, 2]]), "bits must be 0 or 1"),
        (
            lambda: Samples.from_words([[1]], 3, [1, 2]),
            r"counts must have shape \(1,\), one for each state, got \(2,\)",
        ),
        (lambda: Samples.from_words([[1]], 2, [np.nan]), "counts must be at least 0, got a negative number or NaN"),
        (lambda: Samples.from_words([[1]], 2, [-3]), "counts must be at least 0, got a negative number or NaN"),
        (lambda: Samples.union([Samples.from_bits([[0]])], [1, 2]), "weights must be 1 numbers, one .*, got 2"),
        (lambda: Subspace.excitations(3, -1), "max_flips must be an integer of at least 0, got -1"),
        (lambda: Subspace.excitations(3, 1.5), "max_flips must be an integer of at least 0, got 1.5"),
        (lambda: Subspace.excitations(3, "1"), "max_flips must be an integer of at least 0, got '1'"),
        (lambda: Samples.from_bits(np.zeros((3, 0))), "n_qubits must be an integer of at least 1, got 0"),
        (lambda: Samples.union([]), "parts must hold at least one Samples object"),
        (lambda: Samples.union([Samples.from_bits([[0]]), Samples.from_bits([[0, 1]])]), "equally many qubits"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "make",
    [
        Subspace.full,
        lambda n_qubits: Subspace.from_integers([0], n_qubits),
        lambda n_qubits: Subspace.excitations(n_qubits, 0),
        lambda n_qubits: Subspace.span(n_qubits, [[0]]),
        lambda n_qubits: Samples.from_words([[0]], n_qubits),
    ],
)
@pytest.mark.parametrize("n_qubits", [0, -1, 2.0])
def test_there_is_at_least_one_qubit(make, n_qubits):
    with pytest.raises(ValueError, match="n_qubits must be an integer of at least 1"):
        make(n_qubits)
