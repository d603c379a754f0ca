"""How far ground states reach beyond their mean-field states: a penalty that keeps trained models truthful.

In: coefficients and the local frames. Out: the first-order weight outside the reference state, one number a row, with
its exact derivative. Training that looks at the labels alone drifts to large, badly conditioned operators whose ground
states no sampled subspace can hold, while the accuracy stays; this is what the certificate then complains of.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis

_FLOOR = 1e-2  # of a flip's energy, in units of the mean strength of a qubit: no single flip decides


def weight_and_gradient(
    basis: PauliBasis,
    coefficients: NDArray[np.float64],
    rotations: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Return the weighted mean over rows of `outside_weights`, and its derivative (n_rows, n_terms).

    The frames are held fixed. JAX must be in 64-bit mode.
    """
    edges = np.asarray(basis.edges, dtype=np.int64).reshape(-1, 2)
    value, gradient = _mean_and_gradient(coefficients, rotations, edges, weights / weights.sum())
    return float(value), np.asarray(gradient)


def outside_weights(coefficients: jax.Array, rotations: jax.Array, edges: jax.Array) -> jax.Array:
    """Return the weight of first order that each ground state has outside its reference state.

    Parameters
    ----------
    coefficients : (n_rows, n_terms) float
        Coefficients in a complete basis, in any energy unit: the result does not change if a row is scaled.
    rotations : (n_rows, n_qubits, 3, 3) float
        Local frames.
    edges : (n_edges, 2) int
        Edges of the basis.

    Returns
    -------
    (n_rows,) float
        Sum over single and pair flips of ``|<flipped|H|reference>|^2 / (energy of the flip)^2``. These are all states
        that H reaches from the reference in one step.
    """
    n_qubits = rotations.shape[1]
    first, second = edges[:, 0], edges[:, 1]
    fields = coefficients[:, : 3 * n_qubits].reshape(-1, n_qubits, 3)
    couplings = coefficients[:, 3 * n_qubits :].reshape(len(coefficients), -1, 3, 3)
    fields = jnp.einsum("rqab,rqb->rqa", rotations, fields)
    couplings = jnp.einsum("reab,rebc,redc->read", rotations[:, first], couplings, rotations[:, second])
    # The field that a qubit feels when its neighbours are all up.
    felt = fields.at[:, first].add(couplings[:, :, :, 2]).at[:, second].add(couplings[:, :, 2, :])
    single_energies = -2 * felt[:, :, 2]
    pair_energies = single_energies[:, first] + single_energies[:, second] + 4 * couplings[:, :, 2, 2]
    single_sizes = felt[:, :, 0] ** 2 + felt[:, :, 1] ** 2
    created = (couplings[:, :, 0, 0] - couplings[:, :, 1, 1], couplings[:, :, 0, 1] + couplings[:, :, 1, 0])
    pair_sizes = created[0] ** 2 + created[1] ** 2
    floor = _FLOOR**2 * (coefficients**2).sum(axis=1, keepdims=True) / n_qubits
    single = (single_sizes / (single_energies**2 + floor)).sum(axis=1)
    return single + (pair_sizes / (pair_energies**2 + floor)).sum(axis=1)


@jax.jit
def _mean_and_gradient(
    coefficients: jax.Array, rotations: jax.Array, edges: jax.Array, shares: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(lambda c: shares @ outside_weights(c, rotations, edges))(coefficients)
