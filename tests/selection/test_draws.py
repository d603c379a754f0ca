"""Different strings in the order in which independent draws would show them."""

import numpy as np
import pytest

from hamiltonian_ml.selection.draws import different_strings
from tests.reference.draws import drawn_until_enough


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5])
def test_strings_appear_as_often_and_as_early_as_in_single_draws(rng, probability):
    n_qubits, count, repeats = 4, 9, 800
    first = np.zeros((2, 2**n_qubits))  # how often each string came first
    among = np.zeros((2, 2**n_qubits))  # and how often among the first nine
    for _ in range(repeats):
        ours = different_strings(n_qubits, probability, count, rng)[:, 0].astype(int)
        theirs = np.array(drawn_until_enough(n_qubits, probability, count, rng))
        for side, strings in enumerate((ours, theirs)):
            first[side, strings[0]] += 1
            among[side, strings] += 1
    for counts in (first, among):
        shares = counts.mean(0) / repeats
        spread = np.sqrt(2 * shares * (1 - shares) / repeats)  # of the difference of two shares
        np.testing.assert_array_less(np.abs(counts[0] - counts[1]) / repeats, 5 * spread + 1e-12)


@pytest.mark.parametrize(
    ("n_qubits", "probability", "count"),
    [(12, 0.02, 4096), (1, 0.5, 2), (5, 1e-200, 32), (70, 0.02, 500), (156, 0.5, 100), (1500, 0.5, 20), (9, 0.3, 1)],
)
def test_there_are_as_many_as_asked_for_and_none_twice(rng, n_qubits, probability, count):
    words = different_strings(n_qubits, probability, count, rng)
    assert words.shape == (count, -(-n_qubits // 64))
    assert len(np.unique(words, axis=0)) == count


def test_rarer_strings_come_later(rng):
    ones = np.array([int(word).bit_count() for word in different_strings(10, 1e-9, 100, rng)[:, 0]])
    np.testing.assert_array_equal(ones, np.repeat([0, 1, 2, 3], [1, 10, 45, 44]))  # a billion to one at each step
