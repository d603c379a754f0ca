"""Compiled loops behind `hamiltonian_ml.bases.frames`: product states of many Hamiltonians, and rotations.

A row of coefficients is read in the standard order of a `PauliBasis`: fields (n_qubits, 3), then couplings
(n_edges, 3, 3) whose first axis belongs to the smaller qubit. States are Bloch vectors of shape (n_qubits, 3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

PLAIN_SWEEPS = 8  # a state that settles within these has no use for over-relaxation
ROOT, OUTSIDE = -1, -2  # in the place of a parent
TIE = 1e-10  # an energy of unit coefficients: below it, the earlier start is kept, whatever the round-off
OVERSHOOT = 0.4  # halves the sweeps of slowly settling states (n = 50 chains, random couplings); 0.6 gains no more


class Graph(NamedTuple):
    """The links of each qubit to its neighbours, and a forest of qubits no two of which are linked but in the forest.

    ``start``: (n_qubits + 1,) where the links of a qubit begin in ``link_edge`` and ``link_qubit``, the edge and the
    qubit at its other end. ``order``: the qubits of the forest, parents first. ``parent_link``: (n_qubits,) the link
    to the parent, ROOT or OUTSIDE.
    """

    start: NDArray[np.int64]
    link_edge: NDArray[np.int64]
    link_qubit: NDArray[np.int64]
    order: NDArray[np.int64]
    parent_link: NDArray[np.int64]


@njit(cache=True, nogil=True)
def solve_rows(graph, coefficients, starts, tol, max_sweeps, screening_sweeps, states, energies, converged, sweeps):
    """Fill ``states`` and the rest with the best product state of each row that the starts lead to."""
    n_starts, n_qubits = starts.shape[:2]
    couplings = np.empty((len(graph.link_edge), 3, 3))
    candidates = np.empty((2 * n_starts, n_qubits, 3))
    for row in range(len(coefficients)):
        scale = np.abs(coefficients[row]).max()
        unit = coefficients[row] / (scale if scale > 0.0 else 1.0)  # no overflow, and one tolerance for all rows
        fields = unit[: 3 * n_qubits].reshape((n_qubits, 3))
        _orient(graph, unit[3 * n_qubits :].reshape((-1, 3, 3)), couplings)
        best, lowest = 0, np.inf
        for k in range(n_starts):
            candidates[k] = starts[k]
            relax(graph, fields, couplings, candidates[k], tol, screening_sweeps)
            candidates[n_starts + k] = -candidates[k]
            energy = product_energy(graph, fields, couplings, candidates[k])
            if energy < lowest - TIE:
                best, lowest = k, energy
        state = states[row]
        stitch(graph, fields, couplings, candidates, best, state)
        sweeps[row], converged[row] = relax(graph, fields, couplings, state, tol, max_sweeps)
        energies[row] = scale * product_energy(graph, fields, couplings, state)


@njit(cache=True, nogil=True)
def _orient(graph, edge_couplings, couplings):
    """Copy the coupling of each link, so that its first axis belongs to the qubit that the link starts from."""
    for i in range(len(graph.start) - 1):
        for k in range(graph.start[i], graph.start[i + 1]):
            coupling = edge_couplings[graph.link_edge[k]]
            couplings[k] = coupling if i < graph.link_qubit[k] else coupling.T


@njit(cache=True, nogil=True)
def relax(graph, fields, couplings, state, tol, max_sweeps):
    """Turn each Bloch vector against its local field, in turn, until none turns; return sweeps and success.

    A vector that turns past the opposite of its field, by less than it was short of it, still lowers the energy.
    """
    for sweep in range(max_sweeps):
        largest_field, largest_torque = 0.0, 0.0  # squared
        for i in range(len(state)):
            x, y, z = local_field(graph, fields, couplings, state, i)
            size = x * x + y * y + z * z
            if size < 1e-28:  # round-off of unit coefficients: no direction is better than another
                if state[i, 0] == 0.0 and state[i, 1] == 0.0 and state[i, 2] == 0.0:
                    state[i, 2] = 1.0
                continue
            factor = -1.0 / np.sqrt(size)
            x, y, z = factor * x, factor * y, factor * z
            dx, dy, dz = x - state[i, 0], y - state[i, 1], z - state[i, 2]
            largest_field = max(largest_field, size)
            largest_torque = max(largest_torque, size * (dx * dx + dy * dy + dz * dz))
            if sweep >= PLAIN_SWEEPS:
                x, y, z = x + OVERSHOOT * dx, y + OVERSHOOT * dy, z + OVERSHOOT * dz
                factor = 1.0 / np.sqrt(x * x + y * y + z * z)
                x, y, z = factor * x, factor * y, factor * z
            state[i, 0], state[i, 1], state[i, 2] = x, y, z
        if largest_torque <= tol * tol * largest_field:
            return sweep + 1, True
    return max_sweeps, False


@njit(cache=True, nogil=True)
def local_field(graph, fields, couplings, state, i):
    """Return the gradient of the energy with respect to the Bloch vector of qubit ``i``."""
    x, y, z = fields[i, 0], fields[i, 1], fields[i, 2]
    for k in range(graph.start[i], graph.start[i + 1]):
        dx, dy, dz = _times(couplings[k], state[graph.link_qubit[k]])
        x, y, z = x + dx, y + dy, z + dz
    return x, y, z


@njit(cache=True, nogil=True)
def _times(matrix, vector):
    a, b, c = vector[0], vector[1], vector[2]
    return (
        matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c,
        matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c,
        matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c,
    )


@njit(cache=True, nogil=True)
def product_energy(graph, fields, couplings, state):
    """Return the energy of a product state: each coupling is in the local fields of both its qubits."""
    total = 0.0
    for i in range(len(state)):
        x, y, z = local_field(graph, fields, couplings, state, i)
        total += (x + fields[i, 0]) * state[i, 0] + (y + fields[i, 1]) * state[i, 1] + (z + fields[i, 2]) * state[i, 2]
    return total / 2


@njit(cache=True, nogil=True)
def stitch(graph, fields, couplings, candidates, best, stitched):
    """Write the best state that takes each Bloch vector from some candidate into ``stitched``.

    Exact on a forest, by dynamic programming: ``costs[i, k]`` is the least energy of qubit i and all below it if i
    takes candidate k; ties go to the first candidate. Where the graph has loops, qubits outside the forest keep their
    vectors of the best candidate.
    """
    n_candidates, n_qubits = candidates.shape[:2]
    costs = np.empty((n_qubits, n_candidates))
    choices = np.empty((n_qubits, n_candidates), dtype=np.int64)
    stitched[:] = candidates[best]
    for i in graph.order:
        x, y, z = fields[i, 0], fields[i, 1], fields[i, 2]
        for k in range(graph.start[i], graph.start[i + 1]):
            j = graph.link_qubit[k]
            if graph.parent_link[j] == OUTSIDE:
                dx, dy, dz = _times(couplings[k], stitched[j])
                x, y, z = x + dx, y + dy, z + dz
        for k in range(n_candidates):
            costs[i, k] = x * candidates[k, i, 0] + y * candidates[k, i, 1] + z * candidates[k, i, 2]
    for i in graph.order[::-1]:
        if graph.parent_link[i] != ROOT:
            _add_to_parent(graph, couplings, candidates, i, costs, choices)
    picked = np.zeros(n_qubits, dtype=np.int64)
    for i in graph.order:
        link = graph.parent_link[i]
        picked[i] = np.argmin(costs[i]) if link == ROOT else choices[i, picked[graph.link_qubit[link]]]
        stitched[i] = candidates[picked[i], i]


@njit(cache=True, nogil=True)
def _add_to_parent(graph, couplings, candidates, i, costs, choices):
    """For each candidate of the parent of qubit ``i``, note the best candidate of ``i`` and add its cost."""
    link = graph.parent_link[i]
    parent = graph.link_qubit[link]
    for k in range(len(candidates)):
        x, y, z = _times(couplings[link], candidates[k, parent])
        lowest = np.inf
        for m in range(len(candidates)):
            cost = costs[i, m] + x * candidates[m, i, 0] + y * candidates[m, i, 1] + z * candidates[m, i, 2]
            if cost < lowest:
                lowest, choices[i, k] = cost, m
        costs[parent, k] += lowest


@njit(cache=True, nogil=True)
def frame_rotations(states, rotations):
    """Fill ``rotations`` (n_rows, n_qubits, 3, 3) with the smallest rotation of each Bloch vector onto +z."""
    for row in range(states.shape[0]):
        for i in range(states.shape[1]):
            x, y, z = states[row, i, 0], states[row, i, 1], states[row, i, 2]
            around = x * x + y * y
            r = rotations[row, i]
            if z < 0.0 and around < 1e-20:  # -z up to round-off: half a turn about x, not about an axis made of noise
                r[:] = 0.0
                r[0, 0], r[1, 1], r[2, 2] = 1.0, -1.0, -1.0
                continue
            share = 1.0 / (1.0 + z) if z > 0.0 else (1.0 - z) / around  # equal, each where it does not cancel
            r[0, 0], r[0, 1], r[0, 2] = 1.0 - share * x * x, -share * x * y, -x
            r[1, 0], r[1, 1], r[1, 2] = -share * x * y, 1.0 - share * y * y, -y
            r[2, 0], r[2, 1], r[2, 2] = x, y, z


@njit(cache=True, nogil=True)
def rotate_rows(first, second, coefficients, rotations, rotated):
    """Fill ``rotated`` with fields ``R_i h_i`` and couplings ``R_i J_ij R_j^T`` of each row."""
    n_rows, n_qubits = rotations.shape[:2]
    half = np.empty((3, 3))
    for row in range(n_rows):
        fields = coefficients[row, : 3 * n_qubits].reshape((n_qubits, 3))
        couplings = coefficients[row, 3 * n_qubits :].reshape((-1, 3, 3))
        new_fields = rotated[row, : 3 * n_qubits].reshape((n_qubits, 3))
        new_couplings = rotated[row, 3 * n_qubits :].reshape((-1, 3, 3))
        for i in range(n_qubits):
            r = rotations[row, i]
            for a in range(3):
                new_fields[i, a] = r[a, 0] * fields[i, 0] + r[a, 1] * fields[i, 1] + r[a, 2] * fields[i, 2]
        for e in range(len(couplings)):
            left, right, c = rotations[row, first[e]], rotations[row, second[e]], couplings[e]
            for a in range(3):
                for b in range(3):
                    half[a, b] = left[a, 0] * c[0, b] + left[a, 1] * c[1, b] + left[a, 2] * c[2, b]
            for a in range(3):
                for b in range(3):
                    new_couplings[e, a, b] = (
                        half[a, 0] * right[b, 0] + half[a, 1] * right[b, 1] + half[a, 2] * right[b, 2]
                    )
