"""Feature maps phi_m: the features themselves, products or waves of them, fewer learned mixtures, or any JAX function.

In: rows of features. Out: maps, one row each. What is learned in a map are the leaves of its tree, so JAX and the
training loop need not know which it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Array = jax.Array | NDArray[np.float64]  # traced by JAX where it is differentiated, else plain NumPy
FeatureMap = Callable[[Array], Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Features:
    """The features themselves."""

    def __call__(self, features: Array) -> Array:
        """Return what came."""
        return features


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Products:
    """The features, their squares, and the products of any two: n (n + 3) / 2 maps of n features."""

    def __call__(self, features: Array) -> Array:
        """Return (n_rows, n_maps)."""
        first, second = np.triu_indices(features.shape[1])
        kind: Any = jnp if isinstance(features, jax.Array) else np
        mapped: Array = kind.concatenate([features, features[:, first] * features[:, second]], axis=1)
        return mapped


@partial(jax.tree_util.register_dataclass, data_fields=["frequencies"], meta_fields=[])
@dataclass(frozen=True)
class Waves:
    """The features, and sine and cosine of each at learned frequencies.

    Attributes
    ----------
    frequencies : (n_waves, n_features) float
        In radians per unit of the feature.
    """

    frequencies: Array

    def __call__(self, features: Array) -> Array:
        """Return (n_rows, n_features (1 + 2 n_waves))."""
        traced = isinstance(features, jax.Array) or isinstance(self.frequencies, jax.Array)
        kind: Any = jnp if traced else np
        angles = (features[:, None, :] * self.frequencies).reshape(len(features), -1)
        mapped: Array = kind.concatenate([features, kind.sin(angles), kind.cos(angles)], axis=1)
        return mapped


@partial(jax.tree_util.register_dataclass, data_fields=["parameters"], meta_fields=["function"])
@dataclass(frozen=True)
class Mapped:
    """A JAX function of the rows with parameters of its own.

    Attributes
    ----------
    function : callable
        ``function(parameters, features)`` returns (n_rows, n_maps).
    parameters : tree of arrays or None
        Learned with everything else. None is not passed on.
    """

    function: Callable[..., Any]
    parameters: Any

    def __call__(self, features: Array) -> Array:
        """Return (n_rows, n_maps), in double precision whatever JAX is set to."""
        if isinstance(features, jax.Array):
            return self._called(self.parameters, features)
        with jax.enable_x64(True):
            found = self._called(jax.tree.map(jnp.asarray, self.parameters), jnp.asarray(features))
            return np.asarray(found, dtype=np.float64)

    def _called(self, parameters: Any, features: jax.Array) -> jax.Array:
        """Call the function, without parameters if there are none."""
        found = self.function(features) if parameters is None else self.function(parameters, features)
        return jnp.asarray(found)


@partial(jax.tree_util.register_dataclass, data_fields=["inner", "mixing"], meta_fields=[])
@dataclass(frozen=True)
class Mixtures:
    """Fewer, learned linear mixtures of other maps: the operators of all maps share a few.

    Attributes
    ----------
    inner : Features, Products, Waves or Mapped
    mixing : (n_inner_maps, rank) float
        Dimensionless.
    """

    inner: Any
    mixing: Array

    def __call__(self, features: Array) -> Array:
        """Return (n_rows, rank)."""
        mixed: Array = self.inner(features) @ self.mixing
        return mixed


def n_maps(maps: FeatureMap, n_features: int) -> int:
    """Return how many maps there are of so many features."""
    return int(maps(np.zeros((1, n_features))).shape[1])


def mix(maps: FeatureMap, n_features: int, rank: int | None, *, seed: np.random.SeedSequence) -> FeatureMap:
    """Return maps, or ``rank`` random mixtures of them where these are fewer; None leaves the maps as they are.

    The mixtures of maps of unit variance start with unit variance.
    """
    count = n_maps(maps, n_features)
    if rank is None or rank >= count:
        return maps
    return Mixtures(maps, np.random.default_rng(seed).standard_normal((count, rank)) / np.sqrt(count))
