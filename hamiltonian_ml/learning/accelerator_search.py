"""The searches of `subspace.lobpcg` and `subspace.adjoint` as array operations on all rows of a batch at once.

In: a `Layout`, tables of matrix elements and start vectors, on one device of JAX. Out: levels, and responses by code.
Nothing returns to the host before a batch has ended. An iteration is for all rows; those that have converged are
frozen in it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from hamiltonian_ml.learning.accelerator_entries import Problem, clear, collect, dot, problem_of, unit
from hamiltonian_ml.learning.accelerator_layout import Layout

_CLEARINGS = 2  # after a second pass, what is left of an overlap is round-off


class _Search(NamedTuple):
    """State of the search for one level: vectors with their images, then one value a row."""

    x: jax.Array
    p: jax.Array
    hx: jax.Array
    hp: jax.Array
    energy: jax.Array
    residual: jax.Array
    products: jax.Array
    has_direction: jax.Array
    is_exact: jax.Array  # hx was multiplied, not carried along by recurrence
    is_active: jax.Array


class _Found(NamedTuple):
    """Levels of a batch: states (n_states, n_rows) for each level, the rest (n_rows,)."""

    states: tuple[jax.Array, ...]
    energies: tuple[jax.Array, ...]
    residuals: tuple[jax.Array, ...]
    products: jax.Array
    is_open: jax.Array  # still to be sought
    is_known: jax.Array  # (n_levels,): the states hold start vectors
    rounds: jax.Array


@jax.jit
def search_levels(
    layout: Layout,
    tables: jax.Array,
    diagonal_tables: jax.Array,
    guesses: jax.Array,
    is_known: jax.Array,
    tolerances: jax.Array,
    max_products: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Return energies, residuals (n_rows, n_levels), states (n_rows, n_levels, n_states) and multiplications.

    ``tables`` (n_rows, n_codes) and ``guesses`` (n_rows, n_levels, n_states) are both real or both complex; levels not
    marked in ``is_known`` (n_levels,) start from the lowest diagonal state. There are one or two levels.
    """
    problem = problem_of(layout, tables, diagonal_tables)
    n_levels, limits = guesses.shape[1], tolerances.T

    def seek(found: _Found) -> _Found:
        states, energies, residuals = list(found.states), list(found.energies), list(found.residuals)
        products = found.products
        for level in range(n_levels):
            lower = states[:level]
            start = jnp.where(found.is_known[level], states[level], _low_state(problem, lower))
            start = _orthonormal(layout, start, lower)
            search = _find_level(problem, lower, start, found.is_open, limits[level], max_products)
            states[level] = jnp.where(found.is_open, search.x, states[level])
            energies[level] = jnp.where(found.is_open, search.energy, energies[level])
            residuals[level] = jnp.where(found.is_open, search.residual, residuals[level])
            products += jnp.where(found.is_open, search.products, 0)
        # A level that turns out lower than the one below takes its place, and both are sought again from there.
        is_open = found.is_open & (energies[-1] < energies[0] - limits[0]) & (found.rounds < 3 * n_levels)
        starts = tuple(jnp.where(is_open, other, own) for own, other in zip(states, states[::-1], strict=True))
        known = jnp.ones_like(found.is_known)
        return _Found(starts, tuple(energies), tuple(residuals), products, is_open, known, found.rounds + 1)

    none, everything = (jnp.zeros(len(tables)),) * n_levels, jnp.ones(len(tables), dtype=bool)
    states, count = tuple(guesses.transpose(1, 2, 0)), jnp.zeros((), dtype=int)
    start = _Found(states, none, none, jnp.zeros(len(tables), dtype=int), everything, is_known, count)
    found = jax.lax.while_loop(lambda found: found.is_open.any(), seek, start)
    energies, residuals = jnp.stack(found.energies, axis=1), jnp.stack(found.residuals, axis=1)
    return energies, residuals, jnp.stack(found.states).transpose(2, 0, 1), found.products


@jax.jit
def images(layout: Layout, tables: jax.Array, diagonal_tables: jax.Array, states: jax.Array) -> jax.Array:
    """Return what each row's operator makes of its state (n_rows, n_states)."""
    return problem_of(layout, tables, diagonal_tables).multiply(states.T).T


