"""Compiled search of a subspace: which states some flips connect, and the codes of their matrix elements."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled

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
        place, bit = seen_bit(hashes[u], seen)
        seen[place] |= np.uint8(1) << bit


@compiled
def seen_bit(hashed, seen):
    """Return the byte, and the bit of it, that tell whether any state may have this hash."""
    position = hashed >> np.uint64(32)
    return (position >> np.uint64(3)) & np.uint64(len(seen) - 1), np.uint8(position & np.uint64(7))


@compiled
def look_up(candidates, words, flip, hashes, flip_hash, slots, found):
    """Write the index of each candidate's state with some bits flipped, or -1 where it is not in the subspace."""
    slot_mask = np.uint64(len(slots) - 1)
    for k in range(len(candidates)):
        u, v = candidates[k], np.int64(-1)
        place = (hashes[u] ^ flip_hash) & slot_mask
        while slots[place] >= 0:
            v = np.int64(slots[place])
            for w in range(words.shape[1]):
                if words[v, w] != words[u, w] ^ flip[w]:
                    v = np.int64(-1)
                    break
            if v >= 0:
                break
            place = (place + np.uint64(1)) & slot_mask
        found[k] = v


@compiled
def run_masks(bits):
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
def run_code(word, first, mask, offset):
    """Return the code that the bits of a word make, from bit ``first`` (counted over all words) on."""
    return offset + np.int64((word >> np.uint64(first & 63)) & mask)


@compiled
def scattered_code(words, state, bits, c, offset):
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
    masks, n = run_masks(bits), 0
    candidates, found = np.empty(ORDERED_ROWS, dtype=np.int64), np.empty(ORDERED_ROWS, dtype=np.int64)
    for start in range(0, len(rows), ORDERED_ROWS):
        for f in range(len(flips)):
            n_candidates = _select(rows[start : start + ORDERED_ROWS], flip_hashes[f], hashes, seen, candidates)
            look_up(candidates[:n_candidates], words, flips[f], hashes, flip_hashes[f], slots, found)
            for k in range(n_candidates):
                u, v = candidates[k], found[k]
                if v > u or (v >= 0 and is_known[v]):
                    first, last = min(u, v), max(u, v)
                    for c in range(flip_chunks[f], flip_chunks[f + 1]):
                        left[n], right[n] = first, last
                        if masks[c]:
                            codes[n] = run_code(words[last, bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
                        else:
                            codes[n] = scattered_code(words, last, bits, c, offsets[c])
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
        place, bit = seen_bit(hashes[rows[i]] ^ flip_hash, seen)
        candidates[n] = rows[i]
        n += np.int64((seen[place] >> bit) & np.uint8(1))
    return n


@compiled
def find_diagonal_codes(words, bits, offsets, codes):
    """Write the code of each state (rows) in each diagonal chunk (columns)."""
    find_codes_of(words, bits, run_masks(bits), offsets, codes)


@compiled
def find_codes_of(words, bits, masks, offsets, codes):
    """Do the same with the chunks' masks at hand."""
    for c in range(len(bits)):
        if masks[c]:
            first, mask, offset = bits[c, 0], masks[c], offsets[c]
            for u in range(len(words)):
                codes[u, c] = run_code(words[u, first >> 6], first, mask, offset)
        else:
            for u in range(len(words)):
                codes[u, c] = scattered_code(words, u, bits, c, offsets[c])
