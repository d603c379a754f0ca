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
from numba import njit

from hamiltonian_ml.subspace.kernels import diagonal_of, multiply, preconditioner_floor

# Sums may be reordered and divisions are not checked, so that loops run on vector units; infinities and NaN keep their
# meaning.
_JIT = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}


@njit(**_JIT)
def _lowest_of(matrix, n):
    """Diagonalise the leading block of a real symmetric matrix, n <= 3, by Jacobi rotations.

    Returns the lowest eigenvalue and the components of its eigenvector. At this size it is many times faster than a
    call of LAPACK, and starts no threads.
    """
    vectors = np.eye(3)
    for _ in range(30):
        off, scale = 0.0, 0.0
        for p in range(n):
            scale += matrix[p, p] ** 2
            for q in range(p + 1, n):
                off += matrix[p, q] ** 2
        if off <= 1e-34 * scale:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                _rotate(matrix, vectors, n, p, q)
    lowest = 0
    for p in range(1, n):
        if matrix[p, p] < matrix[lowest, lowest]:
            lowest = p
    return matrix[lowest, lowest], vectors[0, lowest], vectors[1, lowest], vectors[2, lowest]


@njit(**_JIT)
def _best_move(matrix, n, length):
    """Return the lowest energy in the span of x, w / length and p, and how to get there.

    That is the new state and the new direction in terms of x, w and p, and how many of these there are next time. The
    direction is the move, made orthogonal to the new state.
    """
    theta, a, b, c = _lowest_of(matrix, n)
    overlap = b * b + c * c
    e, f, g = -overlap * a, b * (1.0 - overlap), c * (1.0 - overlap)
    norm = np.sqrt(e * e + f * f + g * g)
    move = (a, b / length, c)
    if norm > 0.0:
        return theta, move, (e / norm, f / (norm * length), g / norm), 3
    return theta, move, (0.0, 0.0, 0.0), 2


@njit(**_JIT)
def _rotate(matrix, vectors, n, p, q):
    """Make entry (p, q) of a symmetric matrix zero by a rotation of the two basis vectors."""
    if matrix[p, q] == 0.0:
        return
    ratio = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
    tangent = 1.0 / (abs(ratio) + np.sqrt(1.0 + ratio * ratio))
    if ratio < 0.0:
        tangent = -tangent
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    sine = tangent * cosine
    for k in range(n):
        left, right = matrix[k, p], matrix[k, q]
        matrix[k, p], matrix[k, q] = cosine * left - sine * right, sine * left + cosine * right
        left, right = vectors[k, p], vectors[k, q]
        vectors[k, p], vectors[k, q] = cosine * left - sine * right, sine * left + cosine * right
    for k in range(n):
        left, right = matrix[p, k], matrix[q, k]
        matrix[p, k], matrix[q, k] = cosine * left - sine * right, sine * left + cosine * right


@njit(**_JIT)
def random_direction(out, seed):
    """Fill a vector with the fixed pseudo-random numbers of a linear congruence: no direction is left out by chance."""
    state = np.uint64(seed * 2 + 1)
    for u in range(len(out)):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        out[u] = np.float64(state >> np.uint64(11)) / 9007199254740992.0 - 0.5


@njit(**_JIT)
def _normalise(vector):
    """Divide a vector by its norm; return the norm, or zero and leave the vector if there is nothing to divide by."""
    total = 0.0
    for u in range(len(vector)):
        total += vector[u].real ** 2 + vector[u].imag ** 2
    norm = np.sqrt(total)
    if norm > 0.0:
        for u in range(len(vector)):
            vector[u] /= norm
    return norm


@njit(**_JIT)
def _clear(vector, lower):
    """Make a vector orthogonal to the rows of lower, in place; return the sum of squares of what was taken away."""
    taken = 0.0
    for k in range(len(lower)):
        overlap = 0.0 * vector[0]
        for u in range(len(vector)):
            overlap += np.conj(lower[k, u]) * vector[u]
        for u in range(len(vector)):
            vector[u] -= overlap * lower[k, u]
        taken += abs(overlap) ** 2
    return taken


@njit(**_JIT)
def _start(diagonal, lower, is_guess, x):
    """Make x a start vector: the guess that it holds, or a low diagonal state; orthogonal to the levels below.

    A little of all directions is mixed in: a level that symmetry hides from the diagonal state then grows until the
    tolerance is reached, instead of being missed.
    """
    d = len(diagonal)
    if not is_guess:
        random_direction(x, len(lower))
        mixed = (0.1 if len(lower) else 0.01) / np.sqrt(d / 12.0)
        for u in range(d):
            x[u] *= mixed
        best, place = np.inf, 0
        for u in range(d):
            taken = 0.0
            for k in range(len(lower)):
                taken += lower[k, u].real ** 2 + lower[k, u].imag ** 2
            if taken < 0.5 and diagonal[u] < best:
                best, place = diagonal[u], u
        x[place] += 1.0
    seed = 100 + len(lower)
    while True:
        _normalise(x)
        _clear(x, lower)
        if _normalise(x) > 1e-8:
            break
        seed += 1
        random_direction(x, seed)
    _clear(x, lower)
    _normalise(x)


