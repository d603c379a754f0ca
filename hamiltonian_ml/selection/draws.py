"""Different bitstrings in the order in which independent draws would show them, without drawing any twice.

In: a number of qubits and the probability that a bit is one. Out: packed states. Where ones are rare, draws until there
are enough different strings could take for ever.
"""

from __future__ import annotations

from itertools import combinations
from math import comb, log, log1p

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Words, pack_bits

_ROWS = 1 << 16  # strings that are drawn at a time, which bounds the memory


def different_strings(n_qubits: int, probability: float, count: int, rng: np.random.Generator) -> Words:
    """Return ``count`` different states whose bits are one with a ``probability`` each, in order of first appearance.

    In continuous time every string appears after an exponential wait, at the rate of its probability. Strings of as
    many ones have one rate, so the next new one among ``m`` that are left comes after a wait at ``m`` times this rate,
    and it is any of them.
    """
    waits, ones = np.empty(0), np.empty(0, dtype=np.intp)
    for k in range(n_qubits + 1):
        own = _log_waits(comb(n_qubits, k), k * log(probability) + (n_qubits - k) * log1p(-probability), count, rng)
        waits, ones = np.concatenate([waits, own]), np.concatenate([ones, np.full(len(own), k)])
        first = np.argsort(waits, kind="stable")[:count]
        waits, ones = waits[first], ones[first]
    bits = np.empty((len(ones), n_qubits), dtype=np.uint8)
    for k in np.unique(ones):
        bits[ones == k] = _with_ones(n_qubits, int(k), int((ones == k).sum()), rng)
    return pack_bits(bits)


def _log_waits(size: int, log_rate: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the logarithms of the times at which the first of ``size`` strings appear, at most ``count`` of them."""
    seen = np.arange(min(size, count))
    log_left = log(size) + np.log1p(-seen / min(size, 1e300))  # logarithms: 2**n_qubits may be too large for a float
    steps: NDArray[np.float64] = np.log(rng.standard_exponential(len(seen))) - log_rate - log_left
    return np.logaddexp.accumulate(steps)


def _with_ones(n_qubits: int, k: int, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return ``count`` different strings of ``k`` ones, drawn evenly, as (count, n_qubits) bits."""
    size = comb(n_qubits, k)
    if size <= 4 * count:
        places = np.array(list(combinations(range(n_qubits), k)), dtype=np.intp).reshape(size, k)
        return _bits(n_qubits, places[rng.permutation(size)[:count]])
    found = np.empty((0, n_qubits), dtype=np.uint8)
    while len(found) < count:
        rows = min(count - len(found) + 16, _ROWS)
        places = np.argpartition(rng.random((rows, n_qubits)), k, axis=1)[:, :k]
        both = np.concatenate([found, _bits(n_qubits, places)])
        _, first = np.unique(pack_bits(both), axis=0, return_index=True)
        found = both[np.sort(first)]
    return found[:count]


def _bits(n_qubits: int, places: NDArray[np.intp]) -> NDArray[np.uint8]:
    bits = np.zeros((len(places), n_qubits), dtype=np.uint8)
    np.put_along_axis(bits, places, 1, axis=1)
    return bits
