"""Compiled loops over the entries of a projected Hamiltonian. Nothing else lives here.

Tables, codes and patterns are described in `sign_tables` and `structure`. Every function releases the interpreter
lock, so that rows of a batch can run in threads.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.pairs import add_pairs

ORDERED_ROWS = 1024  # two vectors of so many amplitudes fit into the first-level cache


@compiled
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


@compiled
def fill_hash_table(hashes, slots, seen):
    """Enter states 0..d-1 by open addressing: ``slots`` (2^a,) holds indices or -1, ``seen`` (2^b,) one bit a hash."""
    slot_mask = np.uint64(len(slots) - 1)
    for u in range(len(hashes)):
        place = hashes[u] & slot_mask
        while slots[place] >= 0:
            place = (place + np.uint64(1)) & slot_mask
        slots[place] = u
        place, bit = _seen_bit(hashes[u], seen)
        seen[place] |= np.uint8(1) << bit


@compiled
def _seen_bit(hashed, seen):
    """Return the byte, and the bit of it, that tell whether any state may have this hash."""
    position = hashed >> np.uint64(32)
    return (position >> np.uint64(3)) & np.uint64(len(seen) - 1), np.uint8(position & np.uint64(7))


@compiled
def _run_masks(bits):
    """Return for each chunk ones for as many bits as it has, if they follow each other within a word, or zero.

    They do on a chain. Then one shift reads what would take a step for each bit.
    """
    masks = np.zeros(len(bits), dtype=np.uint64)
    for c in range(len(bits)):
        first, n = bits[c, 0], 0
        while n < bits.shape[1] and bits[c, n] >= 0 and bits[c, n] == first + n and bits[c, n] >> 6 == first >> 6:
            n += 1
        if n == bits.shape[1] or bits[c, n] < 0:
            masks[c] = (np.uint64(1) << np.uint64(n)) - np.uint64(1)
    return masks


@compiled
def _run_code(word, first, mask, offset):
    """Return the code that the bits of a word make, from bit ``first`` (counted over all words) on."""
    return offset + np.int64((word >> np.uint64(first & 63)) & mask)


@compiled
def _scattered_code(words, state, bits, c, offset):
    """Return the code of a state in a chunk whose bits lie anywhere."""
    code = offset
    for k in range(bits.shape[1]):
        if bits[c, k] < 0:
            break
        code += np.int64((words[state, bits[c, k] >> 6] >> np.uint64(bits[c, k] & 63)) & np.uint64(1)) << k
    return code


@compiled
def find_pairs(
    rows, is_known, words, hashes, slots, seen, flips, flip_hashes, flip_chunks, bits, offsets, left, right, codes
):
    """Write the pairs of states that a string connects, one of them in ``rows``; return their number.

    Pairs of two known states are left out. A pair comes once for each chunk of its flip, smaller state first; ``left``,
    ``right`` and ``codes`` must have room for all chunks of all rows. Within a block of rows, pairs are ordered by
    flip: a multiplication then runs through both ends of the pairs in order, within vectors that stay in the cache.
    """
    masks, slot_mask, n = _run_masks(bits), np.uint64(len(slots) - 1), 0
    candidates = np.empty(ORDERED_ROWS, dtype=np.int64)
    for start in range(0, len(rows), ORDERED_ROWS):
        for f in range(len(flips)):
            n_candidates = _select(rows[start : start + ORDERED_ROWS], flip_hashes[f], hashes, seen, candidates)
            for k in range(n_candidates):
                u, v = candidates[k], np.int64(-1)
                place = (hashes[u] ^ flip_hashes[f]) & slot_mask
                while slots[place] >= 0:
                    v = np.int64(slots[place])
                    for w in range(words.shape[1]):
                        if words[v, w] != words[u, w] ^ flips[f, w]:
                            v = np.int64(-1)
                            break
                    if v >= 0:
                        break
                    place = (place + np.uint64(1)) & slot_mask
                if v > u or (v >= 0 and is_known[v]):
                    first, last = min(u, v), max(u, v)
                    for c in range(flip_chunks[f], flip_chunks[f + 1]):
                        left[n], right[n] = first, last
                        if masks[c]:
                            codes[n] = _run_code(words[last, bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
                        else:
                            codes[n] = _scattered_code(words, last, bits, c, offsets[c])
                        n += 1
    return n


@compiled
def _select(rows, flip_hash, hashes, seen, candidates):
    """Write those rows whose flipped states may be in the subspace, one after the other; return their number.

    Most flips leave the subspace: one bit, in the first-level cache, tells so for nearly all of them, and without a
    branch that the processor would have to guess.
    """
    n = np.int64(0)
    for i in range(len(rows)):
        place, bit = _seen_bit(hashes[rows[i]] ^ flip_hash, seen)
        candidates[n] = rows[i]
        n += np.int64((seen[place] >> bit) & np.uint8(1))
    return n


@compiled
def fill_codes(words, sources, flips, flip_chunks, bits, offsets, codes):
    """Write the codes of all chunks of flip ``flips[k]`` in the column of state ``sources[k]``, one after the other."""
    masks, n = _run_masks(bits), 0
    for k in range(len(sources)):
        for c in range(flip_chunks[flips[k]], flip_chunks[flips[k] + 1]):
            if masks[c]:
                codes[n] = _run_code(words[sources[k], bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
            else:
                codes[n] = _scattered_code(words, sources[k], bits, c, offsets[c])
            n += 1


@compiled
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


@compiled
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


@compiled
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


@compiled
def find_diagonal_codes(words, bits, offsets, codes):
    """Write the code of each state (rows) in each diagonal chunk (columns)."""
    masks = _run_masks(bits)
    for c in range(len(bits)):
        for u in range(words.shape[0]):
            if masks[c]:
                codes[u, c] = _run_code(words[u, bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
            else:
                codes[u, c] = _scattered_code(words, u, bits, c, offsets[c])


@compiled
def diagonal_of(codes, table, out):
    """Write the diagonal of one Hamiltonian: out[u] = sum over chunks of table[codes[u, chunk]]."""
    for u in range(codes.shape[0]):
        total = 0.0
        for c in range(codes.shape[1]):
            total += table[codes[u, c]]
        out[u] = total


@compiled
def multiply(left, right, codes, table, diagonal, x, y):
    """Write y = H x for the Hamiltonian with these tables; the values of the matrix are never stored.

    Each pair serves both triangles. Rows have few entries and uneven numbers of them, so that a loop over rows would
    spend half its time on mispredicted branches; a loop over pairs has none.
    """
    for u in range(len(diagonal)):
        y[u] = diagonal[u] * x[u]
    add_pairs(left, right, codes, table, x, y)


@compiled
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


@compiled
def preconditioner_floor(table, diagonal):
    """Return the smallest denominator that the diagonal preconditioners use, positive for every Hamiltonian."""
    largest = 0.0
    for k in range(len(table)):
        largest = max(largest, abs(table[k]))
    floor = max(0.1 * largest, 1e-3 * (np.max(diagonal) - np.min(diagonal)))
    return floor if floor > 0.0 else 1.0
