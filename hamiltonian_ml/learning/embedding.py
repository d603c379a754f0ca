"""From features to Hamiltonian coefficients: H(x) = B - sum_m phi_m(x) X_m.

In: parameters and rows of features. Out: coefficients of all strings, one row each; and derivatives pulled back to the
parameters.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.learning.feature_maps import Array, FeatureMap, Features
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.padding import SMALLEST_MAPPED, pad_rows, pad_with_zeros


def linear_embedding(parameters: Parameters, features: Array) -> Array:
    """Return the coefficients (n_rows, n_terms) of H(x) = B - sum_m phi_m(x) X_m for features (n_rows, n_features)."""
    return embed(parameters, parameters.maps(features))


def map_rows(maps: FeatureMap, features: Floats) -> Floats:
    """Return the maps (n_rows, n_maps) of features (n_rows, n_features). JAX must be in 64-bit mode."""
    if isinstance(maps, Features):
        return features
    return np.asarray(_mapped(maps, pad_rows(features, SMALLEST_MAPPED)))[: len(features)]


def embed(parameters: Parameters, mapped: Array) -> Array:
    """Return the coefficients (n_rows, n_terms) for rows (n_rows, n_maps) that are mapped already."""
    return parameters.bias - mapped @ parameters.features


def pull_back_embedding(
    parameters: Parameters, features: Floats, mapped: Floats, cotangents: Floats
) -> tuple[Floats, Floats, FeatureMap]:
    """Pull derivatives with respect to the coefficients (n_rows, n_terms) back to bias, features and maps.

    JAX must be in 64-bit mode.
    """
    maps = parameters.maps
    if jax.tree.leaves(maps):
        pulled = np.asarray(-(cotangents @ parameters.features.T))
        rows = pad_rows(features, SMALLEST_MAPPED), pad_with_zeros(pulled, SMALLEST_MAPPED)
        maps = jax.tree.map(np.asarray, _pulled(maps, *rows))
    return cotangents.sum(axis=0), -(mapped.T @ cotangents), maps


@jax.jit
def _mapped(maps: FeatureMap, features: Array) -> jax.Array:
    return jnp.asarray(maps(features))


@jax.jit
def _pulled(maps: FeatureMap, features: Array, cotangents: Array) -> FeatureMap:
    _, pull = jax.vjp(lambda learned: jnp.asarray(learned(features)), maps)
    found: FeatureMap = pull(cotangents)[0]
    return found
