"""Choosing the subspace and the local frames for the Hamiltonians of some rows.

In: parameters, rows and a selection. Out: a structure that all rows share. Nothing here is ever differentiated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.selection.strategy import Selection
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A subspace chosen for some parameters, and the local frames of the training rows that it is meant in."""

    structure: SubspaceStructure
    rotations: Array | None
    samples: Samples | None


def choose(
    parameters: Parameters,
    features: Array,
    weights: Array,
    basis: PauliBasis,
    selection: Selection,
    local_frames: bool,
    *,
    seed: np.random.SeedSequence,
) -> Chosen:
    """Choose a subspace for the Hamiltonians of some rows, in their local frames where these are wanted.

    The whole space is the same in all frames, so a selection that never needs a refresh gets none.
    """
    # In NumPy's double precision, whatever JAX is set to.
    coefficients = np.asarray(linear_embedding(Parameters(*map(np.asarray, parameters)), features))
    rotations = local_rotations(basis, coefficients, local_frames and selection.needs_refresh)
    if rotations is not None:
        coefficients = rotate(basis, coefficients, rotations)
    selected = selection.select(basis, coefficients, weights, seed=seed)
    return Chosen(restrict(basis, selected.subspace), rotations, selected.samples)


def local_rotations(basis: PauliBasis, coefficients: Array, wanted: bool) -> Array | None:
    """Return the rotations (n_rows, n_qubits, 3, 3) into the mean-field frames, or None if they are not wanted."""
    return mean_field_frames(basis, coefficients).rotations if wanted else None
