"""A second look at states in small subspaces: what they become when every state just outside is let in.

In: a certificate, and what it was made of. Out: the same, with overlaps, and trust only where they are large.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.subspace.boundary import Boundary
from hamiltonian_ml.subspace.certificate import TRUSTED_WEIGHT, Certificate
from hamiltonian_ml.subspace.ground_state import Levels, lowest_levels
from hamiltonian_ml.subspace.structure import SubspaceStructure, grow

MOST_STATES = 4096  # with the states just outside: a millisecond or two a row
_SOLVER_TOL = 1e-4  # an overlap is wrong by the square of residual over gap


def look_again(
    certificate: Certificate,
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    *,
    boundary: Boundary,
) -> Certificate:
    """Return a certificate that asks of trusted states that they hardly change among the states just outside.

    Parameters
    ----------
    certificate : Certificate
        From `certify`, with the other arguments.
    structure, coefficients, levels, boundary
        As in `certify`.

    Returns
    -------
    Certificate
        With ``overlap``: 1 where nothing lies outside, NaN where inside and outside are more than 4,096 states.

    Notes
    -----
    A subspace of a few states around the reference knows nothing of their neighbours' neighbours, and what first order
    estimates from the neighbours alone can be far off where couplings are as strong as the field.
    """
    n_outside = len(boundary.words)
    if n_outside == 0:
        return replace(certificate, overlap=np.ones(len(coefficients)))
    if structure.dimension + n_outside > MOST_STATES:
        return certificate
    larger = grow(structure, boundary.words)
    found = lowest_levels(larger, coefficients, n_levels=1, tol=_SOLVER_TOL).ground_states
    inside = found[:, larger.subspace.places(structure.subspace.words)]
    overlap = np.abs((inside.conj() * levels.ground_states).sum(axis=1)) ** 2
    return replace(certificate, overlap=overlap, trusted=certificate.trusted & (overlap >= TRUSTED_WEIGHT))
