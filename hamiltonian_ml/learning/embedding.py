"""From features to Hamiltonian coefficients: H(x) = B - sum_m phi_m(x) X_m.

In: parameters and rows of features. Out: coefficients of all strings, one row each.
"""

from __future__ import annotations

from hamiltonian_ml.learning.feature_maps import Array
from hamiltonian_ml.learning.model import Parameters


def linear_embedding(parameters: Parameters, features: Array) -> Array:
    """Return the coefficients (n_rows, n_terms) of H(x) = B - sum_m phi_m(x) X_m for features (n_rows, n_features)."""
    return parameters.bias - parameters.maps(features) @ parameters.features
