"""What is learned: coefficients of the bias, feature and label operators, and the start values that train well.

In: sizes and a seed. Out: `Parameters`, a tree of arrays that JAX understands; and the readout of logits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.feature_maps import Array, FeatureMap, Features, n_maps

FIELD = 1.0  # strength of the start field along z, which sets the energy unit


class Parameters(NamedTuple):
    """Coefficients of all learned operators in one `PauliBasis`.

    Attributes
    ----------
    bias : (n_terms,) float
        Coefficients of B, in the energy unit of the start field.
    features : (n_maps, n_terms) float
        Coefficients of the X_m, in energy per unit of the map; by default there is one map a feature.
    labels : (n_outputs, n_terms) float
        Coefficients of the O_k, dimensionless.
    intercepts : (n_outputs,) float
        Constants c_k added to the logits.
    maps : callable
        From features to maps, with what is learned in it; see `learning.feature_maps`.
    """

    bias: Array
    features: Array
    labels: Array
    intercepts: Array
    maps: FeatureMap = Features()

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}: {np.shape(value)}" for name, value in zip(self._fields[:4], self[:4], strict=True))
        return f"Parameters({shapes}, maps: {type(self.maps).__name__})"


def initial_parameters(
    basis: PauliBasis,
    n_features: int,
    n_outputs: int,
    *,
    seed: np.random.SeedSequence,
    scale: float = 0.02,
    maps: FeatureMap | None = None,
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
    maps : callable, optional
        With start values in it; the features themselves by default.

    Notes
    -----
    The field keeps the gap open and the state within few basis states. With start values of equal size in all
    directions, 99 % of the weight of a ground state would need about ``2**(0.88 n)`` basis states.
    """
    rng = np.random.default_rng(seed)
    bias = scale * rng.standard_normal(basis.n_terms)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    bias[fields] -= FIELD
    maps = Features() if maps is None else maps
    features = scale * rng.standard_normal((n_maps(maps, n_features), basis.n_terms))
    labels = scale * rng.standard_normal((n_outputs, basis.n_terms))
    return Parameters(bias, features, labels, np.zeros(n_outputs), maps)


def readout(parameters: Parameters, expectations: Array) -> Array:
    """Return the outputs <O_k> + c_k (n_rows, n_outputs) from the expectation values <P_p> (n_rows, n_terms)."""
    return expectations @ parameters.labels.T + parameters.intercepts
