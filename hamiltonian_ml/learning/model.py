"""What is learned: coefficients of the bias, feature and label operators, and the start values that train well.

In: sizes and a seed. Out: `Parameters`, a tree of arrays that JAX and optax understand; and the readout of logits.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis

Array = jax.Array | NDArray[np.float64]  # traced by JAX while training, plain NumPy while predicting

FIELD = 1.0  # strength of the start field along z, which sets the energy unit


class Parameters(NamedTuple):
    """Coefficients of all learned operators in one `PauliBasis`.

    Attributes
    ----------
    bias : (n_terms,) float
        Coefficients of B, in the energy unit of the start field.
    features : (n_features, n_terms) float
        Coefficients of the X_f, in energy per unit of the feature.
    labels : (n_outputs, n_terms) float
        Coefficients of the O_k, dimensionless.
    intercepts : (n_outputs,) float
        Constants c_k added to the logits.
    """

    bias: Array
    features: Array
    labels: Array
    intercepts: Array


def initial_parameters(
    basis: PauliBasis, n_features: int, n_outputs: int, *, seed: np.random.SeedSequence, scale: float = 0.02
) -> Parameters:
    """Draw start values near a field along z.

    Parameters
    ----------
    basis : PauliBasis
        Strings of all operators.
    n_features, n_outputs : int
        Numbers of feature and label operators.
    seed : numpy.random.SeedSequence
        Source of the random part.
    scale : float
        Standard deviation of every coefficient around its mean, in units of the field.

    Notes
    -----
    The field keeps the gap open and the state within few basis states. With start values of equal size in all
    directions, 99 % of the weight of a ground state would need about ``2**(0.88 n)`` basis states.
    """
    rng = np.random.default_rng(seed)
    bias = scale * rng.standard_normal(basis.n_terms)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    bias[fields] -= FIELD
    features = scale * rng.standard_normal((n_features, basis.n_terms))
    labels = scale * rng.standard_normal((n_outputs, basis.n_terms))
    return Parameters(bias, features, labels, np.zeros(n_outputs))


def readout(parameters: Parameters, expectations: Array) -> Array:
    """Return the outputs <O_k> + c_k (n_rows, n_outputs) from the expectation values <P_p> (n_rows, n_terms)."""
    return expectations @ parameters.labels.T + parameters.intercepts
