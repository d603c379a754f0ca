"""Compiled loops behind `hamiltonian_ml.referee.exact`: sums of Pauli strings on state vectors.

A string maps the amplitude of state ``b`` to state ``b ^ flip``. Strings of equal flip are grouped, ``starts[g]`` is
the first string of group g, and ``(-1)**popcount(sign & a) * weight`` is what string t contributes to output ``a``.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def apply_strings(flips, starts, signs, weights, low_signs, state, out, first, last):
    """Fill blocks ``first`` to ``last`` of ``out`` with the sum of the strings applied to ``state``.

    A block is all states that differ in their lowest bits only. ``low_signs[s, k]`` is the parity sign of those bits
    of a sign mask ``s`` and a state ``k``, so that inside a block each string adds a row of a small table.
    """
    size = len(low_signs)
    values = np.empty(size, dtype=weights.dtype)
    for block in range(first, last):
        base = block * size
        target = out[base : base + size]
        target[:] = 0
        for g in range(len(flips)):
            values[:] = 0
            for t in range(starts[g], starts[g + 1]):
                weight = -weights[t] if _is_odd(signs[t] & base) else weights[t]
                row = low_signs[signs[t] & (size - 1)]
                for k in range(size):
                    values[k] += weight * row[k]
            low_flip = flips[g] & (size - 1)
            source = base ^ (flips[g] - low_flip)
            for k in range(size):
                target[k] += values[k] * state[source + (k ^ low_flip)]


@njit(cache=True, nogil=True)
def expectation(flip, sign, state):
    """Return ``sum_a conj(state[a]) (-1)**popcount(sign & a) state[a ^ flip]``."""
    total = 0.0 * state[0]
    for a in range(len(state)):
        term = np.conj(state[a]) * state[a ^ flip]
        total += -term if _is_odd(sign & a) else term
    return total


@njit(cache=True, nogil=True)
def _is_odd(bits):
    """Return whether an odd number of the lowest 32 bits is set."""
    bits ^= bits >> 16
    bits ^= bits >> 8
    bits ^= bits >> 4
    bits ^= bits >> 2
    bits ^= bits >> 1
    return bits & 1 == 1
