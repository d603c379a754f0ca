"""Compiled loops over the entries of a projected Hamiltonian, inside the subspace and to the states outside.

Tables, codes and patterns are described in `sign_tables` and `structure`. Every function releases the interpreter
lock, so that rows of a batch can run in threads.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.pairs import add_pairs

_LANES = 4  # neighbours in a list whose sums do not wait for each other


@compiled
def leave(starts, columns, codes, diagonal_codes, table, diagonal_table, energy, state):
    """Sum over the states a outside, with amplitude w_a = <a|H|state> and energy D_a.

    Returns the sums of |w_a|^2, of |w_a|^2 / (energy - D_a) and of |w_a|^2 / (energy - D_a)^2, and the smallest D_a.
    """
    norm, correction, weight, lowest = 0.0, 0.0, 0.0, np.inf
    for a in range(len(starts) - 1):
        amplitude = 0.0 * state[0]
        for place in range(starts[a], starts[a + 1]):
            k = np.uint64(place)  # a place that may be negative would cost a comparison
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
        for place in range(starts[a], starts[a + 1]):
            k = np.uint64(place)  # a place that may be negative would cost a comparison
            amplitude += table[codes[k]] * state[columns[k]]
        own = 0.0
        for c in range(diagonal_codes.shape[1]):
            own += diagonal_table[diagonal_codes[a, c]]
        distance = max(abs(energy - own), floor)
        out[a] += share * (amplitude.real**2 + amplitude.imag**2) / distance**2


@compiled
def reach_out(starts, columns, codes, table, state, back, bins):
    """Follow H to the states outside and back, and collect the brackets on the way.

    With <a|H|state> outside, ``back`` gets what H makes of it inside, and ``bins`` the sum of conj(outside) state over
    the entries of each code. Returns the sum of squares outside.
    """
    total = 0.0
    back[:] = 0.0
    for a in range(len(starts) - 1):
        amplitude = 0.0 * state[0]
        for place in range(starts[a], starts[a + 1]):
            k = np.uint64(place)  # a place that may be negative would cost a comparison
            amplitude += table[codes[k]] * state[columns[k]]
        total += amplitude.real**2 + amplitude.imag**2
        for place in range(starts[a], starts[a + 1]):
            k = np.uint64(place)
            back[columns[k]] += np.conj(table[codes[k]]) * amplitude
            bins[codes[k]] += np.conj(amplitude) * state[columns[k]]
    return total


@compiled
def add_elements(coefficients, terms, phases, firsts, starts, signs, out):
    """Add to out (n_rows, n_codes) what each string contributes to the elements of its chunk's codes."""
    for row in range(len(coefficients)):
        for k in range(len(terms)):
            value, target = phases[k] * coefficients[row, terms[k]], out[row, firsts[k] :]
            own = signs[starts[k] : starts[k + 1]]
            for c in range(len(own)):
                target[c] += value * own[c]


@compiled
def sum_over_codes(bins, terms, phases, firsts, starts, signs, out):
    """Write for each string (n_rows, n_terms) the real part of its elements times bins (n_rows, n_codes), summed."""
    for row in range(len(bins)):
        for k in range(len(terms)):
            total, source = 0.0 * bins[row, 0], bins[row, firsts[k] :]
            own = signs[starts[k] : starts[k + 1]]
            for c in range(len(own)):
                total += own[c] * source[c]
            out[row, terms[k]] = (phases[k] * total).real


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

    The real part of a string's phases times the bins is then the real part of <bra|P|ket>. Neighbours in the list
    often have one code, and a sum has to wait for the one before; so each of four neighbours has bins of its own.
    """
    n_pairs, n_states = len(left) - len(left) % _LANES, len(bra) - len(bra) % _LANES
    lanes = np.zeros((len(bins), _LANES), dtype=bins.dtype)
    for first in range(0, n_pairs, _LANES):
        for k in range(_LANES):
            at = np.uint64(first + k)
            u, v = left[at], right[at]
            lanes[codes[at], k] += np.conj(bra[u]) * ket[v] + bra[v] * np.conj(ket[u])
    for k in range(n_pairs, len(left)):
        u, v = left[k], right[k]
        bins[codes[k]] += np.conj(bra[u]) * ket[v] + bra[v] * np.conj(ket[u])
    diagonal_lanes = np.zeros((len(diagonal_bins), _LANES))
    for first in range(0, n_states, _LANES):
        for k in range(_LANES):
            weight = (np.conj(bra[first + k]) * ket[first + k]).real
            for c in range(diagonal_codes.shape[1]):
                diagonal_lanes[diagonal_codes[first + k, c], k] += weight
    for u in range(n_states, len(bra)):
        weight = (np.conj(bra[u]) * ket[u]).real
        for c in range(diagonal_codes.shape[1]):
            diagonal_bins[diagonal_codes[u, c]] += weight
    for k in range(_LANES):
        for c in range(len(bins)):
            bins[c] += lanes[c, k]
        for c in range(len(diagonal_bins)):
            diagonal_bins[c] += diagonal_lanes[c, k]


@compiled
def preconditioner_floor(table, diagonal):
    """Return the smallest denominator that the diagonal preconditioners use, positive for every Hamiltonian."""
    return floor_of(table, np.min(diagonal), np.max(diagonal))


@compiled
def floor_of(table, lowest, highest):
    """Return the same from the least and the largest element of the diagonal."""
    square = 0.0
    for k in range(len(table)):
        square = max(square, table[k].real ** 2 + table[k].imag ** 2)
    floor = max(0.1 * np.sqrt(square), 1e-3 * (highest - lowest))
    return floor if floor > 0.0 else 1.0
