"""Response of the ground states of a group of rows to their objectives.

Conjugate gradients in single precision answer for the residual that double precision has left, until that is small
enough: H - E is the same, so that each round costs what the digits cost that it adds.

Reference: C. B. Moler, J. ACM 14, 316 (1967).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.side_by_side.lanes import double, get, put, single, swapped, zero_like
from hamiltonian_ml.subspace.side_by_side.passes import (
    add_states,
    clear_lanes,
    clear_sums,
    enter_vectors,
    multiply_lanes,
    row_sum,
    row_turning,
    scale_lanes,
    spread,
    spread_turning,
    step_wide,
    take_vectors,
)
from hamiltonian_ml.subspace.side_by_side.response import next_reduction, respond_lanes
from hamiltonian_ml.subspace.side_by_side.room import enter_group
from hamiltonian_ml.subspace.vectors import norm, project_out

_ROUNDS = 4
_MOST_PRODUCTS = 100  # of a round


class Asked(NamedTuple):
    """The responses asked for of all rows of a batch, and what is found.

    ``energies`` (n_rows,) are those of the ground states less the shifts, ``states``, ``sources``, orthogonal to them,
    and ``answers`` have shape (n_rows, 1, d), and the others (n_rows,): ``least_quotients``, below which <z|H -
    energy|z> / <z|z> betrays a level that was missed, ``residuals`` relative to the sources, ``products``, to which
    multiplications by H are added, and ``solved``.
    """

    energies: Any
    least_quotients: Any
    states: Any
    sources: Any
    answers: Any
    residuals: Any
    products: Any
    solved: Any


@compiled
def find_responses(batch, asked, tolerance, rows, n_live, n_parts, room):
    """Solve (H - energy) z = source, orthogonal to the state, for the first ``n_live`` of ``rows``.

    The rest fills lanes. Sources are brought to length one: those of rows that are decided may be tiny.
    """
    n_rows, energies, units = len(rows), asked.energies[rows], batch.units[rows]
    floors, origins, steps, shift = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows)
    reductions, sound = np.full(n_rows, next_reduction(tolerance)), np.ones(n_rows, dtype=np.bool_)
    enter_group(batch, rows, floors, origins, n_parts, room)
    sizes = _enter_sources(asked, rows, n_parts, room)
    going = sizes < np.inf
    going[n_live:] = False
    for _ in range(_ROUNDS):
        used = respond_lanes(
            batch, room, (energies - origins) / units, floors, n_parts, reductions, _MOST_PRODUCTS, shift, sound
        )
        for k in range(n_rows):
            going[k] &= sound[k]
            steps[k] = 1.0 / units[k] if going[k] else 0.0
        step_wide(room, room.hx, steps, n_parts)
        _project_out(room, n_rows, n_parts)
        lengths, quotients = _measure(batch, energies, going, n_parts, room)
        for k in range(n_live):
            row = rows[k]
            if going[k]:
                is_better = lengths[k] <= 0.5 * asked.residuals[row]
                is_done = lengths[k] <= tolerance or sizes[k] == 0.0
                asked.products[row] += used + 1
                asked.residuals[row] = lengths[k]
                asked.solved[row] = is_done and (quotients[k] >= asked.least_quotients[row] or sizes[k] == 0.0)
                going[k] = is_better and not is_done
                reductions[k] = next_reduction(tolerance / lengths[k])
        if not going.any():
            break
    spread(sizes, 0, n_parts, room.wide_factors)
    scale_lanes(room.wide_x, get(room.wide_factors, 0))
    take_vectors(room.wide_x, n_parts, rows, n_live, 0, asked.answers)
    for k in range(n_live):
        project_out(asked.answers[rows[k], 0], asked.states[rows[k], 0])


@compiled
def _enter_sources(asked, rows, n_parts, room):
    """Write the states, and the sources at length one as what is left of them; return the lengths that they had."""
    sizes, scales = np.zeros(len(rows)), np.zeros(len(rows))
    for k in range(len(rows)):
        sizes[k] = norm(asked.sources[rows[k], 0])
        scales[k] = 1.0 / sizes[k] if 0.0 < sizes[k] < np.inf else 0.0
    enter_vectors(asked.states, 0, rows, n_parts, room.other)
    enter_vectors(asked.sources, 0, rows, n_parts, room.wide_source)
    spread(scales, 0, n_parts, room.wide_factors)
    scale_lanes(room.wide_source, get(room.wide_factors, 0))
    for u in range(len(room.w)):
        put(room.w, u, single(get(room.wide_source, u)))
    clear_lanes(room.p)
    clear_lanes(room.hp)
    clear_lanes(room.wide_x)
    return sizes


@compiled
def _project_out(room, n_rows, n_parts):
    """Take the states' parts out of the answers: H - energy takes them to zero only as far as they are its own."""
    along, across = np.zeros(n_rows), np.zeros(n_rows)
    own_part = crossed = zero_like(get(room.wide_x, 0))
    for u in range(len(room.wide_x)):
        state, answer = double(get(room.other, u)), get(room.wide_x, u)
        own_part += state * answer
        crossed += swapped(state) * answer
    put(room.sums, 0, own_part)
    put(room.sums, 1, crossed)
    for k in range(n_rows):
        along[k], across[k] = row_sum(room.sums, 0, k, n_parts), row_turning(room.sums, 1, k, n_parts)
    spread(along, 0, n_parts, room.wide_factors)
    spread_turning(across, 1, n_parts, room.wide_factors)
    real, turning = get(room.wide_factors, 0), get(room.wide_factors, 1)
    for u in range(len(room.wide_x)):
        state = double(get(room.other, u))
        put(room.wide_x, u, get(room.wide_x, u) - real * state - turning * swapped(state))


