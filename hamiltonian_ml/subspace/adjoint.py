"""Compiled conjugate gradients for the response of a ground state, row by row.

For an objective G and the ground state psi of H with energy E, solves (H - E + shift) z = -(G - <G>) psi with z
orthogonal to psi. There H - E is positive definite, so conjugate gradients apply. The derivative of <G> with respect
to the coefficient of P is then 2 Re <z|P|psi>.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hamiltonian_ml.subspace.kernels import diagonal_of, multiply, preconditioner_floor

# Sums may be reordered, so that they run on vector units; infinities and NaN keep their meaning.
_JIT = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract"}}


@njit(**_JIT)
def _dot(left, right):
    total = 0.0 * left[0]
    for u in range(len(left)):
        total += np.conj(left[u]) * right[u]
    return total


@njit(**_JIT)
def _project_out(vector, state):
    overlap = _dot(state, vector)
    for u in range(len(vector)):
        vector[u] -= overlap * state[u]


@njit(**_JIT)
def _apply_preconditioner(residual, diagonal, energy, floor, state, out):
    """Divide by the diagonal of H - E, kept above a floor, inside the space orthogonal to the state."""
    for u in range(len(out)):
        out[u] = residual[u] / max(diagonal[u] - energy, floor)
    _project_out(out, state)


@njit(**_JIT)
def respond(starts, columns, codes, table, diagonal, energy, shift, state, source, tolerance, max_products, z):
    """Solve for one row; z holds the start value and gets the answer. Returns (relative residual, multiplications)."""
    d = len(diagonal)
    residual, search = np.zeros_like(state), np.zeros_like(state)
    image, scaled = np.zeros_like(state), np.zeros_like(state)
    norm = np.sqrt(_dot(source, source).real)
    if norm == 0.0:
        z[:] = 0.0
        return 0.0, 0
    floor = preconditioner_floor(table, diagonal)
    _project_out(z, state)
    multiply(starts, columns, codes, table, diagonal, z, image)
    for u in range(d):
        residual[u] = source[u] - image[u] + (energy - shift) * z[u]
    _project_out(residual, state)
    _apply_preconditioner(residual, diagonal, energy - shift, floor, state, scaled)
    search[:] = scaled
    product = _dot(residual, scaled).real
    size = np.sqrt(_dot(residual, residual).real)
    products = 1
    while size > tolerance * norm and products < max_products and product > 0.0:
        multiply(starts, columns, codes, table, diagonal, search, image)
        products += 1
        for u in range(d):
            image[u] -= (energy - shift) * search[u]
        curvature = _dot(search, image).real
        if curvature <= 0.0:
            break
        step = product / curvature
        size = 0.0
        for u in range(d):
            z[u] += step * search[u]
            residual[u] -= step * image[u]
        _project_out(residual, state)
        size = np.sqrt(_dot(residual, residual).real)
        _apply_preconditioner(residual, diagonal, energy - shift, floor, state, scaled)
        previous, product = product, _dot(residual, scaled).real
        for u in range(d):
            search[u] = scaled[u] + (product / previous) * search[u]
    _project_out(z, state)
    return size / norm, products


@njit(**_JIT)
def respond_rows(
    start, stop, starts, columns, codes, diagonal_codes, tables, diagonal_tables, source_tables, source_diagonal_tables,
    energies, shifts, states, tolerance, max_products, answers, residuals, products,
):  # fmt: skip
    """Solve rows start to stop of a batch; states and answers have shape (n_rows, d)."""
    d = diagonal_codes.shape[0]
    diagonal, source_diagonal = np.zeros(d), np.zeros(d)
    source = np.zeros(d, dtype=states.dtype)
    for row in range(start, stop):
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        diagonal_of(diagonal_codes, source_diagonal_tables[row], source_diagonal)
        multiply(starts, columns, codes, source_tables[row], source_diagonal, states[row], source)
        _project_out(source, states[row])
        for u in range(d):
            source[u] = -source[u]
        residuals[row], products[row] = respond(
            starts, columns, codes, tables[row], diagonal, energies[row], shifts[row], states[row], source,
            tolerance, max_products, answers[row],
        )  # fmt: skip
