"""Compiled loops behind `hamiltonian_ml.sampling.lines`: matrix product states on a line of sites.

A state has one tensor a site, ``tensors[s, :bonds[s], bit, :bonds[s + 1]]``, whose rows over (bit, right bond) are
orthonormal, and the Schmidt values ``schmidt[s, :bonds[s]]`` of the cut left of each site. So what is left of a cut,
taken with the Schmidt values, is all that a truncation needs, and bits can be drawn from left to right [1]_.

References
----------
.. [1] M. B. Hastings, J. Math. Phys. 50, 095207 (2009), Sec. III, arXiv:0903.3253.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# A Schmidt value is the root of an eigenvalue that is known to a few units of round-off.
ROUND_OFF = 1e-15


@njit(cache=True, nogil=True)
def fuse(n_sites, sites, angles):
    """Return the two-site gates of a circuit, with the one-site gates before them, and the one-site gates at its end.

    Operation ``k`` is ``u(angles[k])`` on ``sites[k, 0]`` if ``sites[k, 1]`` is negative, else ``cz`` on both, which
    are neighbours. Consecutive gates on two sites become one. Returns first sites (n_gates,), gates (n_gates, 4, 4)
    with the bit of the first site slower, and ends (n_sites, 2, 2).
    """
    places = np.empty(len(sites), dtype=np.int64)
    gates = np.empty((len(sites), 4, 4), dtype=np.complex128)
    ends = np.zeros((n_sites, 2, 2), dtype=np.complex128)
    ends[:, 0, 0] = ends[:, 1, 1] = 1.0
    latest = np.full(n_sites, -1)
    gate, product = np.empty((4, 4), dtype=np.complex128), np.empty((4, 4), dtype=np.complex128)
    n_gates = 0
    for k in range(len(sites)):
        if sites[k, 1] < 0:
            _u_after(angles[k], ends[sites[k, 0]])
            continue
        site = min(sites[k, 0], sites[k, 1])
        _cz_after(ends[site], ends[site + 1], gate)
        if latest[site] >= 0 and latest[site] == latest[site + 1]:
            _multiply(gate, gates[latest[site]], product)
            gates[latest[site]] = product
        else:
            places[n_gates] = site
            gates[n_gates] = gate
            latest[site] = latest[site + 1] = n_gates
            n_gates += 1
        for end in (site, site + 1):
            ends[end] = 0.0
            ends[end, 0, 0] = ends[end, 1, 1] = 1.0
    return places[:n_gates], gates[:n_gates], ends


@njit(cache=True, nogil=True)
def evolve(state, places, gates, max_bond, threshold):
    """Apply two-site gates to a ``state`` (tensors, schmidt, bonds), in place.

    At each gate the smallest squared Schmidt values are cut off, as long as their sum is below ``threshold`` or there
    are more than ``max_bond``. Returns how many gates were applied, which are all unless a bond found no room in the
    arrays, and the sum of what was cut off. Round-off does not count.
    """
    tensors, schmidt, bonds = state
    lost = 0.0
    for k in range(len(gates)):
        site, gate = places[k], gates[k]
        left, middle, right = bonds[site], bonds[site + 1], bonds[site + 2]
        first = np.ascontiguousarray(tensors[site, :left, :, :middle]).reshape(2 * left, middle)
        second = np.ascontiguousarray(tensors[site + 1, :middle, :, :right]).reshape(middle, 2 * right)
        pair = np.dot(first, second).reshape(left, 4, right)
        for a in range(left):
            pair[a] = np.dot(gate, pair[a])
        both = pair.reshape(2 * left, 2 * right)
        weighed = both.copy()
        for a in range(left):
            weighed[2 * a : 2 * a + 2] *= schmidt[site, a]
        squares, vectors = np.linalg.eigh(np.dot(np.conj(weighed).T, weighed))
        total, cut, lost_here, n_cut = squares.sum(), 0.0, 0.0, 0
        for square in squares[:-1]:  # the smallest first
            rest = len(squares) - n_cut
            is_small = square <= ROUND_OFF or cut + square < threshold
            if not is_small and rest <= min(max_bond, 2 * left):
                break
            cut += max(square, 0.0)
            lost_here += square if square > ROUND_OFF else 0.0
            n_cut += 1
        kept = len(squares) - n_cut
        if kept > tensors.shape[1]:
            return k, lost
        norm = np.sqrt(total - cut)
        chosen = np.ascontiguousarray(vectors[:, n_cut:])
        tensors[site, :left, :, :kept] = (np.dot(both, chosen) / norm).reshape(left, 2, kept)
        tensors[site + 1, :kept, :, :right] = np.ascontiguousarray(np.conj(chosen).T).reshape(kept, 2, right)
        schmidt[site + 1, :kept] = np.sqrt(squares[n_cut:]) / norm
        bonds[site + 1] = kept
        lost += lost_here
    return len(gates), lost


@njit(cache=True, nogil=True)
def draw(state, ends, shots, rng):
    """Return bits (n_sites, shots) uint8 of a ``state`` after the one-site gates ``ends``, in sorted order.

    Shots that agree up to a site are one group: it is split by one binomial number, and its part of the state is
    computed once.
    """
    tensors, _, bonds = state
    n_sites = len(ends)
    bits = np.empty((n_sites, shots), dtype=np.uint8)
    vectors, sizes = np.ones((1, 1), dtype=np.complex128), np.array([shots])
    for site in range(n_sites):
        left, right = bonds[site], bonds[site + 1]
        tensor = np.ascontiguousarray(tensors[site, :left, :, :right]).reshape(left, 2 * right)
        grown = np.dot(vectors, tensor).reshape(len(vectors), 2, right)
        n_most = min(2 * len(sizes), shots)
        vectors, parts = np.empty((n_most, right), dtype=np.complex128), np.empty(n_most, dtype=np.int64)
        n_parts = start = 0
        for group in range(len(sizes)):
            turned = np.dot(ends[site], grown[group])
            weights = (turned.real**2 + turned.imag**2).sum(axis=1)
            n_ones = rng.binomial(sizes[group], min(1.0, weights[1] / (weights[0] + weights[1])))
            for bit, size in enumerate((sizes[group] - n_ones, n_ones)):
                if size > 0:
                    bits[site, start : start + size] = bit
                    vectors[n_parts] = turned[bit] / np.sqrt(weights[bit])
                    parts[n_parts] = size
                    start += size
                    n_parts += 1
        vectors, sizes = vectors[:n_parts], parts[:n_parts]
    return bits


@njit(cache=True, nogil=True)
def n_shared(places, gates, other_places, other_gates):
    """Return how many gates two circuits have in common from their beginning, up to round-off."""
    shared = min(len(places), len(other_places))
    for k in range(shared):
        if places[k] != other_places[k] or np.abs(gates[k] - other_gates[k]).max() > 1e-12:
            return k
    return shared


@njit(cache=True, nogil=True)
def _u_after(angles, matrix):
    """Multiply a matrix (2, 2) by ``u`` from the left, in place."""
    cosine, sine = np.cos(angles[0] / 2), np.sin(angles[0] / 2)
    up, right = np.exp(1j * angles[1]), np.exp(1j * angles[2])
    for column in range(2):
        zero, one = matrix[0, column], matrix[1, column]
        matrix[0, column] = cosine * zero - right * sine * one
        matrix[1, column] = up * (sine * zero + right * cosine * one)


@njit(cache=True, nogil=True)
def _cz_after(first, second, gate):
    """Write ``cz`` times the product of two one-site matrices into a gate (4, 4)."""
    for row in range(4):
        sign = -1.0 if row == 3 else 1.0
        for column in range(4):
            gate[row, column] = sign * first[row // 2, column // 2] * second[row % 2, column % 2]


@njit(cache=True, nogil=True)
def _multiply(left, right, product):
    for row in range(4):
        for column in range(4):
            total = 0.0j
            for k in range(4):
                total += left[row, k] * right[k, column]
            product[row, column] = total
