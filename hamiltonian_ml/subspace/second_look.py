"""A second look at states in small subspaces: what they become when every state just outside is let in.

In: a certificate, and what it was made of. Out: the same, with overlaps, and trust only where they are large.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.subspace.boundary import Boundary
from hamiltonian_ml.subspace.certificate import TRUSTED_WEIGHT, Certificate, certify
from hamiltonian_ml.subspace.ground_state import Levels, lowest_levels
from hamiltonian_ml.subspace.structure import SubspaceStructure, grow

MOST_STATES = 4096  # with the states just outside: a millisecond or two a row
_MANY = 1024  # rows for which it pays to compile the loops that solve them side by side: half a minute, once
_BLOCK = 256  # rows solved at a time, which bounds the memory
_SOLVER_TOL = 1e-4  # an overlap is wrong by the square of residual over gap


def certify_closely(
    structure: SubspaceStructure, coefficients: NDArray[np.float64], levels: Levels, *, boundary: Boundary
) -> Certificate:
    """Certify the lowest level of every row, and look again; arguments as in `certify`."""
    first = certify(structure, coefficients, levels, boundary=boundary)
    return look_again(first, structure, coefficients, levels, boundary=boundary)


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
    places = larger.subspace.places(structure.subspace.words)
    size = _BLOCK if len(coefficients) >= _MANY else 1
    overlap = np.empty(len(coefficients))
    for start in range(0, len(coefficients), size):
        rows = slice(start, start + size)
        found = lowest_levels(larger, coefficients[rows], n_levels=1, tol=_SOLVER_TOL).ground_states
        overlap[rows] = np.abs((found[:, places].conj() * levels.ground_states[rows]).sum(axis=1)) ** 2
    return replace(certificate, overlap=overlap, trusted=certificate.trusted & (overlap >= TRUSTED_WEIGHT))
