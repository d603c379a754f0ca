"""Compiled search for the lowest levels of many Hamiltonians on one structure, row by row.

Locally optimal preconditioned conjugate gradients, one vector at a time: each step minimises the energy in the span of
the state, the preconditioned residual and the last direction. Six vectors a row stay in the cache, whatever the number
of steps. Levels above the lowest are sought orthogonal to those below.

Reference: A. V. Knyazev, SIAM J. Sci. Comput. 23, 517 (2001).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hamiltonian_ml.subspace.kernels import diagonal_of, multiply, preconditioner_floor

# Sums may be reordered, so that they run on vector units; infinities and NaN keep their meaning.
_JIT = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract"}}


@njit(**_JIT)
def _norm(vector):
    total = 0.0
    for u in range(len(vector)):
        total += vector[u].real ** 2 + vector[u].imag ** 2
    return np.sqrt(total)


@njit(**_JIT)
def _project_out(vector, state):
    overlap = 0.0 * vector[0]
    for u in range(len(vector)):
        overlap += np.conj(state[u]) * vector[u]
    for u in range(len(vector)):
        vector[u] -= overlap * state[u]


@njit(**_JIT)
def _remove(w, frame, n):
    """Make w orthogonal to the first n rows of frame and normalise it; return False if nothing of it is left."""
    d = len(w)
    before = _norm(w)
    for _ in range(4):
        for k in range(n):
            _project_out(w, frame[k])
        after = _norm(w)
        if not after > 1e-14 * before:
            return False
        for u in range(d):
            w[u] /= after
        # One pass leaves an error of about round-off / after: repeat where much cancelled.
        if after > 0.1 * before:
            return True
        before = 1.0
    return True


@njit(**_JIT)
def _lowest_of(matrix, vectors, n):
    """Diagonalise the leading n x n block of a Hermitian matrix by Jacobi rotations.

    Returns the lowest eigenvalue and puts its eigenvector into the first column of ``vectors``. At this size it is many
    times faster than a call of LAPACK, and starts no threads.
    """
    for p in range(n):
        for q in range(n):
            vectors[p, q] = 1.0 if p == q else 0.0
    for _ in range(30):
        off, scale = 0.0, 0.0
        for p in range(n):
            scale += abs(matrix[p, p]) ** 2
            for q in range(p + 1, n):
                off += abs(matrix[p, q]) ** 2
        if off <= 1e-34 * scale:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                _rotate(matrix, vectors, n, p, q)
    lowest = 0
    for p in range(1, n):
        if matrix[p, p].real < matrix[lowest, lowest].real:
            lowest = p
    for k in range(n):
        vectors[k, 0], vectors[k, lowest] = vectors[k, lowest], vectors[k, 0]
    return matrix[lowest, lowest].real


@njit(**_JIT)
def _rotate(matrix, vectors, n, p, q):
    """Make entry (p, q) of a Hermitian matrix zero by a rotation of the two basis vectors."""
    size = abs(matrix[p, q])
    if size == 0.0:
        return
    phase = matrix[p, q] / size
    ratio = (matrix[q, q].real - matrix[p, p].real) / (2.0 * size)
    tangent = 1.0 / (abs(ratio) + np.sqrt(1.0 + ratio * ratio))
    if ratio < 0.0:
        tangent = -tangent
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    up = tangent * cosine * phase
    down = np.conj(up)
    for k in range(n):
        left, right = matrix[k, p], matrix[k, q]
        matrix[k, p] = cosine * left - down * right
        matrix[k, q] = up * left + cosine * right
        left, right = vectors[k, p], vectors[k, q]
        vectors[k, p] = cosine * left - down * right
        vectors[k, q] = up * left + cosine * right
    for k in range(n):
        left, right = matrix[p, k], matrix[q, k]
        matrix[p, k] = cosine * left - up * right
        matrix[q, k] = down * left + cosine * right


@njit(**_JIT)
def _random_direction(out, seed):
    """Fill a vector with the fixed pseudo-random numbers of a linear congruence: no direction is left out by chance."""
    state = np.uint64(seed * 2 + 1)
    for u in range(len(out)):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        out[u] = np.float64(state >> np.uint64(11)) / 9007199254740992.0 - 0.5


@njit(**_JIT)
def _start(diagonal, level, is_guess, frame):
    """Make row ``level`` of frame a start vector: the guess that stands there, or a low diagonal state.

    A little of all directions is mixed in: a level that symmetry hides from the diagonal state then grows until the
    tolerance is reached, instead of being missed.
    """
    d, x = len(diagonal), frame[level]
    if not is_guess:
        _random_direction(x, level)
        mixed = (0.1 if level else 0.01) / np.sqrt(d / 12.0)
        for u in range(d):
            x[u] *= mixed
        best, place = np.inf, 0
        for u in range(d):
            taken = 0.0
            for k in range(level):
                taken += frame[k, u].real ** 2 + frame[k, u].imag ** 2
            if taken < 0.5 and diagonal[u] < best:
                best, place = diagonal[u], u
        x[place] += 1.0
    seed = 100 + level
    while not _remove(x, frame, level):
        seed += 1
        _random_direction(x, seed)


@njit(**_JIT)
def _residual(x, hx, theta, out):
    total = 0.0
    for u in range(len(x)):
        out[u] = hx[u] - theta * x[u]
        total += out[u].real ** 2 + out[u].imag ** 2
    return np.sqrt(total)


@njit(**_JIT)
def _elements(matrix, x, w, p, hw, hp, theta, has_p):
    """Fill the projected matrix in the basis x, w, p."""
    xw, ww, pw = 0.0 * x[0], 0.0, 0.0 * x[0]
    xp, pp = 0.0 * x[0], 0.0
    for u in range(len(x)):
        xw += np.conj(x[u]) * hw[u]
        ww += (np.conj(w[u]) * hw[u]).real
    if has_p:
        for u in range(len(x)):
            pw += np.conj(p[u]) * hw[u]
            xp += np.conj(x[u]) * hp[u]
            pp += (np.conj(p[u]) * hp[u]).real
    matrix[0, 0], matrix[1, 1] = theta, ww
    matrix[0, 1], matrix[1, 0] = xw, np.conj(xw)
    matrix[2, 2] = pp
    matrix[0, 2], matrix[2, 0] = xp, np.conj(xp)
    matrix[2, 1], matrix[1, 2] = pw, np.conj(pw)


@njit(**_JIT)
def _step(x, w, p, hx, hw, hp, matrix, vectors, has_p):
    """Move to the lowest state of the span; p becomes the direction of the move, orthonormal to it."""
    size = 3 if has_p else 2
    theta = _lowest_of(matrix, vectors, size)
    a, b = vectors[0, 0], vectors[1, 0]
    c = vectors[2, 0] if has_p else 0.0 * a
    # In the orthonormal basis x, w, p: the part of (0, b, c) that is orthogonal to the new state.
    overlap = abs(b) ** 2 + abs(c) ** 2
    e, f, g = -overlap * a, b - overlap * b, c - overlap * c
    length = np.sqrt(abs(e) ** 2 + abs(f) ** 2 + abs(g) ** 2)
    if length == 0.0:
        return theta, False
    e, f, g = e / length, f / length, g / length
    for u in range(len(x)):
        x_old, w_old, p_old = x[u], w[u], p[u]
        x[u] = a * x_old + b * w_old + c * p_old
        p[u] = e * x_old + f * w_old + g * p_old
        x_old, w_old, p_old = hx[u], hw[u], hp[u]
        hx[u] = a * x_old + b * w_old + c * p_old
        hp[u] = e * x_old + f * w_old + g * p_old
    return theta, True


@njit(**_JIT)
def _find_level(starts, columns, codes, table, diagonal, frame, level, tolerance, max_products, work):
    """Minimise the energy of row ``level`` of frame, orthogonal to the rows below; the next row is the direction.

    ``work`` has room for four vectors. Returns the energy, the norm of the residual and the multiplications by H.
    """
    x, p = frame[level], frame[level + 1]
    w, hx, hw, hp = work[0], work[1], work[2], work[3]
    matrix, vectors = np.zeros((3, 3), dtype=x.dtype), np.zeros((3, 3), dtype=x.dtype)
    floor = preconditioner_floor(table, diagonal)
    multiply(starts, columns, codes, table, diagonal, x, hx)
    products, has_p, exact, theta = 1, False, True, 0.0
    p[:] = 0.0
    hp[:] = 0.0
    for u in range(len(x)):
        theta += (np.conj(x[u]) * hx[u]).real
    while True:
        residual = _residual(x, hx, theta, w)
        for k in range(level):  # what points to the levels below is no error of this one
            _project_out(w, frame[k])
        if level:
            residual = _norm(w)
        done = residual <= tolerance or products >= max_products
        if done and exact:
            break
        if done:
            # H x is carried along by recurrence: multiply once more before believing it.
            multiply(starts, columns, codes, table, diagonal, x, hx)
            products, exact = products + 1, True
            continue
        for u in range(len(w)):
            w[u] /= max(diagonal[u] - theta, floor)
        if not _remove(w, frame, level + 2 if has_p else level + 1):
            break
        multiply(starts, columns, codes, table, diagonal, w, hw)
        products, exact = products + 1, False
        _elements(matrix, x, w, p, hw, hp, theta, has_p)
        theta, has_p = _step(x, w, p, hx, hw, hp, matrix, vectors, has_p)
    return theta, residual, products


@njit(**_JIT)
def solve_rows(
    start, stop, starts, columns, codes, diagonal_codes, tables, diagonal_tables, n_guesses, tolerances,
    max_products, energies, residuals, states, products,
):  # fmt: skip
    """Solve rows start to stop of a batch; ``states`` (n_rows, n_levels, d) holds the guesses and gets the answers.

    A level that turns out lower than the one below takes its place, and both are sought again from there.
    """
    n_levels, d = states.shape[1:]
    diagonal, work = np.zeros(d), np.zeros((4, d), dtype=states.dtype)
    frame = np.zeros((n_levels + 1, d), dtype=states.dtype)
    for row in range(start, stop):
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        level, known, swaps = 0, n_guesses, 0
        products[row] = 0
        while level < n_levels:
            # The row above the level in hand is its direction, so that each level is entered when its turn comes.
            frame[level] = states[row, level]
            _start(diagonal, level, level < known, frame)
            energies[row, level], residuals[row, level], used = _find_level(
                starts, columns, codes, tables[row], diagonal, frame, level, tolerances[row, level], max_products, work
            )
            products[row] += used
            if level and swaps < 3 * n_levels and energies[row, level] < energies[row, level - 1] - tolerances[row, 0]:
                states[row, level], states[row, level - 1] = frame[level - 1], frame[level]
                known, swaps, level = level + 1, swaps + 1, level - 1
            else:
                states[row, level] = frame[level]
                level += 1
