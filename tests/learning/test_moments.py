"""The optimiser's state, as it is kept now and as it was: each way there and back."""

from __future__ import annotations

import jax
import numpy as np
from optax import ScaleByAdamState

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.model import initial_parameters
from hamiltonian_ml.learning.moments import from_leaves, in_shapes, in_vectors
from hamiltonian_ml.learning.vectors import as_vector


def test_both_forms_hold_the_same_numbers():
    mu, nu = (initial_parameters(PauliBasis.chain(3), 2, 2, seed=np.random.SeedSequence(k)) for k in (0, 1))
    now = ScaleByAdamState(np.array(5), as_vector(mu), as_vector(nu))
    before = ScaleByAdamState(np.array(5), mu, nu)
    for state in (now, before):
        for found, expected in ((in_vectors(state), now), (in_shapes(state, mu), before)):
            assert jax.tree.structure(found) == jax.tree.structure(expected)
            jax.tree.map(np.testing.assert_array_equal, found, expected)
        jax.tree.map(np.testing.assert_array_equal, from_leaves(jax.tree.leaves(state), now), now)
