"""A tree of arrays as one vector, and back.

In: parameters, or anything of their shapes. Out: their numbers in a row, in the order in which JAX lists the leaves.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.learning.padding import padded

_SMALLEST = 1024  # numbers: most models share what is compiled


def flattened(tree: Any) -> Floats:
    """Return all numbers of a tree of arrays in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)], dtype=np.float64)


def as_vector(tree: Any) -> Floats:
    """Return the same filled up with zeros to one of few lengths."""
    numbers = flattened(tree)
    return np.concatenate([numbers, np.zeros(padded(len(numbers), _SMALLEST) - len(numbers))])


def as_tree(vector: Floats, like: Any) -> Any:
    """Return the numbers of a vector in the shapes of a tree, which is what either was given."""
    leaves, kind = jax.tree.flatten(like)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])
    parts = np.split(vector[: ends[-1]], ends[:-1])
    return jax.tree.unflatten(kind, [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)])
