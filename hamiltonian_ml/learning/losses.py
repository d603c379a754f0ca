"""Weighted losses of the outputs. In: outputs, targets, weights. Out: one number, differentiable by JAX.

Rows of weight zero, which fill up a batch, must not count.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from hamiltonian_ml.learning.feature_maps import Array

Loss = Callable[[Array, Array, Array], jax.Array]


def softmax_cross_entropy(logits: Array, targets: Array, weights: Array) -> jax.Array:
    """Return the weighted mean of ``-log softmax(logits)[target]``, in nats.

    Shapes: logits (n_rows, n_classes), targets (n_rows, n_classes) one-hot, weights (n_rows,) with a positive sum.
    """
    each = -(targets * jax.nn.log_softmax(logits, axis=1)).sum(axis=1)
    return jnp.vdot(weights, each) / weights.sum()


def residual_cross_entropy(logits: Array, targets: Array, weights: Array) -> jax.Array:
    """Return `softmax_cross_entropy` of logits that are added to given ones.

    Shapes: logits (n_rows, n_classes), targets (n_rows, 2 n_classes): one-hot classes, then the given logits.
    """
    n_classes = targets.shape[1] // 2
    return softmax_cross_entropy(logits + targets[:, n_classes:], targets[:, :n_classes], weights)


def squared_error(outputs: Array, targets: Array, weights: Array) -> jax.Array:
    """Return half the weighted mean of the squared error, summed over outputs, in squared units of the targets.

    Shapes: outputs and targets (n_rows, n_outputs), weights (n_rows,) with a positive sum.
    """
    each = 0.5 * ((outputs - targets) ** 2).sum(axis=1)
    return jnp.vdot(weights, each) / weights.sum()
