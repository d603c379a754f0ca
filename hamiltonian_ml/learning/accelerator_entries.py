"""Passes over the entries of all Hamiltonians of a batch at once, and the algebra of their vectors.

In: a `Layout`, tables of matrix elements and vectors, on one device of JAX. Out: H x, and sums over entries by code.

Vectors have shape (n_states, n_rows), real or complex, with rows last, so that neighbouring threads read neighbouring
numbers. Everything here is traced; 64-bit mode is for the caller.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from hamiltonian_ml.learning.accelerator_layout import Layout


class Problem(NamedTuple):
    """The Hamiltonians of a batch: table (n_codes, n_rows), diagonal (n_states, n_rows), floor (n_rows,)."""

    layout: Layout
    table: jax.Array
    diagonal: jax.Array
    floor: jax.Array

    def multiply(self, x: jax.Array) -> jax.Array:
        """Return H x; the values of the matrix are looked up and never stored."""
        layout = self.layout
        total = jnp.zeros(())
        for columns, codes in zip(layout.columns, layout.codes, strict=True):
            elements = _at(self.table, codes)
            in_upper = (layout.rows < columns)[:, None]  # which is the triangle that codes are made for
            total += jnp.where(in_upper, elements, elements.conj()) * _at(x, columns)
        return self.diagonal * x + _add_up(total, layout.rows, layout.n_states)

    def precondition(self, vector: jax.Array, energy: jax.Array) -> jax.Array:
        """Divide a vector by the diagonal of H - energy, kept above the floor."""
        return vector / jnp.maximum(self.diagonal - energy, self.floor)


def problem_of(layout: Layout, tables: jax.Array, diagonal_tables: jax.Array) -> Problem:
    """Make Hamiltonians of tables (n_rows, n_codes) and (n_rows, n_diagonal_codes)."""
    table = jnp.pad(tables.T, ((0, 1), (0, 0)))  # never empty, though all strings may be diagonal
    diagonal_table, diagonal = diagonal_tables.T, jnp.zeros((layout.n_states, len(tables)))
    if len(layout.diagonal_codes):

        def add_chunk(total: jax.Array, codes: jax.Array) -> tuple[jax.Array, None]:
            return total + _at(diagonal_table, codes), None

        diagonal, _ = jax.lax.scan(add_chunk, diagonal, layout.diagonal_codes)
    diagonal = jnp.where(layout.is_state, diagonal, 0.0)
    highest = jnp.where(layout.is_state, diagonal, -jnp.inf).max(axis=0)
    lowest = jnp.where(layout.is_state, diagonal, jnp.inf).min(axis=0)
    largest = jnp.abs(table).max(axis=0)
    floor = jnp.maximum(0.1 * largest, 1e-3 * (highest - lowest))
    return Problem(layout, table, diagonal, jnp.where(floor > 0.0, floor, 1.0))


@jax.jit
def bracket_bins(layout: Layout, bras: jax.Array, kets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return what `kernels.brackets` does, (n_rows, n_codes) and (n_rows, n_diagonal_codes), for (n_rows, n_states)."""
    return collect(layout, bras.T, kets.T)


def collect(layout: Layout, bra: jax.Array, ket: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Do the work of `bracket_bins` for vectors (n_states, n_rows)."""
    total = jnp.zeros(())
    for left, right in zip(layout.pair_left, layout.pair_right, strict=True):
        total += _at(bra, left).conj() * _at(ket, right) + _at(ket, left).conj() * _at(bra, right)
    weights = (bra.conj() * ket).real
    diagonal_total = sum((_at(weights, states) for states in layout.diagonal_states), jnp.zeros(()))
    # The last bin gets what fills up the chunks: zeros.
    bins = _add_up(total, layout.pair_codes, layout.n_codes + 1)[:-1]
    diagonal_bins = _add_up(diagonal_total, layout.diagonal_targets, layout.n_diagonal_codes + 1)[:-1]
    return bins.T, diagonal_bins.T


def dot(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the real part of the product of two vectors, for each row."""
    return (a.conj() * b).real.sum(axis=0)


def clear(vector: jax.Array, state: jax.Array) -> jax.Array:
    """Make a vector orthogonal to a normalised state."""
    return vector - (state.conj() * vector).sum(axis=0) * state


def unit(vector: jax.Array) -> jax.Array:
    """Divide a vector by its norm; zero stays zero."""
    norm = jnp.sqrt(dot(vector, vector))
    return vector * jnp.where(norm > 0.0, 1.0 / jnp.where(norm > 0.0, norm, 1.0), 0.0)


def _at(array: jax.Array, places: jax.Array) -> jax.Array:
    return array.at[places].get(mode="promise_in_bounds")


def _add_up(values: jax.Array, targets: jax.Array, n_targets: int) -> jax.Array:
    """Sum the values of each target; targets ascend."""
    return jax.ops.segment_sum(values, targets, n_targets, indices_are_sorted=True, mode="promise_in_bounds")
