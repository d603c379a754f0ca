"""Compiled search for a level of several rows side by side, in single precision: `lobpcg` in lockstep.

It comes as near to the level as single precision goes without harm; `side_by_side` brings it the rest of the way and
checks the answer in double precision, so that nothing here has to be exact.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.lobpcg import LITTLE, best_combination
from hamiltonian_ml.subspace.side_by_side.lanes import get, larger, put, swapped, zero_like
from hamiltonian_ml.subspace.side_by_side.passes import (
    STRETCH,
    add_pairs_of_lanes,
    add_sums,
    clear_lanes,
    clear_sums,
    multiply_lanes,
    row_sum,
    row_turning,
    spread,
    spread_turning,
)

_ENERGY, _FLOOR, _BELOW = 6, 7, 8  # among the factors, after move and turn
_PRODUCT, _OVERLAP = 8, 9  # among the sums, in the order in which a pass adds them


@compiled
def search_lanes(batch, room, floors, lower, lower_energies, n_parts, n_live, aims, max_products, moved):
    """Minimise the energy of every row of ``room.x`` until its residual is below its aim.

    x holds normalised start vectors. ``lower``, if given, holds ground states, to which x is orthogonal and stays so. A
    row that is done, or gets no further, rests while the others go on, as long as the first ``n_live`` rows that do are
    half a group. Returns the multiplications by H, and which rows were still going at the end; ``moved`` becomes true
    for those of which x is another. The last directions and what H makes of them are left in ``room``.
    """
    x, w, p, hx, hw, hp = room.x, room.w, room.p, room.hx, room.hw, room.hp
    group, factors, sums, n_rows = room.group, room.factors, room.sums, len(floors)
    thetas, sizes = np.zeros(n_rows), np.full(n_rows, 2)
    moving, moves = np.ones(n_rows, dtype=np.bool_), np.zeros((10, n_rows))
    for vector in (w, p, hw, hp):  # whatever they held: it is multiplied by zero
        clear_lanes(vector)
    clear_sums(sums, _PRODUCT + 1)
    multiply_lanes(batch, group, x, hx, sums, _PRODUCT)
    for row in range(n_rows):
        thetas[row], moves[0, row] = row_sum(sums, _PRODUCT, row, n_parts), 1.0
    products = 1
    while True:
        _enter_moves(moves, thetas, floors, lower_energies, n_parts, factors)
        _advance(x, w, p, hx, hw, hp, lower, group.diagonal, factors, sums)
        for row in range(n_rows):
            moving[row] &= row_sum(sums, 0, row, n_parts) > aims[row] ** 2
        if products >= max_products or 2 * moving[:n_live].sum() < n_rows:
            return products, moving
        add_pairs_of_lanes(batch.left, batch.right, batch.codes, group.real, group.turning, w, hw, sums, _PRODUCT)
        products += 1
        moves[:] = 0.0
        moves[0] = 1.0
        for row in range(n_rows):
            if moving[row]:
                _choose_move(row, n_parts, sums, thetas, sizes, lower is not None, lower_energies, moves, moving)
                moved[row] |= moving[row]


@compiled
def _enter_moves(moves, thetas, floors, lower_energies, n_parts, factors):
    for k in range(6):
        spread(moves[k], k, n_parts, factors)
    spread(thetas, _ENERGY, n_parts, factors)
    spread(floors, _FLOOR, n_parts, factors)
    for k in range(2):
        spread(moves[6 + 2 * k], _BELOW + 2 * k, n_parts, factors)
        spread_turning(moves[7 + 2 * k], _BELOW + 2 * k + 1, n_parts, factors)
    spread(lower_energies, _BELOW + 4, n_parts, factors)


@compiled
def _choose_move(row, n_parts, sums, thetas, sizes, has_lower, lower_energies, moves, moving):
    """Find how one row moves, or let it rest where the digits of single precision do not tell.

    A lower state's part of w is taken away in the move: H is linear, so that its products follow from those of w.
    """
    ww, xw, pw = row_sum(sums, 1, row, n_parts), row_sum(sums, 2, row, n_parts), row_sum(sums, 3, row, n_parts)
    whw, along, across = row_sum(sums, _PRODUCT, row, n_parts), 0.0, 0.0
    if has_lower:
        along, across = row_sum(sums, _OVERLAP, row, n_parts), row_turning(sums, _OVERLAP + 1, row, n_parts)
    below = along * along + across * across
    if not ww - below - xw * xw - pw * pw > LITTLE * ww:
        moving[row] = False
        return
    overlaps = (
        ww - below, xw, pw, row_sum(sums, 4, row, n_parts), row_sum(sums, 5, row, n_parts),
        row_sum(sums, 6, row, n_parts), row_sum(sums, 7, row, n_parts),
    )  # fmt: skip
    whw -= lower_energies[row] * below
    thetas[row], move, turn, sizes[row] = best_combination(thetas[row], whw, overlaps, sizes[row])
    for k in range(3):
        moves[k, row], moves[3 + k, row] = move[k], turn[k]
    moves[6, row], moves[7, row] = move[1] * along, move[1] * across
    moves[8, row], moves[9, row] = turn[1] * along, turn[1] * across


@compiled
def _advance(x, w, p, hx, hw, hp, lower, diagonal, factors, sums):
    """Move to a new state and direction, and precondition the new residual, as in `lobpcg`.

    ``factors`` holds the move, the turn, the energy and the floor; then what to take away of the lower states, and
    their energies. Leaves the sums of squares of the residual and of the new w, the products of w with x, p, H x and
    H p, those of H p with x and p, of w with the diagonal's part of H w, and the overlaps of the lower states with w.
    """
    a, b, c = get(factors, 0), get(factors, 1), get(factors, 2)
    e, f, g = get(factors, 3), get(factors, 4), get(factors, 5)
    theta, floor = get(factors, _ENERGY), get(factors, _FLOOR)
    clear_sums(sums, _OVERLAP + 2)
    for begin in range(0, len(x), STRETCH):
        rr = ww = xw = pw = xhw = phw = xhp = php = whw = along = across = zero_like(theta)
        for u in range(begin, min(begin + STRETCH, len(x))):
            old_x, old_w, old_p = get(x, u), get(w, u), get(p, u)
            new_x, new_p = a * old_x + b * old_w + c * old_p, e * old_x + f * old_w + g * old_p
            old_x, old_w, old_p = get(hx, u), get(hw, u), get(hp, u)
            new_hx, new_hp = a * old_x + b * old_w + c * old_p, e * old_x + f * old_w + g * old_p
            if lower is not None:
                below = get(lower, u)
                turned, energy = swapped(below), get(factors, _BELOW + 4)
                off_x = get(factors, _BELOW) * below + get(factors, _BELOW + 1) * turned
                off_p = get(factors, _BELOW + 2) * below + get(factors, _BELOW + 3) * turned
                new_x, new_p = new_x - off_x, new_p - off_p
                new_hx, new_hp = new_hx - energy * off_x, new_hp - energy * off_p
            put(x, u, new_x)
            put(p, u, new_p)
            put(hx, u, new_hx)
            put(hp, u, new_hp)
            own = get(diagonal, u)
            residual = new_hx - theta * new_x
            scaled = residual / larger(own - theta, floor)
            image = own * scaled
            put(w, u, scaled)
            put(hw, u, image)
            rr += residual * residual
            ww += scaled * scaled
            xw += new_x * scaled
            pw += new_p * scaled
            xhw += new_hx * scaled
            phw += new_hp * scaled
            xhp += new_x * new_hp
            php += new_p * new_hp
            whw += scaled * image
            if lower is not None:
                along += below * scaled
                across += turned * scaled
        add_sums(sums, (rr, ww, xw, pw, xhw, phw, xhp, php, whw, along, across))
