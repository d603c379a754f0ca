"""A structure as an accelerator wants it: entries sorted by target, cut into chunks, with lengths rounded up.

In: a `SubspaceStructure`. Out: a `Layout` on JAX's device, made once for a structure and kept as long as it lives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.learning.padding import padded
from hamiltonian_ml.subspace.structure import SubspaceStructure
from hamiltonian_ml.subspace.vectors import fill_at_random

_WIDTH = 4  # entries in a chunk: a state of a sampled subspace has three to ten
_SMALLEST = 256  # length of an array: small subspaces share what is compiled


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Layout:
    """A structure as an accelerator wants it; made by `layout_of`.

    Entries with one target are cut into chunks of equal width, so that most of a sum is made in registers and only
    chunks are added in memory. Whatever fills up a chunk points to a state beyond the last, of amplitude zero.

    Attributes
    ----------
    dimension : () int
        Number of basis states; arrays over states are longer by at least one.
    columns, codes : (width, n_chunks) int
        Column states and codes of the entries of both triangles.
    rows : (n_chunks,) int
        Row state of each chunk, ascending.
    pair_left, pair_right : (width, n_chunks) int
        Pairs of states, once each, by code.
    pair_codes : (n_chunks,) int
        Code of each chunk of pairs, ascending.
    diagonal_codes : (n_diagonal_chunks, n_states) int
        Codes of the diagonal.
    diagonal_states, diagonal_targets : (width, n_chunks) and (n_chunks,) int
        The same by code: states, and the code of each chunk.
    directions : (2, 2, n_states) float
        Fixed pseudo-random directions: for each level, one to start with and one to start again.
    n_codes, n_diagonal_codes : int
        Length of the tables.
    """

    dimension: jax.Array
    columns: jax.Array
    codes: jax.Array
    rows: jax.Array
    pair_left: jax.Array
    pair_right: jax.Array
    pair_codes: jax.Array
    diagonal_codes: jax.Array
    diagonal_states: jax.Array
    diagonal_targets: jax.Array
    directions: jax.Array
    n_codes: int = field(metadata={"static": True})
    n_diagonal_codes: int = field(metadata={"static": True})

    @property
    def n_states(self) -> int:
        """Length of arrays over states."""
        return int(self.directions.shape[-1])

    @property
    def is_state(self) -> jax.Array:
        """(n_states, 1) bool: marks what is a state, and not there to fill up."""
        return (jnp.arange(self.n_states) < self.dimension)[:, None]


# One for each structure in use: sorting and sending it takes longer than a training step.
_LAYOUTS: WeakKeyDictionary[SubspaceStructure, Layout] = WeakKeyDictionary()


def layout_of(structure: SubspaceStructure) -> Layout:
    """Sort a structure for the device and send it there, or return what was sent before. Needs 64-bit mode."""
    known = _LAYOUTS.get(structure)
    if known is not None:
        return known
    d, tables = structure.dimension, structure.tables
    left, right, codes, of_diagonal = structure.left, structure.right, structure.codes, structure.diagonal_codes
    both, other = np.concatenate([left, right]), np.concatenate([right, left])
    n_codes, n_diagonal_codes = tables.off_diagonal.n_codes, tables.diagonal.n_codes
    rows, (columns, entry_codes) = _chunks(both, d, (other, d), (np.concatenate([codes, codes]), 0))
    pair_codes, (pair_left, pair_right) = _chunks(codes, n_codes, (left, d), (right, d))
    states = np.repeat(np.arange(d, dtype=np.int32), of_diagonal.shape[1])
    diagonal_targets, (diagonal_states,) = _chunks(of_diagonal.ravel(), n_diagonal_codes, (states, d))
    n_states = padded(d + 1, _SMALLEST)
    directions = np.zeros((2, 2, n_states))
    for level, (first, again) in enumerate(directions):
        fill_at_random(first[:d], level)
        fill_at_random(again[:d], 100 + level)
    layout = Layout(
        dimension=jnp.asarray(d, dtype=np.int32),
        columns=jnp.asarray(columns),
        codes=jnp.asarray(entry_codes),
        rows=jnp.asarray(rows),
        pair_left=jnp.asarray(pair_left),
        pair_right=jnp.asarray(pair_right),
        pair_codes=jnp.asarray(pair_codes),
        diagonal_codes=jnp.asarray(np.pad(of_diagonal.T, ((0, 0), (0, n_states - d)))),
        diagonal_states=jnp.asarray(diagonal_states),
        diagonal_targets=jnp.asarray(diagonal_targets),
        directions=jnp.asarray(directions),
        n_codes=n_codes,
        n_diagonal_codes=n_diagonal_codes,
    )
    _LAYOUTS[structure] = layout
    return layout


def _chunks(
    targets: NDArray[Any], n_targets: int, *parts: tuple[NDArray[Any], int]
) -> tuple[NDArray[np.int32], list[NDArray[Any]]]:
    """Sort entries by target and cut those of one target into chunks of equal width.

    Each part is an array over entries and what fills up a chunk. Returns the target of each chunk, ``n_targets`` for
    chunks that fill up the array, and the parts (width, n_chunks).
    """
    counts = np.bincount(targets, minlength=n_targets)
    n_chunks = -(-counts // _WIDTH)
    length = padded(int(n_chunks.sum()), _SMALLEST)
    owners = np.full(length, n_targets, dtype=np.int32)
    owners[: n_chunks.sum()] = np.repeat(np.arange(n_targets), n_chunks)
    order = np.argsort(targets, kind="stable")
    # Entry k of a target sits k places behind the first place of the target's chunks.
    shifts = _WIDTH * (np.cumsum(n_chunks) - n_chunks) - (np.cumsum(counts) - counts)
    places = np.arange(len(targets)) + np.repeat(shifts, counts)
    filled = []
    for values, filling in parts:
        flat = np.full(length * _WIDTH, filling, dtype=values.dtype)
        flat[places] = values[order]
        filled.append(np.ascontiguousarray(flat.reshape(length, _WIDTH).T))
    return owners, filled
