"""What selections see, and where there is nothing to look for."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning.choosing import choose
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import solve
from hamiltonian_ml.learning.losses import softmax_cross_entropy
from hamiltonian_ml.learning.model import initial_parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.training import train
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.strategy import Selected
from hamiltonian_ml.subspace import boundary

SEED = np.random.SeedSequence(4)


class SeeingSelection:
    """Takes some states and remembers for which Hamiltonians it was asked."""

    needs_refresh = True

    def select(self, basis, coefficients, weights, *, seed):
        self.seen = coefficients
        return Selected(Subspace.excitations(basis.n_qubits, 1))


@pytest.fixture
def task(rng):
    basis = PauliBasis.chain(4)
    return initial_parameters(basis, 2, 2, seed=SEED, scale=0.3), rng.normal(size=(9, 2)), basis


@pytest.mark.parametrize("local_frames", [True, False])
def test_a_selection_sees_the_hamiltonians_that_are_solved_in_its_states(task, local_frames):
    parameters, X, basis = task
    selection = SeeingSelection()
    chosen = choose(parameters, X, np.ones(9), basis, selection, Settings(local_frames=local_frames), seed=SEED)
    coefficients = np.asarray(linear_embedding(parameters, X))
    solved = solve(coefficients, chosen.structure, chosen.rotations(coefficients))
    np.testing.assert_allclose(selection.seen, solved.coefficients, atol=1e-12)  # round-off


def test_a_penalty_changes_nothing_in_the_whole_space_and_takes_no_memory_there(task, monkeypatch):
    parameters, X, basis = task
    monkeypatch.setattr(boundary, "free_memory", lambda: 0)  # so that a search for states outside would fail
    targets = np.eye(2)[(X[:, 0] > 0).astype(int)]
    plain, penalised = (
        train(
            parameters, X, targets, np.ones(9), basis=basis, selection=FullSelection(), loss=softmax_cross_entropy,
            settings=Settings(max_iter=3, variance_penalty=strength), seed=SEED,
        ).parameters
        for strength in (0.0, 0.5)
    )  # fmt: skip
    for found, expected in zip(jax.tree.leaves(penalised), jax.tree.leaves(plain), strict=True):
        np.testing.assert_array_equal(found, expected)
