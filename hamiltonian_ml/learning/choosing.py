"""Choosing the subspace and the local frames for the Hamiltonians of some rows.

In: parameters, rows and a selection. Out: a structure that all rows share. Nothing here is ever differentiated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.selection.strategy import Selection, check_selected
from hamiltonian_ml.subspace.boundary import Boundary, find_boundary
from hamiltonian_ml.subspace.memory import check_memory
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict


@dataclass(frozen=True, eq=False)
class Chosen:
    """A subspace that all rows share.

    Attributes
    ----------
    structure : SubspaceStructure
        The strings in it.
    local_frames : bool
        Whether its basis states are meant in each row's own mean-field frame. Never where it is the whole space, which
        is the same in all frames.
    samples : Samples or None
        What was measured.
    boundary : Boundary or None
        The states around it, where training is penalised for them.
    """

    structure: SubspaceStructure
    local_frames: bool
    samples: Samples | None = None
    boundary: Boundary | None = None

    def rotations(self, coefficients: Floats) -> Floats | None:
        """Return the rotations (n_rows, n_qubits, 3, 3) into the rows' frames, or None for the computational axes."""
        return mean_field_frames(self.structure.basis, coefficients).rotations if self.local_frames else None


def choose(
    parameters: Parameters,
    features: Floats,
    weights: Floats,
    basis: PauliBasis,
    selection: Selection,
    settings: Settings,
    *,
    seed: np.random.SeedSequence,
) -> Chosen:
    """Choose a subspace for the Hamiltonians of some rows, in their local frames where these are wanted.

    Raises
    ------
    TypeError
        If the selection returns anything but a `Selected`.
    ValueError
        If it returns states of another number of qubits.
    MemoryError
        If so many states would not fit.
    """
    # In NumPy's double precision, whatever JAX is set to.
    coefficients = np.asarray(linear_embedding(jax.tree.map(np.asarray, parameters), features))
    chosen = choose_for(coefficients, weights, basis, selection, local_frames=settings.local_frames, seed=seed)
    return with_boundary(chosen, settings)


def with_boundary(chosen: Chosen, settings: Settings) -> Chosen:
    """Return the same with the states around it, if training is to be penalised for them."""
    if settings.variance_penalty and not chosen.structure.subspace.is_full:  # the whole space has no outside
        return replace(chosen, boundary=find_boundary(chosen.structure))
    return chosen


def choose_for(
    coefficients: Floats,
    weights: Floats,
    basis: PauliBasis,
    selection: Selection,
    *,
    local_frames: bool,
    seed: np.random.SeedSequence,
) -> Chosen:
    """Do the same for coefficients (n_rows, n_terms) in the computational axes, without the boundary."""
    if local_frames and selection.needs_refresh:  # any other choice does not depend on the coefficients
        coefficients = rotate(basis, coefficients, mean_field_frames(basis, coefficients).rotations)
    selected = check_selected(selection.select(basis, coefficients, weights, seed=seed), basis)
    check_memory(basis, selected.subspace.dimension, n_rows=len(coefficients))
    in_frames = local_frames and not selected.subspace.is_full
    return Chosen(restrict(basis, selected.subspace), in_frames, selected.samples)
