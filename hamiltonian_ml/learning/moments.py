"""The state of the optimiser: a vector for each moment; earlier versions had them in the shapes of the parameters.

In: either. Out: the one that is wanted.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.vectors import as_tree, as_vector


def in_vectors(memory: Any) -> Any:
    """Return a state with its moments in vectors."""
    if not isinstance(memory.mu, tuple):
        return memory
    return memory._replace(mu=as_vector(memory.mu), nu=as_vector(memory.nu))


def in_shapes(memory: Any, parameters: Parameters) -> Any:
    """Return a state with its moments in the shapes of the parameters."""
    if isinstance(memory.mu, tuple):
        return memory
    mu, nu = (as_tree(np.asarray(moment), parameters) for moment in (memory.mu, memory.nu))
    return memory._replace(mu=mu, nu=nu)


def from_leaves(leaves: list[Any], like: Any) -> Any:
    """Return a state like another one, from the leaves of either."""
    n = len(leaves) // 2
    if n > 1:
        leaves = [leaves[0], as_vector(leaves[1 : 1 + n]), as_vector(leaves[1 + n :])]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)
