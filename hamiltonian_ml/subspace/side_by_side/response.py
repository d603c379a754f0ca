"""Compiled conjugate gradients for several rows side by side, in single precision: `adjoint` in lockstep.

Solves (H - E) z = r for the ground state's energy E and an r orthogonal to the ground state, to as many digits as
single precision has to spare. H - E takes the state to zero, nearly, so that residuals stay orthogonal to it, nearly;
the caller takes out what z gets along the state, and measures what that leaves.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.side_by_side.lanes import get, larger, put, zero_like
from hamiltonian_ml.subspace.side_by_side.passes import (
    STRETCH,
    add_pairs_of_lanes,
    add_sum,
    add_sums,
    clear_sums,
    row_sum,
    spread,
)

_STEP, _ENERGY, _FLOOR = 0, 6, 7  # among the factors
_FAR = 1e4  # times the least sum of squares: a residual that has grown so much will not come back
_LEAST_REDUCTION = 1e-5  # of a residual in one round: single precision has little more
_SPARE = 0.3  # of a tolerance: where single precision aims
_CURVATURE = 5  # among the sums


@compiled
def respond_lanes(batch, room, energies, floors, n_parts, reductions, max_products, shift, sound):
    """Solve (H - energies) z = r for every row, until a share of the residual is left.

    r lies in ``room.w``, and z comes to lie in ``room.hx``. ``room.p`` is a direction to go on from, and ``room.hp``
    what H - energies + shift makes of it; both may be zero. Ends when fewer than half of the rows are left, and returns
    the multiplications by H. In ``sound`` those rows become false for which a direction was met along which H - energy
    is not positive: there is a state below.
    """
    residual, z, search, image = room.w, room.hx, room.p, room.hp
    group, factors, sums, n_rows = room.group, room.factors, room.sums, len(floors)
    steps, shares, slopes = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows)
    before, targets, least = np.zeros(n_rows), np.zeros(n_rows), np.full(n_rows, np.inf)
    moving = np.ones(n_rows, dtype=np.bool_)
    spread(energies, _ENERGY, n_parts, factors)
    spread(floors, _FLOOR, n_parts, factors)
    spread(shift, _STEP, n_parts, factors)
    _begin(z, residual, search, image, group.diagonal, factors, sums)
    products = 0
    while True:
        for row in range(n_rows):
            size, product = row_sum(sums, 0, row, n_parts), row_sum(sums, 1, row, n_parts)
            slopes[row] = product  # of the residual along the direction to come
            if products == 0:
                targets[row] = reductions[row] ** 2 * size
                old = row_sum(sums, 3, row, n_parts)
                shares[row] = -row_sum(sums, 2, row, n_parts) / old if old > 0.0 else 0.0
                slopes[row] += shares[row] * row_sum(sums, 4, row, n_parts)
            else:
                shares[row] = (product - row_sum(sums, 2, row, n_parts)) / before[row]
            before[row] = slopes[row]
            least[row] = min(least[row], size)
            if not (size > targets[row] and size < _FAR * least[row] and slopes[row] > 0.0):
                moving[row] = False
            if not moving[row]:
                shares[row] = 0.0
        if products >= max_products or 2 * moving.sum() < n_rows:
            return products
        spread(shares, _STEP, n_parts, factors)
        _turn(search, image, residual, group.diagonal, factors, sums)
        add_pairs_of_lanes(
            batch.left, batch.right, batch.codes, group.real, group.turning, search, image, sums, _CURVATURE
        )
        products += 1
        _choose_steps(sums, n_parts, slopes, steps, moving, sound)
        spread(steps, _STEP, n_parts, factors)
        _descend(z, residual, search, image, group.diagonal, factors, sums)


@compiled
def _choose_steps(sums, n_parts, slopes, steps, moving, sound):
    """Find how far each row goes along its direction: not at all where that is no way down."""
    for row in range(len(steps)):
        curvature = row_sum(sums, _CURVATURE, row, n_parts)
        steps[row] = slopes[row] / curvature if moving[row] and curvature > 0.0 else 0.0
        if moving[row] and not curvature > 0.0:
            moving[row], sound[row] = False, False


@compiled
def next_reduction(wanted):
    """Return by what share to reduce a residual in one round, if ``wanted`` is the whole way to the tolerance."""
    return min(max(_SPARE * wanted, _LEAST_REDUCTION), 0.5)


@compiled
def _begin(z, residual, search, image, diagonal, factors, sums):
    """Start from zero; leave the sums of the residual's squares and of its products with the preconditioned one.

    Beside them stand the products of the image with the preconditioned residual and with the search direction, and of
    the residual with that one.
    """
    shift, theta, floor = get(factors, _STEP), get(factors, _ENERGY), get(factors, _FLOOR)
    clear_sums(sums, 5)
    for begin in range(0, len(z), STRETCH):
        rr = rw = wi = si = rs = zero_like(theta)
        for u in range(begin, min(begin + STRETCH, len(z))):
            value, direction = get(residual, u), get(search, u)
            turned = get(image, u) - shift * direction
            put(z, u, zero_like(theta))
            scaled = value / larger(get(diagonal, u) - theta, floor)
            rr += value * value
            rw += value * scaled
            wi += scaled * turned
            si += direction * turned
            rs += value * direction
        add_sums(sums, (rr, rw, wi, si, rs))


@compiled
def _turn(search, image, residual, diagonal, factors, sums):
    """Make the new search direction: the preconditioned residual, and a share of the old direction.

    ``image`` gets the diagonal's part of H - energy on it, and a sum its products with it.
    """
    share, theta, floor = get(factors, _STEP), get(factors, _ENERGY), get(factors, _FLOOR)
    put(sums, _CURVATURE, zero_like(get(sums, _CURVATURE)))
    for begin in range(0, len(search), STRETCH):
        curvature = zero_like(theta)
        for u in range(begin, min(begin + STRETCH, len(search))):
            distance = get(diagonal, u) - theta
            value = get(residual, u) / larger(distance, floor) + share * get(search, u)
            turned = distance * value
            put(search, u, value)
            put(image, u, turned)
            curvature += value * turned
        add_sum(sums, _CURVATURE, curvature)


@compiled
def _descend(z, residual, search, image, diagonal, factors, sums):
    """Move along the search direction.

    Leaves the sums of the new residual's squares and of the products of it, preconditioned, with itself and with the
    old one: what the next direction needs to be conjugate to this one, whatever has been rounded.
    """
    step, theta, floor = get(factors, _STEP), get(factors, _ENERGY), get(factors, _FLOOR)
    clear_sums(sums, 3)
    for begin in range(0, len(z), STRETCH):
        rr = rw = ow = zero_like(theta)
        for u in range(begin, min(begin + STRETCH, len(z))):
            put(z, u, get(z, u) + step * get(search, u))
            old = get(residual, u)
            value = old - step * get(image, u)
            put(residual, u, value)
            scaled = value / larger(get(diagonal, u) - theta, floor)
            rr += value * value
            rw += value * scaled
            ow += old * scaled
        add_sums(sums, (rr, rw, ow))