@njit(**_JIT)
def _advance(x, w, p, hx, hw, hp, move, turn, theta, diagonal, floor):
    """Move to a new state and direction, and precondition the new residual, in one pass over floats.

    The state becomes ``move[0] x + move[1] w + move[2] p``, the direction the same with ``turn``, and w the residual of
    the new state, divided by the diagonal of H - theta kept above a floor. Returns the sums of squares of the residual
    and of the new w, its products with x and p, and those of H p with x and p.
    """
    a, b, c = move
    e, f, g = turn
    rr, ww, xw, pw, xhp, php = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(x)):
        new_x, new_p = a * x[i] + b * w[i] + c * p[i], e * x[i] + f * w[i] + g * p[i]
        new_hx, new_hp = a * hx[i] + b * hw[i] + c * hp[i], e * hx[i] + f * hw[i] + g * hp[i]
        x[i], p[i], hx[i], hp[i] = new_x, new_p, new_hx, new_hp
        residual = new_hx - theta * new_x
        scaled = residual / max(diagonal[i] - theta, floor)
        w[i] = scaled
        rr += residual * residual
        ww += scaled * scaled
        xw += new_x * scaled
        pw += new_p * scaled
        xhp += new_x * new_hp
        php += new_p * new_hp
    return rr, ww, xw, pw, xhp, php


@njit(**_JIT)
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


@njit(**_JIT)
def _products(image, first, second, third):
    """Return the real parts of the products of a vector with three others, all as floats."""
    a, b, c = 0.0, 0.0, 0.0
    for i in range(len(image)):
        a += image[i] * first[i]
        b += image[i] * second[i]
        c += image[i] * third[i]
    return a, b, c


@njit(**_JIT)
def _find_level(left, right, codes, table, diagonal, flat_diagonal, lower, x, tolerance, max_products, work):
    """Minimise the energy of x, orthogonal to the rows of lower.

    ``work`` has room for five vectors; ``flat_diagonal`` is the diagonal, once for each float of an amplitude. Returns
    the energy, the norm of the residual and the multiplications by H.
    """
    w, p, hx, hw, hp = work[0], work[1], work[2], work[3], work[4]
    fx, fw, fp = x.view(np.float64), w.view(np.float64), p.view(np.float64)
    fhx, fhw, fhp = hx.view(np.float64), hw.view(np.float64), hp.view(np.float64)
    floor, matrix = preconditioner_floor(table, diagonal), np.zeros((3, 3))
    work[:] = 0.0
    multiply(left, right, codes, table, diagonal, x, hx)
    theta = _products(fhx, fx, fx, fx)[0]
    products, size, exact = 1, 2, True
    move, turn = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    while True:
        rr, ww, xw, pw, xhp, php = _advance(fx, fw, fp, fhx, fhw, fhp, move, turn, theta, flat_diagonal, floor)
        if len(lower):
            # What points to the levels below is no error of this one.
            hw[:] = hx
            for u in range(len(x)):
                hw[u] -= theta * x[u]
            rr -= _clear(hw, lower)
            before = ww
            _clear(w, lower)
            ww, xw, pw = _clear_pair(fw, fx, fp, 0.0, 0.0)
            ww = min(ww, before)
        residual = np.sqrt(max(rr, 0.0))
        done = residual <= tolerance or products >= max_products
        if done and exact:
            break
        if done:
            # H x is carried along by recurrence: multiply once more before believing it.
            _normalise(x)
            multiply(left, right, codes, table, diagonal, x, hx)
            theta = _products(fhx, fx, fx, fx)[0]
            products, exact, move, turn = products + 1, True, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
            continue
        for _ in range(3):  # again while much cancels: each pass leaves round-off over what is left
            rest = ww
            ww, xw, pw = _clear_pair(fw, fx, fp, xw, pw)
            if ww > 0.01 * rest:
                break
        if not ww > 0.0:
            break
        length = np.sqrt(ww)
        multiply(left, right, codes, table, diagonal, w, hw)
        whw, xhw, phw = _products(fhw, fw, fx, fp)
        products, exact = products + 1, False
        matrix[0, 0], matrix[1, 1], matrix[2, 2] = theta, whw / ww, php
        matrix[0, 1] = matrix[1, 0] = xhw / length
        matrix[0, 2] = matrix[2, 0] = xhp
        matrix[1, 2] = matrix[2, 1] = phw / length
        theta, move, turn, size = _best_move(matrix, size, length)
    return theta, residual, products


@njit(**_JIT)
def solve_rows(
    start, stop, left, right, codes, diagonal_codes, tables, diagonal_tables, n_guesses, tolerances,
    max_products, energies, residuals, states, products,
):  # fmt: skip
    """Solve rows start to stop of a batch; ``states`` (n_rows, n_levels, d) holds the guesses and gets the answers.

    A level that turns out lower than the one below takes its place, and both are sought again from there.
    """
    n_levels, d = states.shape[1:]
    diagonal, work = np.zeros(d), np.zeros((5, d), dtype=states.dtype)
    flat_diagonal = np.zeros(len(work[0].view(np.float64)))
    for row in range(start, stop):
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        for i in range(len(flat_diagonal)):
            flat_diagonal[i] = diagonal[i * d // len(flat_diagonal)]
        found = states[row]
        level, known, swaps = 0, n_guesses, 0
        products[row] = 0
        while level < n_levels:
            _start(diagonal, found[:level], level < known, found[level])
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
