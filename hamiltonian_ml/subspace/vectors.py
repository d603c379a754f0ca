"""Compiled passes over one or two state vectors."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled


@compiled
def fill_at_random(out, seed):
    """Fill a vector with fixed pseudo-random numbers within +-1/2: no direction is left out by chance.

    Every number is a hash of its place, so that the loop runs on vector units. Source of the hash: G. L. Steele Jr.,
    D. Lea and C. H. Flood, OOPSLA (2014), with the constants of D. Stafford's variant 13.
    """
    for u in range(len(out)):
        state = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(u + 1) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out[u] = np.float64(np.int64((state ^ (state >> np.uint64(31))) >> np.uint64(12))) / 4503599627370496.0 - 0.5


@compiled
def overlap(bra, ket):
    """Return <bra|ket>."""
    total = 0.0 * ket[0]
    for u in range(len(ket)):
        total += np.conj(bra[u]) * ket[u]
    return total


@compiled
def norm(vector):
    """Return the norm of a vector."""
    total = 0.0
    for u in range(len(vector)):
        total += vector[u].real ** 2 + vector[u].imag ** 2
    return np.sqrt(total)


@compiled
def normalise(vector):
    """Divide a vector by its norm; return the norm, or zero and leave a vector of no or no finite norm."""
    length = norm(vector)
    if not 0.0 < length < np.inf:
        return 0.0
    scale = 1.0 / length
    for u in range(len(vector)):
        vector[u] *= scale
    return length


@compiled
def project_out(vector, state):
    """Subtract a normalised state's part of a vector; return the overlap."""
    along = overlap(state, vector)
    for u in range(len(vector)):
        vector[u] -= along * state[u]
    return along


@compiled
def project_out_all(vector, states):
    """Subtract the parts of orthonormal states (rows); return the sum of squares of what was taken away."""
    taken = 0.0
    for k in range(len(states)):
        along = project_out(vector, states[k])
        taken += along.real**2 + along.imag**2
    return taken
