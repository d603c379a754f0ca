"""Compiled search for the states just outside a subspace, every entry to one of them beside the others.

Entries are dealt out to buckets by the hash of the state that they lead to. Equal states are then found bucket by
bucket, and all that is known of them is written before the next one: what a bucket needs stays in a core's own caches,
no array of all states reached is sorted, and none but the answers is ever held.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.search import (
    ORDERED_ROWS,
    find_codes_of,
    look_up,
    run_code,
    run_masks,
    scattered_code,
    seen_bit,
)

_HIGH = np.uint64(40)  # buckets are told by these bits of a hash and those above
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads states over a bucket's table


@compiled
def find_outside(
    start, stop, words, hashes, slots, seen, flips, flip_hashes, flip_chunks, sources, which, counts, n_codes
):
    """Write source state and flip of every entry that leaves the subspace from rows start to stop; return their number.

    ``counts`` and ``n_codes`` (n_buckets,) get the numbers of entries and of their codes, one for each chunk of a flip,
    in each bucket. There must be room for one more than all flips of all these rows.
    """
    n, mask = np.int64(0), np.uint64(len(counts) - 1)
    counts[:], n_codes[:] = 0, 0
    candidates, found = np.empty(ORDERED_ROWS, dtype=np.int64), np.empty(ORDERED_ROWS, dtype=np.int64)
    for first in range(start, stop, ORDERED_ROWS):
        for f in range(len(flips)):
            n_candidates, before = np.int64(0), n
            for u in range(first, min(first + ORDERED_ROWS, stop)):
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
            chunks = flip_chunks[f + 1] - flip_chunks[f]
            for k in range(before, n):
                bucket = (hashes[sources[k]] ^ flip_hashes[f]) >> _HIGH & mask
                counts[bucket] += 1
                n_codes[bucket] += chunks
    return n


@compiled
def deal(sources, which, hashes, flip_hashes, places, dealt_sources, dealt_which):
    """Move entries to their buckets; ``places`` (n_buckets,) says where the next of each goes, and is moved on."""
    mask = np.uint64(len(places) - 1)
    for k in range(len(sources)):
        bucket = (hashes[sources[k]] ^ flip_hashes[which[k]]) >> _HIGH & mask
        dealt_sources[places[bucket]], dealt_which[places[bucket]] = sources[k], which[k]
        places[bucket] += 1


@compiled
def group(
    buckets, n_before, sources, which, words, flips, flip_chunks, bits, offsets, diagonal_bits, diagonal_offsets,
    outside, starts, columns, codes, diagonal_codes,
):  # fmt: skip
    """Group the entries of some buckets by the state that they lead to, and write all that is known of each state.

    Parameters
    ----------
    buckets : (n + 1,) int
        Where each of these n buckets begins among the dealt entries, and where the last ends.
    n_before : int
        Columns and codes that the buckets before these have.
    sources, which
        Dealt entries.
    words, flips, flip_chunks, bits, offsets, diagonal_bits, diagonal_offsets
        The subspace, and the tables of the strings.
    outside, starts, diagonal_codes
        Get the states, where the entries of each begin, and their codes.
    columns, codes
        Get the entries of each state, one for each chunk of their flip, from place ``n_before`` on. They may be
        ``sources`` and ``which`` themselves if no flip has more than one chunk.

    Returns
    -------
    int
        Number of states.
    """
    masks, diagonal_masks = run_masks(bits), run_masks(diagonal_bits)
    largest, size, shift = np.max(buckets[1:] - buckets[:-1]), 16, np.uint64(60)
    while size < 2 * largest:
        size, shift = 2 * size, shift - np.uint64(1)
    table, own = np.empty(size, dtype=np.int32), np.empty((largest, words.shape[1]), dtype=np.uint64)
    rows, kinds = np.empty(largest, dtype=np.int64), np.empty(largest, dtype=np.int64)
    members, firsts = np.empty(largest, dtype=np.int32), np.empty(largest, dtype=np.int32)
    order, heads = np.empty(largest, dtype=np.int32), np.empty(flip_chunks[-1] + 2, dtype=np.int64)
    ends, keys, n_states = np.empty(largest, dtype=np.int64), np.empty(largest, dtype=np.uint64), np.int64(0)
    for b in range(len(buckets) - 1):
        m = buckets[b + 1] - buckets[b]
        for i in range(m):
            rows[i], kinds[i], keys[i] = sources[buckets[b] + i], which[buckets[b] + i], 0
        for w in range(words.shape[1]):
            for i in range(m):
                own[i, w] = words[rows[i], w] ^ flips[kinds[i], w]
                keys[i] = (keys[i] ^ own[i, w]) * _SPREAD
        n = _find_equal(own[:m], keys, table, shift, members, firsts)
        ends[:n] = 0
        for i in range(m):
            ends[members[i]] += flip_chunks[kinds[i] + 1] - flip_chunks[kinds[i]]
        _order_by_size(ends[:n], heads, order)
        for g in range(n):
            state = order[g]
            starts[n_states + g] = n_before
            n_before, ends[state] = n_before + ends[state], n_before
            for w in range(words.shape[1]):
                outside[n_states + g, w] = own[firsts[state], w]
        _write_entries(rows[:m], kinds, members, words, flip_chunks, bits, masks, offsets, ends, columns, codes)
        find_codes_of(
            outside[n_states : n_states + n], diagonal_bits, diagonal_masks, diagonal_offsets, diagonal_codes[n_states:]
        )
        n_states += n
    return n_states


@compiled
def _find_equal(states, keys, table, shift, members, firsts):
    """Give different states numbers as they come; write the number of each, and where each number came first.

    ``table`` is room for twice as many places or more, of which the highest bits of a state's key choose one. Returns
    how many different states there are.
    """
    last, n = np.uint64(len(table) - 1), np.int64(0)
    table[:] = -1
    for i in range(len(states)):
        place = keys[i] >> shift
        while table[place] >= 0:
            first = firsts[table[place]]
            if keys[first] == keys[i]:
                is_same = True
                for w in range(states.shape[1]):
                    is_same &= states[first, w] == states[i, w]
                if is_same:
                    break
            place = (place + np.uint64(1)) & last
        if table[place] < 0:
            table[place], firsts[n] = n, i
            n += 1
        members[i] = table[place]
    return n


@compiled
def _order_by_size(sizes, heads, order):
    """Write the places of the sizes in ascending order, equal ones as they come; ``heads`` is room for counting them.

    Passes over the states then have loops of one length for many states in a row, which a processor guesses right.
    """
    longest = np.max(sizes) if len(sizes) else 0
    heads[: longest + 2] = 0
    for g in range(len(sizes)):
        heads[sizes[g] + 1] += 1
    for size in range(longest):
        heads[size + 1] += heads[size]
    for g in range(len(sizes)):
        order[heads[sizes[g]]] = g
        heads[sizes[g]] += 1


@compiled
def _write_entries(rows, kinds, members, words, flip_chunks, bits, masks, offsets, places, columns, codes):
    """Write the source and the codes of every entry to the next places of its state."""
    for i in range(len(rows)):
        u, g = rows[i], members[i]
        for c in range(flip_chunks[kinds[i]], flip_chunks[kinds[i] + 1]):
            columns[places[g]] = u
            codes[places[g]] = run_code(words[u, bits[c, 0] >> 6], bits[c, 0], masks[c], offsets[c])
            places[g] += 1
    if masks.all():
        return
    for i in range(len(rows) - 1, -1, -1):  # back again, for the codes whose bits do not follow each other
        u, g = rows[i], members[i]
        for c in range(flip_chunks[kinds[i] + 1] - 1, flip_chunks[kinds[i]] - 1, -1):
            places[g] -= 1
            if not masks[c]:
                codes[places[g]] = scattered_code(words, u, bits, c, offsets[c])
