"""Choosing the subspace and the local frames for the Hamiltonians of some rows.

In: parameters, rows and a selection. Out: a structure that all rows share. Nothing here is ever differentiated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.selection.strategy import Selection
from hamiltonian_ml.subspace.boundary import Boundary, find_boundary
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A subspace, the local frames of the rows that it is meant in, what was measured, and the states around it."""

    structure: SubspaceStructure
    rotations: Array | None = None
    samples: Samples | None = None
    boundary: Boundary | None = None

    def of(self, rows: NDArray[np.intp]) -> Chosen:
        """Return the same with the frames of some of the rows only."""
        return self if self.rotations is None else replace(self, rotations=self.rotations[rows])


def choose(
    parameters: Parameters,
    features: Array,
    weights: Array,
    basis: PauliBasis,
    selection: Selection,
    settings: Settings,
    *,
    seed: np.random.SeedSequence,
) -> Chosen:
    """Choose a subspace for the Hamiltonians of some rows, in their local frames where these are wanted.

    The whole space is the same in all frames, so a selection that never needs a refresh gets none.
    """
    # In NumPy's double precision, whatever JAX is set to.
    coefficients = np.asarray(linear_embedding(Parameters(*map(np.asarray, parameters)), features))
    rotations = local_rotations(basis, coefficients, settings.local_frames and selection.needs_refresh)
    if rotations is not None:
        coefficients = rotate(basis, coefficients, rotations)
    selected = selection.select(basis, coefficients, weights, seed=seed)
    structure = restrict(basis, selected.subspace)
    # The whole space has no outside; elsewhere it is looked up only if training is to be penalised for it.
    boundary = find_boundary(structure) if settings.variance_penalty and selection.needs_refresh else None
    return Chosen(structure, rotations, selected.samples, boundary)


def local_rotations(basis: PauliBasis, coefficients: Array, wanted: bool) -> Array | None:
    """Return the rotations (n_rows, n_qubits, 3, 3) into the mean-field frames, or None if they are not wanted."""
    return mean_field_frames(basis, coefficients).rotations if wanted else None
