"""Compiled search for the lowest levels of many Hamiltonians on one structure, row by row.

Locally optimal preconditioned conjugate gradients, one vector at a time: each step minimises the energy over the real
combinations of the state, the preconditioned residual and the last direction. Real combinations are enough, since a
state and its multiples by a phase have one energy, and they let every pass run over plain floats. A step is few
passes over six vectors, which stay in the cache whatever the number of steps. Levels above the lowest are sought
orthogonal to those below.

Reference: A. V. Knyazev, SIAM J. Sci. Comput. 23, 517 (2001).
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.kernels import diagonal_of, multiply, preconditioner_floor
from hamiltonian_ml.subspace.pairs import add_pairs
from hamiltonian_ml.subspace.small_problem import best_move
from hamiltonian_ml.subspace.vectors import fill_at_random, normalise, project_out_all

LITTLE = 0.01  # of a sum of squares: if no more is left of it, its digits have cancelled


@compiled
def start_vector(diagonal, lower, is_guess, x):
    """Make x a start vector: the guess that it holds, or a low diagonal state; orthogonal to the levels below.

    A little of all directions is mixed in: a level that symmetry hides from the diagonal state then grows until the
    tolerance is reached, instead of being missed.
    """
    if not is_guess:
        fill_at_random(x, len(lower))
        scale = np.sqrt(len(x) / 12.0) / (0.1 if len(lower) else 0.01)
        x[_lowest_state(diagonal, lower)] += scale
    seed = 100 + len(lower)
    while True:
        length = normalise(x)
        if len(lower) == 0 and length > 0.0:
            break
        project_out_all(x, lower)
        if normalise(x) > 1e-8:
            project_out_all(x, lower)
            normalise(x)
            break
        seed += 1
        fill_at_random(x, seed)


@compiled
def _lowest_state(diagonal, lower):
    """Return the place of the lowest diagonal element of which the levels below have less than half."""
    best, place = np.inf, 0
    for u in range(len(diagonal)):
        if diagonal[u] < best:
            taken = 0.0
            for k in range(len(lower)):
                taken += lower[k, u].real ** 2 + lower[k, u].imag ** 2
            if taken < 0.5:
                best, place = diagonal[u], u
    return place


@compiled
def _advance(x, w, p, hx, hw, hp, move, turn, theta, diagonal, floor):
    """Move to a new state and direction, and precondition the new residual, in one pass over floats.

    The state becomes ``move[0] x + move[1] w + move[2] p``, the direction the same with ``turn``, and w the residual of
    the new state, divided by the diagonal of H - theta kept above a floor; hw gets the diagonal's part of H w. Returns
    the sums of squares of the residual and of the new w, the products of w with x and p and with H x and H p, and those
    of H p with x and p.
    """
    a, b, c = move
    e, f, g = turn
    rr, ww, xw, pw, xhw, phw, xhp, php = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(x)):
        new_x, new_p = a * x[i] + b * w[i] + c * p[i], e * x[i] + f * w[i] + g * p[i]
        new_hx, new_hp = a * hx[i] + b * hw[i] + c * hp[i], e * hx[i] + f * hw[i] + g * hp[i]
        x[i], p[i], hx[i], hp[i] = new_x, new_p, new_hx, new_hp
        residual = new_hx - theta * new_x
        scaled = residual / max(diagonal[i] - theta, floor)
        w[i], hw[i] = scaled, diagonal[i] * scaled
        rr += residual * residual
        ww += scaled * scaled
        xw += new_x * scaled
        pw += new_p * scaled
        xhw += new_hx * scaled
        phw += new_hp * scaled
        xhp += new_x * new_hp
        php += new_p * new_hp
    return rr, ww, xw, pw, xhw, phw, xhp, php


@compiled
def _clear_lower(lower, x, w, hx, room, theta):
    """Take the levels below out of w; return the sum of squares of the residual without them.

    What points to the levels below is no error of this one. ``room`` is overwritten.
    """
    for u in range(len(x)):
        room[u] = hx[u] - theta * x[u]
    project_out_all(room, lower)
    project_out_all(w, lower)
    total = 0.0
    for u in range(len(room)):
        total += room[u].real ** 2 + room[u].imag ** 2
    return total


@compiled
def _clear_pair(w, x, p, xw, pw):
    """Subtract xw x + pw p from w; return the new sum of squares and products with x and p."""
    ww, new_xw, new_pw = 0.0, 0.0, 0.0
    for i in range(len(w)):
        value = w[i] - xw * x[i] - pw * p[i]
        w[i] = value
        ww += value * value
        new_xw += value * x[i]
        new_pw += value * p[i]
    return ww, new_xw, new_pw


@compiled
def _clear_thoroughly(w, x, p):
    """Make w orthogonal to x and p, again while much cancels: each pass leaves round-off over what is left.

    Returns the new sum of squares.
    """
    ww, xw, pw = _clear_pair(w, x, p, 0.0, 0.0)
    for _ in range(3):
        rest = ww
        ww, xw, pw = _clear_pair(w, x, p, xw, pw)
        if ww > LITTLE * rest:
            break
    return ww


@compiled
def _improve(w, hw, x, p, overlaps, theta, size, is_clear):
    """Find the best combination of x, p and w made orthogonal to both, in terms of x, w and p as they are.

    ``overlaps`` are the last seven that `_advance` returns; for a w that is orthogonal already they are measured here.
    Nothing is subtracted from w itself: H is linear, so the overlaps of what would be left follow from those of w, and
    two passes are spared.
    """
    ww, xw, pw, xhw, phw, xhp, php = overlaps
    if is_clear:
        whw, xhw, phw = _products(hw, w, x, p)
        xw, pw = 0.0, 0.0
    else:
        whw = _product(hw, w)
    return best_combination(theta, whw, (ww, xw, pw, xhw, phw, xhp, php), size)


@compiled
def best_combination(theta, whw, overlaps, size):
    """Find the best combination of x, p and w made orthogonal to both, from the products between the three.

    Returns its energy, the new state and the new direction in terms of x, w and p as they are, and how many of these
    there are next time.
    """
    ww, xw, pw, xhw, phw, xhp, php = overlaps
    whw += xw * xw * theta + pw * pw * php + 2.0 * (xw * pw * xhp - xw * xhw - pw * phw)
    xhw -= xw * theta + pw * xhp
    phw -= xw * xhp + pw * php
    ww -= xw * xw + pw * pw
    length = np.sqrt(ww)
    matrix = np.zeros((3, 3))
    matrix[0, 0], matrix[1, 1], matrix[2, 2] = theta, whw / ww, php
    matrix[0, 1] = matrix[1, 0] = xhw / length
    matrix[0, 2] = matrix[2, 0] = xhp
    matrix[1, 2] = matrix[2, 1] = phw / length
    theta, (a, b, c), (e, f, g), size = best_move(matrix, size)
    b, f = b / length, f / length
    return theta, (a - b * xw, b, c - b * pw), (e - f * xw, f, g - f * pw), size


@compiled
def _product(image, vector):
    total = 0.0
    for i in range(len(image)):
        total += image[i] * vector[i]
    return total


@compiled
def _products(image, first, second, third):
    """Return the products of a vector of floats with three others."""
    a, b, c = 0.0, 0.0, 0.0
    for i in range(len(image)):
        a += image[i] * first[i]
        b += image[i] * second[i]
        c += image[i] * third[i]
    return a, b, c


@compiled
def _find_level(left, right, codes, table, diagonal, flat_diagonal, lower, x, tolerance, max_products, work):
    """Minimise the energy of x, orthogonal to the rows of lower.

    ``work`` has room for five vectors, whose numbers must be finite, since the first step multiplies them by zero;
    ``flat_diagonal`` is the diagonal, once for each float of an amplitude. Returns the energy, the norm of the residual
    and the multiplications by H.
    """
    w, p, hx, hw, hp = work[0], work[1], work[2], work[3], work[4]
    fx, fw, fp = x.view(np.float64), w.view(np.float64), p.view(np.float64)
    fhx, fhw, fhp = hx.view(np.float64), hw.view(np.float64), hp.view(np.float64)
    floor = preconditioner_floor(table, diagonal)
    multiply(left, right, codes, table, diagonal, x, hx)
    theta = _product(fhx, fx)
    products, size, exact = 1, 2, True
    move, turn = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    while True:
        rr, ww, xw, pw, xhw, phw, xhp, php = _advance(
            fx, fw, fp, fhx, fhw, fhp, move, turn, theta, flat_diagonal, floor
        )
        if len(lower):
            rr = _clear_lower(lower, x, w, hx, hw, theta)
        residual = np.sqrt(max(rr, 0.0))
        done = residual <= tolerance or products >= max_products
        if done and exact:
            break
        if done:
            # H x is carried along by recurrence: multiply once more before believing it.
            normalise(x)
            multiply(left, right, codes, table, diagonal, x, hx)
            theta = _product(fhx, fx)
            products, exact, move, turn = products + 1, True, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
            continue
        is_clear = len(lower) > 0 or not ww - xw * xw - pw * pw > LITTLE * ww
        if is_clear:
            ww = _clear_thoroughly(fw, fx, fp)
        if not ww > 0.0:
            break
        if is_clear:
            multiply(left, right, codes, table, diagonal, w, hw)
        else:
            add_pairs(left, right, codes, table, w, hw)
        products, exact = products + 1, False
        theta, move, turn, size = _improve(fw, fhw, fx, fp, (ww, xw, pw, xhw, phw, xhp, php), theta, size, is_clear)
    return theta, residual, products


@compiled
def solve_rows(
    rows, left, right, codes, diagonal_codes, tables, diagonal_tables, n_guesses, tolerances, max_products, energies,
    residuals, states, products,
):  # fmt: skip
    """Solve some rows of a batch; ``states`` (n_rows, n_levels, d) holds guesses and gets the answers.

    ``n_guesses`` (n_rows,) says for how many levels it does. Multiplications by H are added to ``products``.

    A level that turns out lower than the one below takes its place, and both are sought again from there.
    """
    n_levels, d = states.shape[1:]
    diagonal, work = np.zeros(d), np.zeros((5, d), dtype=states.dtype)
    per_amplitude = len(work[0].view(np.float64)) // d
    flat_diagonal = np.zeros(per_amplitude * d)
    for row in rows:
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        for u in range(d):
            for k in range(per_amplitude):
                flat_diagonal[per_amplitude * u + k] = diagonal[u]
        found = states[row]
        level, known, swaps = 0, n_guesses[row], 0
        while level < n_levels:
            start_vector(diagonal, found[:level], level < known, found[level])
            energies[row, level], residuals[row, level], used = _find_level(
                left, right, codes, tables[row], diagonal, flat_diagonal, found[:level], found[level],
                tolerances[row, level], max_products, work,
            )  # fmt: skip
            products[row] += used
            if level and swaps < 3 * n_levels and energies[row, level] < energies[row, level - 1] - tolerances[row, 0]:
                for u in range(d):
                    found[level, u], found[level - 1, u] = found[level - 1, u], found[level, u]
                known, swaps, level = level + 1, swaps + 1, level - 1
            else:
                level += 1
