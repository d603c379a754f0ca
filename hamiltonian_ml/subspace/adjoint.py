"""Compiled conjugate gradients for the response of a ground state, row by row.

For an objective G and the ground state psi of H with energy E, solves (H - E + shift) z = -(G - <G>) psi with z
orthogonal to psi. There H - E is positive definite, so conjugate gradients apply. The derivative of <G> with respect
to the coefficient of P is then 2 Re <z|P|psi>.
"""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.kernels import diagonal_of, multiply, preconditioner_floor
from hamiltonian_ml.subspace.pairs import add_pairs
from hamiltonian_ml.subspace.vectors import norm, project_out

MAX_RESPONSE_PRODUCTS = 4000
NEAR_FLOOR = 0.9  # of the floor: gaps are known to a digit or so
_MOST_SHIFTS = 5


@compiled
def largest_residual(tolerance):
    """Return the relative residual up to which a response counts as solved; round-off may keep it off the tolerance."""
    return max(100.0 * tolerance, 1e-6)


@compiled
def _curvature(search, image, state):
    """Return Re <search|image> and <state|image>, in one pass."""
    own, along = 0.0, 0.0 * image[0]
    for u in range(len(image)):
        own += (np.conj(search[u]) * image[u]).real
        along += np.conj(state[u]) * image[u]
    return own, along


@compiled
def _descend(z, residual, search, image, state, inverse, step, along):
    """Move along the search direction and precondition the new residual, in one pass.

    Returns the sum of squares of the residual, its product with the preconditioned one, and the overlap of that one
    with the state, which is yet to be taken out of it.
    """
    size, product, overlap = 0.0, 0.0, 0.0 * image[0]
    for u in range(len(z)):
        z[u] += step * search[u]
        value = residual[u] - step * (image[u] - along * state[u])
        residual[u] = value
        square = value.real**2 + value.imag**2
        size += square
        product += inverse[u] * square
        overlap += inverse[u] * (np.conj(state[u]) * value)
    return size, product, overlap


@compiled
def _turn(search, image, residual, state, diagonal, inverse, overlap, share, energy):
    """Make the new search direction: the preconditioned residual, off the state, and a share of the old direction.

    ``image`` gets the diagonal's part of H - energy on it.
    """
    for u in range(len(search)):
        value = inverse[u] * residual[u] - overlap * state[u] + share * search[u]
        search[u], image[u] = value, (diagonal[u] - energy) * value


@compiled
def respond(left, right, codes, table, diagonal, energy, state, source, tolerance, max_products, z, work, inverse):
    """Solve (H - energy) z = source for one row, orthogonal to the state; source is orthogonal to it already.

    z starts from zero: the source changes with the loss, so that the answer of the last epoch saves hardly more
    products than the one it takes to start from it. ``work`` has room for three vectors, ``inverse`` for the inverse of
    the diagonal of H - energy, kept above a floor, which preconditions.
    Returns the residual relative to the source, <z|H - energy|z> / <z|z>, and the multiplications by H.
    """
    residual, search, image = work[0], work[1], work[2]
    z[:] = 0.0
    size_of_source = norm(source)
    if size_of_source == 0.0:
        return 0.0, np.inf, 0
    floor = preconditioner_floor(table, diagonal)
    for u in range(len(diagonal)):
        inverse[u] = 1.0 / max(diagonal[u] - energy, floor)
    residual[:] = source
    project_out(residual, state)  # once more, for states of single precision
    image[:] = 0.0
    search[:] = 0.0
    size, product, overlap = _descend(z, residual, search, image, state, inverse, 0.0, 0.0 * z[0])
    _turn(search, image, residual, state, diagonal, inverse, overlap, 0.0, energy)
    products = 0
    while np.sqrt(size) > tolerance * size_of_source and products < max_products and product > 0.0:
        add_pairs(left, right, codes, table, search, image)
        products += 1
        curvature, along = _curvature(search, image, state)
        if curvature <= 0.0:
            break
        previous = product
        size, product, overlap = _descend(z, residual, search, image, state, inverse, product / curvature, along)
        _turn(search, image, residual, state, diagonal, inverse, overlap, product / previous, energy)
    project_out(z, state)
    return np.sqrt(size) / size_of_source, _quotient(z, source, residual), products


@compiled
def _quotient(z, source, residual):
    """Return <z|source - residual> / <z|z>, the quotient of the operator that makes the one of the other."""
    above, below = 0.0, 0.0
    for u in range(len(z)):
        above += (np.conj(z[u]) * (source[u] - residual[u])).real
        below += z[u].real ** 2 + z[u].imag ** 2
    return above / below if below > 0.0 else 0.0


@compiled
def prepare_rows(start, stop, states, sources):
    """Make the sources (G psi) right-hand sides: take the states' parts away and turn the signs."""
    for row in range(start, stop):
        source = sources[row]
        project_out(source, states[row])
        for u in range(len(source)):
            source[u] = -source[u]


@compiled
def respond_rows(
    rows, left, right, codes, diagonal_codes, tables, diagonal_tables, sources, energies, shifts, floors, states,
    tolerance, max_products, answers, residuals, products,
):  # fmt: skip
    """Solve some rows of a batch; sources, prepared, states and answers have shape (n_rows, d).

    Rows whose gap is below its floor come with a shift that makes up for it. The search for the second level may have
    missed one, however: where the answer itself shows a level closer than the floor, or none is to be had, the shift is
    raised, which ``shifts`` then tells, and the row is solved again.
    """
    d = diagonal_codes.shape[0]
    diagonal, inverse, work = np.zeros(d), np.zeros(d), np.zeros((3, d), dtype=states.dtype)
    for row in rows:
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        for _ in range(_MOST_SHIFTS):
            residuals[row], quotient, used = respond(
                left, right, codes, tables[row], diagonal, energies[row] - shifts[row], states[row], sources[row],
                tolerance, max_products, answers[row], work, inverse,
            )  # fmt: skip
            products[row] += used
            if quotient < NEAR_FLOOR * floors[row]:
                shifts[row] += floors[row] - quotient
            elif not residuals[row] <= largest_residual(tolerance) and shifts[row] < floors[row]:
                shifts[row] = floors[row]
            else:
                break


@compiled
def apply_rows(start, stop, left, right, codes, diagonal_codes, tables, diagonal_tables, states, images):
    """Write the image of each row's state under that row's operator."""
    diagonal = np.zeros(diagonal_codes.shape[0])
    for row in range(start, stop):
        diagonal_of(diagonal_codes, diagonal_tables[row], diagonal)
        multiply(left, right, codes, tables[row], diagonal, states[row], images[row])
