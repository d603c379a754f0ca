"""Compiled Davidson iteration for the lowest levels of many Hamiltonians on one structure, row by row.

Each row is solved to the end while its vectors are in the cache. Vectors of the search space lie next to each other in
memory (state outermost), so that one pass over the states serves all of them.

Reference: E. R. Davidson, J. Comput. Phys. 17, 87 (1975); restarts keep the lowest Ritz vectors (thick restart).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hamiltonian_ml.subspace.kernels import diagonal_of, multiply

_JIT = {"cache": True, "nogil": True}


@njit(**_JIT)
def _orthonormalise(t, space, n):
    """Make t orthogonal to the first n columns of space and normalise it; return its norm relative to before."""
    d = len(t)
    before = 0.0
    for u in range(d):
        before += t[u].real ** 2 + t[u].imag ** 2
    before = np.sqrt(before)
    if before == 0.0:
        return 0.0
    overlaps = np.zeros(n, dtype=t.dtype)
    after = before
    for _ in range(3):  # twice is enough; a third pass only if nearly everything cancelled
        overlaps[:] = 0.0
        for u in range(d):
            for k in range(n):
                overlaps[k] += np.conj(space[u, k]) * t[u]
        last, after = after, 0.0
        for u in range(d):
            value = t[u]
            for k in range(n):
                value -= space[u, k] * overlaps[k]
            t[u] = value
            after += value.real**2 + value.imag**2
        after = np.sqrt(after)
        if after > 0.7 * last:
            break
    if after > 1e-14 * before:
        for u in range(d):
            t[u] /= after
        return after / before
    return 0.0


@njit(**_JIT)
def _append(t, image, space, images, projected, n):
    """Put vector t and its image H t into column n of the search space; extend the projected matrix."""
    column = np.zeros(n + 1, dtype=t.dtype)
    for u in range(len(t)):
        space[u, n] = t[u]
        images[u, n] = image[u]
        for k in range(n + 1):
            column[k] += np.conj(space[u, k]) * image[u]
    for k in range(n + 1):
        projected[k, n] = column[k]
        projected[n, k] = np.conj(column[k])
    projected[n, n] = column[n].real


@njit(**_JIT)
def _residual(space, images, n, theta, weights, out):
    """Write the residual of a Ritz pair; return its norm."""
    norm = 0.0
    for u in range(len(out)):
        value = 0.0 * weights[0]
        for k in range(n):
            value += (images[u, k] - theta * space[u, k]) * weights[k]
        out[u] = value
        norm += value.real**2 + value.imag**2
    return np.sqrt(norm)


@njit(**_JIT)
def _restart(space, images, projected, n, ritz, theta, keep):
    """Replace the search space by its lowest ``keep`` Ritz vectors."""
    row, image_row = np.zeros(keep, dtype=space.dtype), np.zeros(keep, dtype=space.dtype)
    for u in range(space.shape[0]):
        row[:] = 0.0
        image_row[:] = 0.0
        for k in range(n):
            for j in range(keep):
                row[j] += space[u, k] * ritz[k, j]
                image_row[j] += images[u, k] * ritz[k, j]
        for j in range(keep):
            space[u, j] = row[j]
            images[u, j] = image_row[j]
    projected[:, :] = 0.0
    for j in range(keep):
        projected[j, j] = theta[j]


@njit(**_JIT)
def _precondition(residual, diagonal, theta, floor):
    """Divide the residual by (diagonal - theta), kept away from zero, in place."""
    for u in range(len(residual)):
        gap = diagonal[u] - theta
        if abs(gap) < floor:
            gap = floor if gap >= 0.0 else -floor
        residual[u] /= gap


@njit(**_JIT)
def _random_direction(out, seed):
    """Fill a vector with the fixed pseudo-random numbers of a linear congruence: no direction is left out by chance."""
    state = np.uint64(seed * 2 + 1)
    for u in range(len(out)):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        out[u] = np.float64(state >> np.uint64(11)) / 9007199254740992.0 - 0.5


@njit(**_JIT)
def _start_vector(diagonal, level, guess, n_guesses, out):
    """Write the start vector of a level: the guess, or the lowest diagonal state; others get every direction too."""
    d = len(diagonal)
    if level < n_guesses:
        out[:] = guess[:, level]
        return
    if level == 0:
        out[:] = 0.0
        out[np.argmin(diagonal)] = 1.0
        return
    _random_direction(out, level)
    for u in range(d):
        out[u] *= 0.1 / np.sqrt(d / 12.0)
    order = np.argsort(diagonal)
    out[order[min(level, d - 1)]] += 1.0


@njit(**_JIT)
def lowest_levels(starts, columns, codes, table, diagonal, guess, n_guesses, tolerances, max_products, work):
    """Find the lowest levels of one Hamiltonian.

    ``work`` holds (space, images) of shape (d, m) each; ``tolerances`` one residual norm a level. Returns energies,
    residuals, states (d, n_levels) and the number of multiplications by H. Not converged: a residual tells.
    """
    space, images = work
    d, room = space.shape
    n_levels = len(tolerances)
    t, image = np.zeros(d, dtype=space.dtype), np.zeros(d, dtype=space.dtype)
    projected = np.zeros((room, room), dtype=space.dtype)
    residuals = np.full(n_levels, np.inf)
    floor = 1e-2 * max(1e-300, np.max(np.abs(table))) if len(table) else 1e-300
    n, products, seed = 0, 0, 100
    for level in range(n_levels):
        _start_vector(diagonal, level, guess, n_guesses, t)
        while _orthonormalise(t, space, n) < 1e-10:
            seed += 1
            _random_direction(t, seed)
        multiply(starts, columns, codes, table, diagonal, t, image)
        products += 1
        _append(t, image, space, images, projected, n)
        n += 1
    theta, ritz = np.linalg.eigh(np.ascontiguousarray(projected[:n, :n]))
    while True:
        target = -1
        for level in range(n_levels):
            residuals[level] = _residual(space, images, n, theta[level], ritz[:, level].copy(), t)
            if residuals[level] > tolerances[level]:
                target = level
                break
        if target < 0 or products >= max_products or n >= d:
            break
        _precondition(t, diagonal, theta[target], floor)
        if n == room:
            keep = min(room - 1, n_levels + 2)
            _restart(space, images, projected, n, ritz, theta, keep)
            n = keep
        while _orthonormalise(t, space, n) < 1e-10:
            seed += 1
            _random_direction(t, seed)
        multiply(starts, columns, codes, table, diagonal, t, image)
        products += 1
        _append(t, image, space, images, projected, n)
        n += 1
        theta, ritz = np.linalg.eigh(np.ascontiguousarray(projected[:n, :n]))
        states = np.zeros((d, n_levels), dtype=space.dtype)
    for level in range(n_levels):
        residuals[level] = _residual(space, images, n, theta[level], ritz[:, level].copy(), t)
        for u in range(d):
            value = 0.0 * ritz[0, 0]
            for k in range(n):
                value += space[u, k] * ritz[k, level]
            states[u, level] = value
    return theta[:n_levels].copy(), residuals, states, products


@njit(**_JIT)
def solve_rows(
    start, stop, starts, columns, codes, diagonal_codes, tables, diagonal_tables, guesses, n_guesses, tolerances,
    max_products, room, energies, residuals, states, products,
):  # fmt: skip
    """Solve rows start to stop of a batch; guesses and states have shape (n_rows, d, n_levels)."""
    d = diagonal_codes.shape[0]
    work = (np.zeros((d, room), dtype=tables.dtype), np.zeros((d, room), dtype=tables.dtype))
    diagonal = np.zeros(d)
    for row in range(start, stop):
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        guess = guesses[row] if n_guesses else np.zeros((d, 0), dtype=tables.dtype)
        energies[row], residuals[row], states[row], products[row] = lowest_levels(
            starts, columns, codes, tables[row], diagonal, guess, n_guesses, tolerances[row], max_products, work
        )
