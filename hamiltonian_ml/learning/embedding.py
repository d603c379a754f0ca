"""From features to Hamiltonian coefficients: H(x) = B - sum_f x_f X_f.

In: parameters and rows of features. Out: coefficients of all strings, one row each. Ordinary JAX: differentiable, and
replaceable by any other function of the same shape.
"""

from __future__ import annotations

from hamiltonian_ml.learning.model import Array, Parameters


def linear_embedding(parameters: Parameters, features: Array) -> Array:
    """Return the coefficients (n_rows, n_terms) of H(x) = B - sum_f x_f X_f for features (n_rows, n_features)."""
    return parameters.bias - features @ parameters.features