@jax.jit
def response_bins(
    layout: Layout,
    tables: jax.Array,
    diagonal_tables: jax.Array,
    sources: jax.Array,
    states: jax.Array,
    energies: jax.Array,
    tolerance: jax.Array,
    max_products: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Solve (H - energy) z = -(1 - |psi><psi|) source, z off psi, by conjugate gradients; return `bracket_bins`.

    That is, of z and psi; sources and states have shape (n_rows, n_states). The third result is the residual of each
    row, relative to the right-hand side, the fourth <z|H - energy|z> / <z|z>, infinite where z is zero.
    """
    problem, psi = problem_of(layout, tables, diagonal_tables), states.T
    source = clear(-sources.T, psi)
    answer, residuals = _respond(problem, psi, source, energies, tolerance, max_products)
    length = dot(answer, answer)
    quotients = jnp.where(length > 0.0, dot(answer, source) / jnp.where(length > 0.0, length, 1.0), jnp.inf)
    return (*collect(layout, answer, psi), residuals, quotients)


def _low_state(problem: Problem, lower: list[jax.Array]) -> jax.Array:
    """Return the lowest diagonal state that no level below holds, with a little of all directions mixed in."""
    layout, level = problem.layout, len(lower)
    free = layout.is_state & (sum((jnp.abs(below) ** 2 for below in lower), jnp.zeros(())) < 0.5)
    place = jnp.argmin(jnp.where(free, problem.diagonal, jnp.inf), axis=0)
    mixed = (0.1 if level else 0.01) * jnp.sqrt(12.0 / layout.dimension)
    return mixed * layout.directions[level, 0][:, None] + (jnp.arange(layout.n_states)[:, None] == place)


def _orthonormal(layout: Layout, x: jax.Array, lower: list[jax.Array]) -> jax.Array:
    """Make start vectors orthogonal to the levels below; what lies in their span is replaced by another direction."""
    x = unit(x)
    for below in lower:
        x = clear(x, below)
    x = jnp.where(dot(x, x) > 1e-16, x, layout.directions[len(lower), 1][:, None])
    for _ in range(_CLEARINGS):
        for below in lower:
            x = clear(x, below)
        x = unit(x)
    return x


def _find_level(
    problem: Problem,
    lower: list[jax.Array],
    start: jax.Array,
    is_active: jax.Array,
    tolerance: jax.Array,
    max_products: jax.Array,
) -> _Search:
    """Minimise the energies of the active rows, orthogonal to the levels below; converged rows are frozen.

    An iteration multiplies once: the preconditioned residual where a row goes on, the state itself where a row seems
    to be done and its image, carried along by recurrence, has to be verified.
    """

    def step(s: _Search) -> _Search:
        residual, w, is_stuck = _way_down(problem, lower, s)
        ends = (residual <= tolerance) | (s.products >= max_products) | is_stuck
        is_active = s.is_active & ~(ends & s.is_exact)
        verifies, goes_on = is_active & ends, is_active & ~ends
        v = unit(jnp.where(verifies, s.x, w))
        hv = problem.multiply(v)
        energy, move, turn = _minimise(s, v, hv)
        # A row that verifies takes v for its state and keeps its direction; a frozen one keeps both.
        move, turn = _choose(goes_on, verifies, is_stuck, move, turn)
        x, p = _mix(s.x, v, s.p, move, turn)
        hx, hp = _mix(s.hx, hv, s.hp, move, turn)
        return _Search(
            x=x,
            p=p,
            hx=hx,
            hp=hp,
            energy=jnp.where(goes_on, energy, jnp.where(verifies, dot(v, hv), s.energy)),
            residual=residual,
            products=s.products + is_active,
            has_direction=(turn != 0.0).any(axis=0) & (s.has_direction | goes_on),
            is_exact=jnp.where(is_active, verifies, s.is_exact),
            is_active=is_active,
        )

    image, zeros, ones = problem.multiply(start), jnp.zeros_like(start), jnp.ones_like(is_active)
    energy = dot(start, image)
    first = _Search(
        start, zeros, image, zeros, energy, jnp.zeros_like(energy), ones.astype(int), ~ones, ones, is_active
    )
    return jax.lax.while_loop(lambda s: s.is_active.any(), step, first)


def _way_down(problem: Problem, lower: list[jax.Array], s: _Search) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the residuals, the preconditioned residual outside all that is known, and which rows have none left."""
    error = s.hx - s.energy * s.x
    for below in lower:
        error = clear(error, below)  # what points to the levels below is no error of this one
    residual = jnp.where(s.is_active, jnp.sqrt(dot(error, error)), s.residual)
    w = problem.precondition(error, s.energy)
    before = dot(w, w)
    for _ in range(_CLEARINGS):
        for below in lower:
            w = clear(w, below)
        w = w - dot(s.x, w) * s.x - dot(s.p, w) * s.p
    return residual, w, ~(dot(w, w) > 1e-30 * before)  # nothing but round-off is left


def _minimise(s: _Search, v: jax.Array, hv: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Minimise the energy over real combinations of the orthonormal x, v and p.

    Returns the energies, and the coefficients (3, n_rows) of the new state and of the new direction.
    """
    xv, pv, xp = dot(s.x, hv), dot(s.p, hv), dot(s.x, s.hp)
    vv = dot(v, hv)
    # Without a direction its place in the matrix is given an energy that is not the lowest.
    pp = jnp.where(s.has_direction, dot(s.p, s.hp), jnp.abs(s.energy) + jnp.abs(vv) + jnp.abs(xv))
    matrix = jnp.stack([jnp.stack([s.energy, xv, xp]), jnp.stack([xv, vv, pv]), jnp.stack([xp, pv, pp])])
    energies, vectors = jnp.linalg.eigh(jnp.moveaxis(matrix, -1, 0))
    a, b, c = vectors[:, :, 0].T
    c = jnp.where(s.has_direction, c, 0.0)
    # The part of (0, b, c) that is orthogonal to the new state.
    overlap = b * b + c * c
    turn = jnp.stack([-overlap * a, b * (1.0 - overlap), c * (1.0 - overlap)])
    norm = jnp.sqrt((turn**2).sum(axis=0))
    return energies[:, 0], jnp.stack([a, b, c]), turn * jnp.where(norm > 0.0, 1.0 / jnp.where(norm > 0.0, norm, 1.0), 0)


def _choose(
    goes_on: jax.Array, verifies: jax.Array, is_stuck: jax.Array, move: jax.Array, turn: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the coefficients of state and direction (3, n_rows) of rows that go on, verify or are frozen."""
    none, one = jnp.zeros_like(move[0]), jnp.ones_like(move[0])
    stay = jnp.stack([jnp.where(verifies, none, one), jnp.where(verifies, one, none), none])
    keep = jnp.stack([none, none, jnp.where(verifies & is_stuck, none, one)])
    return jnp.where(goes_on, move, stay), jnp.where(goes_on, turn, keep)


def _mix(x: jax.Array, v: jax.Array, p: jax.Array, move: jax.Array, turn: jax.Array) -> tuple[jax.Array, jax.Array]:
    return move[0] * x + move[1] * v + move[2] * p, turn[0] * x + turn[1] * v + turn[2] * p


class _Response(NamedTuple):
    z: jax.Array
    residual: jax.Array
    search: jax.Array
    size: jax.Array
    product: jax.Array
    products: jax.Array
    is_active: jax.Array


def _respond(
    problem: Problem,
    psi: jax.Array,
    source: jax.Array,
    energies: jax.Array,
    tolerance: jax.Array,
    max_products: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Solve (H - energy) z = source for all rows, orthogonal to psi; return z and the relative residuals."""
    source = clear(source, psi)  # once more: where G psi is nearly along psi, the first time leaves round-off
    norm = jnp.sqrt(dot(source, source))

    def step(s: _Response) -> _Response:
        image = problem.multiply(s.search) - energies * s.search
        curvature = dot(s.search, image)
        goes_on = s.is_active & (curvature > 0.0)
        length = jnp.where(goes_on, s.product / jnp.where(goes_on, curvature, 1.0), 0.0)
        z, residual = s.z + length * s.search, s.residual - length * clear(image, psi)
        scaled = problem.precondition(residual, energies)
        size, product = jnp.sqrt(dot(residual, residual)), dot(residual, scaled)
        share = product / jnp.where(s.product > 0.0, s.product, 1.0)
        search = jnp.where(goes_on, clear(scaled, psi) + share * s.search, s.search)
        products = s.products + s.is_active
        is_active = goes_on & (size > tolerance * norm) & (products < max_products) & (product > 0.0)
        return _Response(z, residual, search, size, product, products, is_active)

    scaled = problem.precondition(source, energies)
    product = dot(source, scaled)
    start = _Response(
        jnp.zeros_like(source), source, clear(scaled, psi), norm, product, jnp.ones_like(norm, int), product > 0.0
    )
    end = jax.lax.while_loop(lambda s: s.is_active.any(), step, start)
    return clear(end.z, psi), end.size / jnp.where(norm > 0.0, norm, 1.0)
