"""Compiled passes over vectors that hold several rows side by side.

An amplitude has ``n_parts`` floats, one of a real Hamiltonian and two of a complex one. Numbers that differ from row to
row come as items of ``factors``, and sums go to items of ``sums``, in double precision: those of single precision are
summed as such over a stretch of states or pairs only.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.pairs import AHEAD
from hamiltonian_ml.subspace.side_by_side.lanes import (
    double,
    fetch,
    filled_like,
    get,
    get_float,
    larger,
    put,
    put_float,
    single,
    swapped,
    zero_like,
)

STRETCH = 256  # states whose products are summed in single precision
_LONG_STRETCH = 4096  # the same for pairs
_CACHED = 1 << 21  # bytes of a vector beyond which amplitudes come from the memory


@compiled
def enter_elements(table, unit, row, n_parts, real, turning):
    """Write the elements of one row's Hamiltonian, by code and in some unit, into its lanes."""
    for code in range(len(table)):
        element = table[code] / unit
        for part in range(n_parts):
            put_float(real, code, n_parts * row + part, element.real)
        if turning is not None:
            put_float(turning, code, n_parts * row, -element.imag)
            put_float(turning, code, n_parts * row + 1, element.imag)


@compiled
def enter_vectors(states, level, rows, n_parts, lanes):
    """Write one level of states (n_rows, n_levels, d) of some rows into lanes."""
    for begin in range(0, len(lanes), STRETCH):
        for k in range(len(rows)):
            _enter_stretch(states[rows[k], level], begin, k, n_parts, lanes)


@compiled
def enter_vector(vector, k, n_parts, lanes):
    """Write a vector into the lanes of one row."""
    for begin in range(0, len(lanes), STRETCH):
        _enter_stretch(vector, begin, k, n_parts, lanes)


@compiled
def _enter_stretch(vector, begin, k, n_parts, lanes):
    for u in range(begin, min(begin + STRETCH, len(lanes))):
        put_float(lanes, u, n_parts * k, vector[u].real)
        if n_parts == 2:
            put_float(lanes, u, 2 * k + 1, vector[u].imag)


@compiled
def take_vectors(lanes, n_parts, rows, n_live, level, states):
    """Write the lanes of the first rows into one level of states (n_rows, n_levels, d)."""
    for begin in range(0, len(lanes), STRETCH):
        for k in range(n_live):
            _take_stretch(lanes, begin, k, n_parts, states[rows[k], level].view(np.float64))


@compiled
def take_vector(lanes, k, n_parts, out):
    """Write the lanes of one row into a vector."""
    for begin in range(0, len(lanes), STRETCH):
        _take_stretch(lanes, begin, k, n_parts, out.view(np.float64))


@compiled
def _take_stretch(lanes, begin, k, n_parts, floats):
    for u in range(begin, min(begin + STRETCH, len(lanes))):
        for part in range(n_parts):
            floats[n_parts * u + part] = get_float(lanes, u, n_parts * k + part)


@compiled
def clear_lanes(vector):
    """Fill a vector with zeros."""
    for u in range(len(vector)):
        put(vector, u, zero_like(get(vector, u)))


@compiled
def spread(values, place, n_parts, factors):
    """Write one number for each row into an item, once for each float of an amplitude."""
    for row in range(len(values)):
        for part in range(n_parts):
            put_float(factors, place, n_parts * row + part, values[row])


@compiled
def spread_turning(values, place, n_parts, factors):
    """Write imaginary parts into an item, so that it turns swapped amplitudes."""
    for row in range(len(values)):
        for part in range(n_parts):
            put_float(factors, place, n_parts * row + part, 0.0 if n_parts == 1 else (2 * part - 1) * values[row])


@compiled
def row_sum(sums, place, row, n_parts):
    """Return what the floats of one row have summed up to."""
    total = 0.0
    for part in range(n_parts):
        total += get_float(sums, place, n_parts * row + part)
    return total


@compiled
def row_turning(sums, place, row, n_parts):
    """Return the imaginary part of <bra|ket> from the sums of bra, swapped, times ket."""
    return get_float(sums, place, 2 * row + 1) - get_float(sums, place, 2 * row) if n_parts == 2 else 0.0


@compiled
def clear_sums(sums, n):
    """Set the first n sums to zero."""
    for k in range(n):
        put(sums, k, zero_like(get(sums, k)))


