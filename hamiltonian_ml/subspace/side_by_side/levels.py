"""Ground states and second levels of a group of rows.

A search in single precision comes within some digits of the ground state x; from there the way t that is left solves
(H - E) t = -(H - E) x, whose right-hand side is made in double precision and whose answer needs few digits.

Reference: G. L. G. Sleijpen and H. A. van der Vorst, SIAM J. Matrix Anal. Appl. 17, 401 (1996).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.kernels import multiply
from hamiltonian_ml.subspace.lobpcg import start_vector
from hamiltonian_ml.subspace.side_by_side.lanes import get, get_float, put, put_float, single, zero_like
from hamiltonian_ml.subspace.side_by_side.passes import (
    add_products,
    clear_sums,
    enter_vector,
    enter_vectors,
    fill_lanes,
    multiply_lanes,
    row_sum,
    scale_lanes,
    spread,
    step_wide,
    take_vector,
    take_vectors,
    widen,
)
from hamiltonian_ml.subspace.side_by_side.response import next_reduction, respond_lanes
from hamiltonian_ml.subspace.side_by_side.room import enter_group
from hamiltonian_ml.subspace.side_by_side.search import search_lanes
from hamiltonian_ml.subspace.vectors import fill_at_random, norm, normalise, overlap, project_out

_ROUNDS = 4  # of corrections
_MOST_PRODUCTS = 60  # of a search, or of a correction
_NEAR = 10.0  # times what a search aims at: from a state that far off, the way left would lead to another level


class Sought(NamedTuple):
    """What is known and wanted of all rows of a batch, and what is found.

    ``tolerances``, ``aims``, to which single precision searches by itself, ``energies`` and ``residuals`` have shape
    (n_rows, n_levels), ``states``, which may hold start vectors, (n_rows, n_levels, d), and the others (n_rows,):
    ``n_known``, for how many levels it does, ``products``, to which multiplications by H are added, ``solved``, and
    ``unfinished``, whether a search ended because too few rows were left.
    """

    tolerances: Any
    aims: Any
    n_known: Any
    energies: Any
    residuals: Any
    states: Any
    products: Any
    solved: Any
    unfinished: Any


@compiled
def find_lowest(batch, sought, rows, n_live, n_parts, room):
    """Find the ground states of a group: of the first ``n_live`` of ``rows``, while the rest fills lanes."""
    n_rows = len(rows)
    floors, origins, found = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows, dtype=np.bool_)
    enter_group(batch, rows, floors, origins, n_parts, room)
    _start(sought, rows, n_parts, room)
    moved = np.zeros(n_rows, dtype=np.bool_)
    aims = sought.aims[rows, 0] / batch.units[rows]
    used, going_on = search_lanes(batch, room, floors, None, origins, n_parts, n_live, aims, _MOST_PRODUCTS, moved)
    sought.products[rows[:n_live]] += used
    sought.unfinished[rows[:n_live]] = going_on[:n_live]
    widen(room.x, room.wide_x)
    for k in range(n_live):
        if sought.n_known[rows[k]] > 0 and not moved[k]:  # a good guess has more digits than single precision
            enter_vector(sought.states[rows[k], 0], k, n_parts, room.wide_x)
    _correct(batch, sought, rows, n_live, floors, origins, found, n_parts, room)
    take_vectors(room.wide_x, n_parts, rows, n_live, 0, sought.states)
    sought.solved[rows[:n_live]] = found[:n_live]


@compiled
def _start(sought, rows, n_parts, room):
    """Write normalised start vectors: guesses, or low diagonal states with a little of all directions, as `lobpcg`."""
    x, norms = room.x, np.ones(len(rows))
    if (sought.n_known[rows] > 0).all():
        enter_vectors(sought.states, 0, rows, n_parts, x)
    else:
        noise = np.zeros(len(x))
        fill_at_random(noise, 0)
        for lane in range(len(rows) * n_parts):
            put_float(room.factors, 0, lane, 1.0 - lane % n_parts)
        fill_lanes(noise, get(room.factors, 0), x)
        for k in range(len(rows)):
            place, lowest = 0, -get_float(room.wide_factors, 0, n_parts * k)
            while get_float(room.wide.diagonal, place, n_parts * k) > lowest:
                place += 1
            put_float(x, place, n_parts * k, noise[place] + np.sqrt(len(x) / 12.0) / 0.01)
    clear_sums(room.sums, 2)
    add_products(x, x, room.sums, 0)
    for k in range(len(rows)):
        norms[k] = 1.0 / np.sqrt(row_sum(room.sums, 0, k, n_parts))
    spread(norms, 0, n_parts, room.factors)
    scale_lanes(x, get(room.factors, 0))


@compiled
def _correct(batch, sought, rows, n_live, floors, origins, found, n_parts, room):
    """Bring ground states from single precision to their tolerances; mark in ``found`` who got there.

    The first correction goes on from the direction that the search took last.
    """
    n_rows = len(rows)
    relative, shift, reductions, steps = np.zeros(n_rows), np.zeros(n_rows), np.ones(n_rows), np.zeros(n_rows)
    going, sound = np.ones(n_rows, dtype=np.bool_), np.ones(n_rows, dtype=np.bool_)
    going[n_live:] = False
    for attempt in range(_ROUNDS + 1):
        levels, norms = _measure(batch, rows, going, n_parts, room)
        for k in range(n_live):
            if going[k]:
                row = rows[k]
                enough = _NEAR * sought.aims[row, 0] if attempt == 0 else 0.5 * sought.residuals[row, 0]
                sought.energies[row, 0], sought.residuals[row, 0] = levels[k], norms[k]
                sought.products[row] += 1
                found[k] = norms[k] <= sought.tolerances[row, 0]
                going[k] = not found[k] and norms[k] <= enough and attempt < _ROUNDS
                relative[k] = (levels[k] - origins[k]) / batch.units[row]
                shift[k] = relative[k] if attempt == 0 else 0.0
                reductions[k] = next_reduction(sought.tolerances[row, 0] / norms[k])
        if not going.any():
            break
        used = respond_lanes(batch, room, relative, floors, n_parts, reductions, _MOST_PRODUCTS, shift, sound)
        for k in range(n_rows):
            going[k] &= sound[k]
            steps[k] = -1.0 if going[k] else 0.0
            if going[k]:
                sought.products[rows[k]] += used
        step_wide(room, room.hx, steps, n_parts)


@compiled
def _measure(batch, rows, going, n_parts, room):
    """Normalise the states; return their energies and the norms of their residuals.

    The residuals of those that are still going are left in single precision and the rows' units, zeros for the others.
    """
    n_rows = len(going)
    energies, norms, share = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows)
    clear_sums(room.sums, 3)
    multiply_lanes(batch, room.wide, room.wide_x, room.wide_image, room.sums, 0)
    add_products(room.wide_x, room.wide_x, room.sums, 1)
    for k in range(n_rows):
        square = row_sum(room.sums, 1, k, n_parts)
        energies[k], norms[k] = row_sum(room.sums, 0, k, n_parts) / square, 1.0 / np.sqrt(square)
        share[k] = 1.0 / batch.units[rows[k]] if going[k] else 0.0
    spread(energies, 0, n_parts, room.wide_factors)
    spread(norms, 1, n_parts, room.wide_factors)
    spread(share, 2, n_parts, room.wide_factors)
    energy, scale, mask = get(room.wide_factors, 0), get(room.wide_factors, 1), get(room.wide_factors, 2)
    total = zero_like(energy)
    for u in range(len(room.w)):
        value = scale * get(room.wide_x, u)
        error = scale * get(room.wide_image, u) - energy * value
        put(room.wide_x, u, value)
        put(room.w, u, single(mask * error))
        total += error * error
    put(room.sums, 0, total)
    for k in range(n_rows):
        norms[k] = np.sqrt(row_sum(room.sums, 0, k, n_parts))
    return energies, norms


@compiled
def find_second(batch, sought, rows, n_live, n_parts, room):
    """Find the second levels of a group whose ground states are known."""
    n_rows, d, states = len(rows), len(room.x), sought.states
    floors, origins = np.zeros(n_rows), np.zeros(n_rows)
    diagonal, image = np.zeros(d), np.zeros(d, dtype=states.dtype)
    enter_group(batch, rows, floors, origins, n_parts, room)
    for k in range(n_live):
        row = rows[k]
        _take_diagonal(room, k, n_parts, diagonal)
        start_vector(diagonal, states[row, :1], sought.n_known[row] > 1, states[row, 1])
    enter_vectors(states, 0, rows, n_parts, room.other)
    enter_vectors(states, 1, rows, n_parts, room.x)
    units, moved = batch.units[rows], np.zeros(n_rows, dtype=np.bool_)
    used, going_on = search_lanes(
        batch, room, floors, room.other, (sought.energies[rows, 0] - origins) / units, n_parts, n_live,
        sought.aims[rows, 1] / units, _MOST_PRODUCTS, moved,
    )  # fmt: skip
    sought.unfinished[rows[:n_live]] = going_on[:n_live]
    for k in range(n_live):
        row = rows[k]
        second = states[row, 1]
        if moved[k]:  # else it has more digits than single precision
            take_vector(room.x, k, n_parts, second)
        project_out(second, states[row, 0])
        normalise(second)
        _take_diagonal(room, k, n_parts, diagonal)
        multiply(batch.left, batch.right, batch.codes, batch.tables[row], diagonal, second, image)
        energy = overlap(second, image).real
        for u in range(d):
            image[u] -= energy * second[u]
        project_out(image, states[row, 0])
        sought.energies[row, 1], sought.residuals[row, 1] = energy, norm(image)
        sought.products[row] += used + 1
        is_above = energy >= sought.energies[row, 0] - sought.tolerances[row, 0]
        sought.solved[row] = is_above and sought.residuals[row, 1] <= sought.tolerances[row, 1]


@compiled
def _take_diagonal(room, k, n_parts, out):
    """Write the diagonal of one row of the group."""
    for u in range(len(out)):
        out[u] = get_float(room.wide.diagonal, u, n_parts * k)
