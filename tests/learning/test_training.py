"""The training loop: its gradient, its schedule, its seeds."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning import step as learning_step
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import ground_state_expectations
from hamiltonian_ml.learning.gradient_check import gradient_deviation
from hamiltonian_ml.learning.losses import softmax_cross_entropy, squared_error
from hamiltonian_ml.learning.model import initial_parameters, readout
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import TrainingDivergedError, loss_and_gradients
from hamiltonian_ml.learning.training import train
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.strategy import Selected
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.structure import restrict


class CountingSelection:
    """Picks a random half of the states and remembers when it was asked, and with what seed."""

    needs_refresh = True

    def __init__(self):
        self.seeds = []

    def select(self, basis, coefficients, weights, *, seed):
        self.seeds.append(seed)
        states = np.random.default_rng(seed).choice(2**basis.n_qubits, 2**basis.n_qubits // 2, replace=False)
        return Selected(Subspace.from_integers([0, *states.tolist()], basis.n_qubits))


@pytest.fixture
def task(rng):
    X = rng.normal(size=(30, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    basis = PauliBasis.chain(3)
    start = initial_parameters(basis, 2, 2, seed=np.random.SeedSequence(1))
    return start, X, np.eye(2)[y], np.ones(30), basis


def _train(task, selection=None, seed=5, **settings):
    start, X, targets, weights, basis = task
    return train(
        start, X, targets, weights, basis=basis, selection=selection or FullSelection(), loss=softmax_cross_entropy,
        settings=Settings(**{"max_iter": 12, "learning_rate": 0.1, "tol": 0.0} | settings),
        seed=np.random.SeedSequence(seed),
    )  # fmt: skip


def test_the_gradient_of_a_step_is_that_of_jax_through_the_whole_model(task):
    start, X, targets, weights, basis = task
    structure = restrict(basis, Subspace.from_integers([0, 1, 3, 4, 6], 3))
    alpha = 0.3

    def whole(parameters):
        expectations = ground_state_expectations(linear_embedding(parameters, X), structure, tol=1e-11)
        penalty = 0.5 * alpha * ((parameters.features**2).sum() + (parameters.labels**2).sum())
        return softmax_cross_entropy(readout(parameters, expectations), targets, weights) + penalty

    with jax.enable_x64(True):
        got = loss_and_gradients(
            start,
            (X, targets, weights),
            Chosen(structure, local_frames=False),
            softmax_cross_entropy,
            Settings(alpha=alpha, solver_tol=1e-11),
        )
        expected, expected_gradients = jax.value_and_grad(whole)(jax.tree.map(jax.numpy.asarray, start))
    assert got.loss == pytest.approx(float(expected), abs=1e-10)
    for found, wanted in zip(jax.tree.leaves(got.gradients), jax.tree.leaves(expected_gradients), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-8)  # the solver's residual over the gap


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
def test_the_gradient_agrees_with_central_differences(task, loss):
    _, X, targets, weights, basis = task
    trained = _train(task).parameters
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 5, 7], 3))
    with jax.enable_x64(True):
        assert (
            gradient_deviation(trained, (X, targets, weights), Chosen(structure, local_frames=False), loss, alpha=0.1)
            < 1e-6
        )


def test_a_wrong_gradient_is_noticed_by_the_check(task, monkeypatch):
    _, X, targets, weights, basis = task
    structure, trained = restrict(basis, Subspace.full(3)), _train(task).parameters
    right = learning_step.pull_back
    monkeypatch.setattr(learning_step, "pull_back", lambda *a, **k: 1.01 * right(*a, **k))
    with jax.enable_x64(True):
        deviation = gradient_deviation(
            trained, (X, targets, weights), Chosen(structure, local_frames=False), softmax_cross_entropy
        )
    assert deviation > 1e-3


def test_the_gradient_of_the_variance_penalty_agrees_with_central_differences(task):
    _, X, targets, weights, basis = task
    trained = _train(task).parameters
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 5], 3))
    chosen = Chosen(structure, local_frames=False, boundary=find_boundary(structure))
    with jax.enable_x64(True):
        batch = (X, targets, weights)
        assert gradient_deviation(trained, batch, chosen, softmax_cross_entropy, variance_penalty=0.5) < 1e-6


def test_the_penalty_lowers_the_variance_outside(task):
    start = initial_parameters(task[4], 2, 2, seed=np.random.SeedSequence(1), scale=0.3)
    ends = [
        _train((start, *task[1:]), CountingSelection(), variance_penalty=strength, max_iter=30, refresh_every=100)
        .epochs[-1]
        .outside_variance
        for strength in (1e-6, 1.0)
    ]
    assert ends[1] < 0.3 * ends[0]


def test_training_lowers_the_loss_and_records_every_epoch(task):
    trained = _train(task, max_iter=40)
    losses = [epoch.loss for epoch in trained.epochs]
    assert losses[-1] < 0.5 * losses[0]
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)  # start values know nothing of two classes
    assert all(epoch.dimension == 8 and epoch.smallest_gap > 0 and epoch.gradient_norm > 0 for epoch in trained.epochs)


def test_equal_seeds_train_equal_models_and_others_do_not(task):
    runs = [_train(task, CountingSelection(), seed=s, batch_size=8).parameters.labels for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


def test_samples_are_refreshed_on_schedule_and_once_more_at_the_end(task):
    selection = CountingSelection()
    trained = _train(task, selection, max_iter=7, refresh_every=3)
    assert [k for k, epoch in enumerate(trained.epochs) if epoch.refreshed] == [0, 3, 6]
    assert len(selection.seeds) == 4
    assert len({tuple(seed.generate_state(4)) for seed in selection.seeds}) == 4


def test_a_whole_space_is_chosen_once(task):
    assert [epoch.refreshed for epoch in _train(task).epochs] == [True] + [False] * 11


def test_a_row_of_weight_two_does_what_two_equal_rows_do(task):
    start, X, targets, _, basis = task
    heavy = np.ones(30)
    heavy[:10] = 2.0
    weighted = _train((start, X, targets, heavy, basis)).parameters
    twice = np.concatenate([X, X[:10]]), np.concatenate([targets, targets[:10]])
    repeated = _train((start, *twice, np.ones(40), basis)).parameters
    for a, b in zip(jax.tree.leaves(weighted), jax.tree.leaves(repeated), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)  # both solve to 1e-6 and take 12 steps


def test_training_stops_when_the_loss_no_longer_falls(task):
    trained = _train(task, tol=10.0, n_iter_no_change=3)
    assert trained.converged
    assert len(trained.epochs) == 4


def test_a_loss_that_overflows_ends_in_one_clear_error(task):
    start, X, targets, weights, basis = task
    with pytest.raises(TrainingDivergedError, match="learning_rate"):
        _train((start, 1e50 * X, targets, weights, basis), learning_rate=1e60)
