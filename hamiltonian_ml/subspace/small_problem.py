"""The three-by-three eigenvalue problem inside each step of the search for a level, without a call of LAPACK."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled


@compiled
def best_move(matrix, n):
    """Return the lowest energy in the span of three orthonormal vectors x, w and p, and how to get there.

    That is the new state and the new direction in terms of x, w and p, and how many of these there are next time. The
    direction is the move, made orthogonal to the new state. ``matrix`` is H between the three, of which there are n.
    """
    theta, a, b, c = _lowest_of(matrix, n)
    overlap = b * b + c * c
    e, f, g = -overlap * a, b * (1.0 - overlap), c * (1.0 - overlap)
    norm = np.sqrt(e * e + f * f + g * g)
    if norm > 0.0:
        return theta, (a, b, c), (e / norm, f / norm, g / norm), 3
    return theta, (a, b, c), (0.0, 0.0, 0.0), 2


@compiled
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


@compiled
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