@compiled
def _measure(batch, energies, going, n_parts, room):
    """Return the norms of what is left of the sources, and the quotients of the answers.

    What is left is written in single precision, off the states, zeros where a row is done.
    """
    n_rows, state = len(going), room.other
    lengths, quotients, share = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows)
    along, across = np.zeros(n_rows), np.zeros(n_rows)
    for k in range(n_rows):
        share[k] = 1.0 if going[k] else 0.0
    spread(energies, 0, n_parts, room.wide_factors)
    spread(share, 1, n_parts, room.wide_factors)
    clear_sums(room.sums, 1)
    multiply_lanes(batch, room.wide, room.wide_x, room.wide_image, room.sums, 0)
    energy, mask = get(room.wide_factors, 0), get(room.wide_factors, 1)
    ee = se = se_crossed = zz = zs = zero_like(energy)
    for u in range(len(state)):
        answer, own = get(room.wide_x, u), double(get(state, u))
        reached = get(room.wide_image, u) - energy * answer
        error = get(room.wide_source, u) - reached
        put(room.w, u, single(mask * error))
        ee += error * error
        se += own * error
        se_crossed += swapped(own) * error
        zz += answer * answer
        zs += answer * reached
    for place, total in enumerate((ee, se, se_crossed, zz, zs)):
        put(room.sums, place, total)
    for k in range(n_rows):
        part, turned_part = row_sum(room.sums, 1, k, n_parts), row_turning(room.sums, 2, k, n_parts)
        lengths[k] = np.sqrt(max(row_sum(room.sums, 0, k, n_parts) - part**2 - turned_part**2, 0.0))
        square = row_sum(room.sums, 3, k, n_parts)
        quotients[k] = row_sum(room.sums, 4, k, n_parts) / square if square > 0.0 else 0.0
        along[k], across[k] = share[k] * part, share[k] * turned_part
    spread(-along, 0, n_parts, room.factors)
    spread_turning(-across, 1, n_parts, room.factors)
    add_states(state, get(room.factors, 0), get(room.factors, 1), room.w)
    return lengths, quotients
