"""Compiled search for the states just outside a subspace, every entry to one of them beside the others.

Entries are dealt out to buckets by the hash of the state that they lead to, and equal states are found bucket by
bucket, in a table that stays in the first-level cache: no sort, and no array of all states reached.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.search import ORDERED_ROWS, look_up, run_code, run_masks, scattered_code, seen_bit

_HIGH = np.uint64(40)  # buckets are told by these bits of a hash and those above, places in a bucket by those below


@compiled
def find_outside(words, hashes, slots, seen, flips, flip_hashes, sources, which):
    """Write source state and flip of every entry that leaves the subspace; return their number.

    There must be room for one more than all flips of all states.
    """
    n, d = np.int64(0), len(hashes)
    candidates, found = np.empty(ORDERED_ROWS, dtype=np.int64), np.empty(ORDERED_ROWS, dtype=np.int64)
    for start in range(0, d, ORDERED_ROWS):
        for f in range(len(flips)):
            n_candidates = np.int64(0)
            for u in range(start, min(start + ORDERED_ROWS, d)):
                place, bit = seen_bit(hashes[u] ^ flip_hashes[f], seen)
                is_candidate = np.int64((seen[place] >> bit) & np.uint8(1))
                candidates[n_candidates] = u
                n_candidates += is_candidate
                sources[n], which[n] = u, f
                n += 1 - is_candidate
            look_up(candidates[:n_candidates], words, flips[f], hashes, flip_hashes[f], slots, found)
            for k in range(n_candidates):
                sources[n], which[n] = candidates[k], f
                n += np.int64(found[k] < 0)
    return n


@compiled
def deal(sources, which, hashes, flip_hashes, starts, dealt_sources, dealt_which):
    """Sort entries into buckets, as many as a power of two; ``starts`` gets where each begins, and the end."""
    mask = np.uint64(len(starts) - 2)
    starts[:] = 0
    for k in range(len(sources)):
        starts[((hashes[sources[k]] ^ flip_hashes[which[k]]) >> _HIGH & mask) + np.uint64(1)] += 1
    for b in range(1, len(starts)):
        starts[b] += starts[b - 1]
    place = starts[:-1].copy()
    for k in range(len(sources)):
        b = (hashes[sources[k]] ^ flip_hashes[which[k]]) >> _HIGH & mask
        dealt_sources[place[b]], dealt_which[place[b]] = sources[k], which[k]
        place[b] += 1


@compiled
def group(sources, which, hashes, flip_hashes, flip_chunks, starts, groups, firsts, ends):
    """Write the group of each dealt entry, and of each group its first entry; return the number of groups.

    A group is the entries whose states have one hash; groups are numbered as their first entries come. ``ends`` gets
    the number of entries of all groups up to each, one for each chunk of a flip.
    """
    size = 16
    while size < 2 * np.max(starts[1:] - starts[:-1]):
        size *= 2
    table, known, mask = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.uint64), np.uint64(size - 1)
    n = np.int64(0)
    for b in range(len(starts) - 1):
        table[:] = -1
        for k in range(starts[b], starts[b + 1]):
            hashed = hashes[sources[k]] ^ flip_hashes[which[k]]
            place = hashed & mask
            while table[place] >= 0 and known[place] != hashed:
                place = (place + np.uint64(1)) & mask
            if table[place] < 0:
                table[place], known[place], firsts[n], ends[n] = n, hashed, k, 0
                n += np.int64(1)
            groups[k] = table[place]
            ends[table[place]] += flip_chunks[which[k] + 1] - flip_chunks[which[k]]
    for g in range(1, n):
        ends[g] += ends[g - 1]
    return n


@compiled
def fill_entries(
    sources, which, groups, firsts, words, flips, flip_chunks, bits, offsets, starts, columns, codes, outside
):
    """Write the states outside, and the columns and codes of the entries to each: one for each chunk of the flip.

    Returns whether all states of each group are indeed one: two may share a hash by chance.
    """
    masks = run_masks(bits)
    for g in range(len(firsts)):
        for w in range(words.shape[1]):
            outside[g, w] = words[sources[firsts[g]], w] ^ flips[which[firsts[g]], w]
    place, is_one = starts[:-1].copy(), True
    for k in range(len(sources)):
        u, g = sources[k], groups[k]
        for w in range(words.shape[1]):
            is_one &= words[u, w] ^ flips[which[k], w] == outside[g, w]
        for c in range(flip_chunks[which[k]], flip_chunks[which[k] + 1]):
            columns[place[g]] = u
            if masks[c]:
                codes[place[g]] = run_code(words[u, bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
            else:
                codes[place[g]] = scattered_code(words, u, bits, c, offsets[c])
            place[g] += 1
    return is_one
