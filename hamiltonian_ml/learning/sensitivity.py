"""How outputs change with the features: the exact derivative through the ground state, inside the subspace.

In: parameters, rows and their ground states. Out: derivatives of every output with respect to every feature.
"""

from __future__ import annotations

import jax
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import GroundStates, pull_back
from hamiltonian_ml.learning.model import Parameters


def output_derivatives(
    parameters: Parameters, features: NDArray[np.float64], states: GroundStates, *, min_gap: float = 1e-3
) -> NDArray[np.float64]:
    """Return the derivatives (n_rows, n_outputs, n_features) of the outputs of rows by their features.

    Parameters
    ----------
    parameters : Parameters
        Of the model.
    features : (n_rows, n_features) float
        The rows.
    states : GroundStates
        Their ground states, from `hamiltonian_ml.learning.expectations.solve`.
    min_gap : float
        Gap floor, in units of a row's largest coefficient.

    Notes
    -----
    One linear system for each row and output. Subspace and local frames are held fixed.
    """
    labels = np.asarray(parameters.labels)
    found = np.empty((len(features), len(labels), features.shape[1]))
    with jax.enable_x64(True):
        _, to_features = jax.vjp(lambda rows: linear_embedding(parameters, rows), features)
        for k, operator in enumerate(labels):
            pulled = pull_back(states, np.broadcast_to(operator, states.expectations.shape), min_gap=min_gap)
            found[:, k] = to_features(pulled)[0]
    return found
