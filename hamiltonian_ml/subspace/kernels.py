"""Compiled loops over the entries of a projected Hamiltonian. Nothing else lives here.

Tables, codes and patterns are described in `sign_tables` and `structure`. Every function releases the interpreter
lock, so that rows of a batch can run in threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ORDERED_ROWS = 1024  # two vectors of so many amplitudes fit into the first-level cache
# Sums may be reordered and divisions are not checked, so that loops run on vector units; infinities and NaN keep their
# meaning.
_JIT = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}


@njit(**_JIT)
def hash_states(words, keys):
    """Return for packed states (d, w) the exclusive or of the keys (64 w,) of their set bits.

    The hash is linear: the hash of a state with some bits flipped is its hash xor that of the flips.
    """
    hashes = np.zeros(words.shape[0], dtype=np.uint64)
    one = np.uint64(1)
    for u in range(words.shape[0]):
        for w in range(words.shape[1]):
            rest = words[u, w]
            bit = 64 * w
            while rest:
                if rest & one:
                    hashes[u] ^= keys[bit]
                rest >>= one
                bit += 1
    return hashes


@njit(**_JIT)
def fill_hash_table(hashes, slots, seen):
    """Enter states 0..d-1 by open addressing: ``slots`` (2^a,) holds indices or -1, ``seen`` (2^b,) one byte a hash."""
    slot_mask = np.uint64(len(slots) - 1)
    seen_mask = np.uint64(len(seen) - 1)
    for u in range(len(hashes)):
        place = hashes[u] & slot_mask
        while slots[place] >= 0:
            place = (place + np.uint64(1)) & slot_mask
        slots[place] = u
        seen[(hashes[u] >> np.uint64(32)) & seen_mask] = 1


@njit(**_JIT)
def _find(target, flip, words, hashed, slots):
    """Return the index of state ``words[target] ^ flip``, whose hash is given, or -1."""
    slot_mask = np.uint64(len(slots) - 1)
    place = hashed & slot_mask
    while slots[place] >= 0:
        candidate = slots[place]
        same = True
        for w in range(words.shape[1]):
            if words[candidate, w] != words[target, w] ^ flip[w]:
                same = False
        if same:
            return candidate
        place = (place + np.uint64(1)) & slot_mask
    return -1


@njit(**_JIT)
def _code(words, state, bits, offset):
    code = offset
    for k in range(len(bits)):
        if bits[k] < 0:
            break
        code += np.int64((words[state, bits[k] >> 6] >> np.uint64(bits[k] & 63)) & np.uint64(1)) << k
    return code


@njit(**_JIT)
def _run_mask(bits):
    """Return ones for as many bits as there are, if they follow each other within a word, as on a chain; else 0.

    Then one shift reads what would take a step for each bit.
    """
    n = 0
    while n < len(bits) and bits[n] >= 0:
        if bits[n] != bits[0] + n or bits[n] >> 6 != bits[0] >> 6:
            return np.uint64(0)
        n += 1
    return (np.uint64(1) << np.uint64(n)) - np.uint64(1)


@njit(**_JIT)
def find_pairs(
    rows, is_known, words, hashes, slots, seen, flips, flip_hashes, flip_chunks, bits, offsets, left, right, codes
):
    """Write the pairs of states that a string connects, one of them in ``rows``; return their number.

    Pairs of two known states are left out. A pair comes once for each chunk of its flip, smaller state first; ``left``,
    ``right`` and ``codes`` must have room for all chunks of all rows. Within a block of rows, pairs are ordered by
    flip: a multiplication then runs through both ends of the pairs in order, within vectors that stay in the cache.
    """
    seen_mask = np.uint64(len(seen) - 1)
    n = 0
    for start in range(0, len(rows), ORDERED_ROWS):
        for f in range(len(flips)):
            for i in range(start, min(start + ORDERED_ROWS, len(rows))):
                u = rows[i]
                hashed = hashes[u] ^ flip_hashes[f]
                # Most flips leave the subspace: one byte, in the first-level cache, tells so for nearly all of them.
                if seen[(hashed >> np.uint64(32)) & seen_mask] == 0:
                    continue
                v = _find(u, flips[f], words, hashed, slots)
                if v > u or (v >= 0 and is_known[v]):
                    for c in range(flip_chunks[f], flip_chunks[f + 1]):
                        left[n] = min(u, v)
                        right[n] = max(u, v)
                        codes[n] = _code(words, max(u, v), bits[c], offsets[c])
                        n += 1
    return n


@njit(**_JIT)
def fill_codes(words, sources, flips, flip_chunks, bits, offsets, codes):
    """Write the codes of all chunks of flip ``flips[k]`` in the column of state ``sources[k]``, one after the other."""
    n = 0
    for k in range(len(sources)):
        for c in range(flip_chunks[flips[k]], flip_chunks[flips[k] + 1]):
            codes[n] = _code(words, sources[k], bits[c], offsets[c])
            n += 1


@njit(**_JIT)
def leave(starts, columns, codes, diagonal_codes, table, diagonal_table, energy, state):
    """Sum over the states a outside, with amplitude w_a = <a|H|state> and energy D_a.

    Returns the sums of |w_a|^2, of |w_a|^2 / (energy - D_a) and of |w_a|^2 / (energy - D_a)^2, and the smallest D_a.
    """
    norm, correction, weight, lowest = 0.0, 0.0, 0.0, np.inf
    for a in range(len(starts) - 1):
        amplitude = 0.0 * state[0]
        for k in range(starts[a], starts[a + 1]):
            amplitude += table[codes[k]] * state[columns[k]]
        size = amplitude.real**2 + amplitude.imag**2
        own = 0.0
        for c in range(diagonal_codes.shape[1]):
            own += diagonal_table[diagonal_codes[a, c]]
        lowest = min(lowest, own)
        below = energy - own
        if size == 0.0:
            continue
        norm += size
        if below == 0.0:  # a state of the same energy that H reaches: perturbation theory has no answer
            correction, weight = -np.inf, np.inf
        else:
            correction += size / below
            weight += size / below**2
    return norm, correction, weight, lowest


@njit(**_JIT)
def add_candidate_weights(
    starts, columns, codes, diagonal_codes, table, diagonal_table, energy, floor, share, state, out
):
    """Add share |w_a|^2 / max(|energy - D_a|, floor)^2 of every outside state a, with w_a = <a|H|state>, to out."""
    for a in range(len(starts) - 1):
        amplitude = 0.0 * state[0]
        for k in range(starts[a], starts[a + 1]):
            amplitude += table[codes[k]] * state[columns[k]]
        own = 0.0
        for c in range(diagonal_codes.shape[1]):
            own += diagonal_table[diagonal_codes[a, c]]
        distance = max(abs(energy - own), floor)
        out[a] += share * (amplitude.real**2 + amplitude.imag**2) / distance**2


@njit(**_JIT)
def reach_out(starts, columns, codes, table, state, outside, back, bins):
    """Follow H to the states outside and back, and collect the brackets on the way.

    ``outside[a]`` gets <a|H|state>, ``back`` what H makes of it inside, and ``bins`` the sum of conj(outside) state
    over the entries of each code. Returns the sum of squares of ``outside``.
    """
    total = 0.0
    back[:] = 0.0
    for a in range(len(starts) - 1):
        amplitude = 0.0 * state[0]
        for k in range(starts[a], starts[a + 1]):
            amplitude += table[codes[k]] * state[columns[k]]
        outside[a] = amplitude
        total += amplitude.real**2 + amplitude.imag**2
        for k in range(starts[a], starts[a + 1]):
            back[columns[k]] += np.conj(table[codes[k]]) * amplitude
            bins[codes[k]] += np.conj(amplitude) * state[columns[k]]
    return total


@njit(**_JIT)
def find_diagonal_codes(words, bits, offsets, codes):
    """Write the code of each state (rows) in each diagonal chunk (columns)."""
    masks = np.empty(len(bits), dtype=np.uint64)
    for c in range(len(bits)):
        masks[c] = _run_mask(bits[c])
    for u in range(words.shape[0]):
        for c in range(len(bits)):
            if masks[c]:
                run = (words[u, bits[c, 0] >> 6] >> np.uint64(bits[c, 0] & 63)) & masks[c]
                codes[u, c] = offsets[c] + np.int64(run)
            else:
                codes[u, c] = _code(words, u, bits[c], offsets[c])


@njit(**_JIT)
def diagonal_of(codes, table, out):
    """Write the diagonal of one Hamiltonian: out[u] = sum over chunks of table[codes[u, chunk]]."""
    for u in range(codes.shape[0]):
        total = 0.0
        for c in range(codes.shape[1]):
            total += table[codes[u, c]]
        out[u] = total


@njit(**_JIT)
def multiply(left, right, codes, table, diagonal, x, y):
    """Write y = H x for the Hamiltonian with these tables; the values of the matrix are never stored.

    Each pair serves both triangles. Rows have few entries and uneven numbers of them, so that a loop over rows would
    spend half its time on mispredicted branches; a loop over pairs has none.
    """
    for u in range(len(diagonal)):
        y[u] = diagonal[u] * x[u]
    for k in range(len(left)):
        u, v, element = left[k], right[k], table[codes[k]]
        y[u] += element * x[v]
        y[v] += np.conj(element) * x[u]


@njit(**_JIT)
def brackets(left, right, codes, diagonal_codes, bra, ket, bins, diagonal_bins):
    """Add conj(bra[u]) ket[v] + bra[v] conj(ket[u]) of every pair to the bin of its code, in one pass over the pairs.

    The real part of a string's phases times the bins is then the real part of <bra|P|ket>.
    """
    for k in range(len(left)):
        u, v = left[k], right[k]
        bins[codes[k]] += np.conj(bra[u]) * ket[v] + bra[v] * np.conj(ket[u])
    for u in range(len(bra)):
        weight = (np.conj(bra[u]) * ket[u]).real
        for c in range(diagonal_codes.shape[1]):
            diagonal_bins[diagonal_codes[u, c]] += weight


@njit(**_JIT)
def preconditioner_floor(table, diagonal):
    """Return the smallest denominator that the diagonal preconditioners use, positive for every Hamiltonian."""
    largest = 0.0
    for k in range(len(table)):
        largest = max(largest, abs(table[k]))
    floor = max(0.1 * largest, 1e-3 * (np.max(diagonal) - np.min(diagonal)))
    return floor if floor > 0.0 else 1.0