@compiled
def add_sum(sums, place, item):
    """Add an item to a sum."""
    put(sums, place, get(sums, place) + double(item))


@compiled
def add_sums(sums, items):
    """Add items to the first sums."""
    for place, item in enumerate(items):
        add_sum(sums, place, item)


@compiled
def diagonals_of(codes, table, out, extremes):
    """Write the diagonals of all rows, and into ``extremes`` the largest elements of -diagonal and of the diagonal."""
    highest = zero_like(get(out, 0)) + filled_like(get(out, 0), -np.inf)
    lowest = highest
    for u in range(len(out)):
        total = zero_like(highest)
        for c in range(codes.shape[1]):
            total += get(table, codes[u, c])
        put(out, u, total)
        highest, lowest = larger(highest, total), larger(lowest, zero_like(total) - total)
    put(extremes, 0, lowest)
    put(extremes, 1, highest)


@compiled
def shift_down(wide, origin, unit, out):
    """Write numbers of double precision, less an item and over another, in single precision."""
    for u in range(len(out)):
        put(out, u, single((get(wide, u) - origin) / unit))


@compiled
def fill_lanes(values, mask, out):
    """Write one number for each state into the lanes that a mask of ones and zeros leaves."""
    for u in range(len(out)):
        put(out, u, filled_like(mask, values[u]) * mask)


@compiled
def scale_lanes(x, factor):
    """Multiply by one number for each row."""
    for u in range(len(x)):
        put(x, u, factor * get(x, u))


@compiled
def add_pairs_of_lanes(left, right, codes, real, turning, x, y, sums, place):
    """Add the off-diagonal part of H x to y, and its products with x to a sum."""
    is_far, last = x.nbytes > _CACHED, len(left) - 1
    for begin in range(0, len(left), _LONG_STRETCH):
        half = zero_like(get(x, 0))
        for k in range(begin, min(begin + _LONG_STRETCH, len(left))):
            at = np.uint64(k)  # an index that may be negative would cost a comparison
            if is_far:
                later = np.uint64(right[np.uint64(min(k + AHEAD, last))])
                fetch(x, later)
                fetch(y, later)
            u, v, code = np.uint64(left[at]), np.uint64(right[at]), np.uint64(codes[at])
            element, upper, lower = get(real, code), get(x, u), get(x, v)
            share, back = element * lower, element * upper
            if turning is not None:
                turn = get(turning, code)
                share, back = share + turn * swapped(lower), back - turn * swapped(upper)
            put(y, u, get(y, u) + share)
            put(y, v, get(y, v) + back)
            half += upper * share
        add_sum(sums, place, half + half)


@compiled
def multiply_lanes(batch, group, x, y, sums, place):
    """Write H x to y, and add its products with x to a sum."""
    for begin in range(0, len(x), STRETCH):
        total = zero_like(get(x, 0))
        for u in range(begin, min(begin + STRETCH, len(x))):
            own = get(x, u)
            image = get(group.diagonal, u) * own
            put(y, u, image)
            total += own * image
        add_sum(sums, place, total)
    add_pairs_of_lanes(batch.left, batch.right, batch.codes, group.real, group.turning, x, y, sums, place)


@compiled
def add_products(first, second, sums, place):
    """Add to a sum the products of first and second, and to the next those of first, swapped, and second."""
    for begin in range(0, len(first), STRETCH):
        along = crossed = zero_like(get(first, 0))
        for u in range(begin, min(begin + STRETCH, len(first))):
            a, b = get(first, u), get(second, u)
            along += a * b
            crossed += swapped(a) * b
        add_sum(sums, place, along)
        add_sum(sums, place + 1, crossed)


@compiled
def add_states(states, real, turning, y):
    """Add to y the states times one number for each row."""
    for u in range(len(y)):
        state = get(states, u)
        put(y, u, get(y, u) + real * state + turning * swapped(state))


@compiled
def widen(x, out):
    """Write numbers of single precision in double precision."""
    for u in range(len(x)):
        put(out, u, double(get(x, u)))


@compiled
def step_wide(room, z, steps, n_parts):
    """Add one number for each row times z to the vector of double precision."""
    spread(steps, 0, n_parts, room.wide_factors)
    factor = get(room.wide_factors, 0)
    for u in range(len(z)):
        put(room.wide_x, u, get(room.wide_x, u) + factor * double(get(z, u)))
