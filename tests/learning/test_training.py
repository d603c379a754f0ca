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
from hamiltonian_ml.learning.model import Parameters, initial_parameters, readout
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


def _mean_output(outputs, targets, weights):
    return (weights @ outputs).mean() / weights.sum()


def _train(task, selection=None, seed=5, loss=softmax_cross_entropy, on_epoch=None, **settings):
    start, X, targets, weights, basis = task
    return train(
        start, X, targets, weights, basis=basis, selection=selection or FullSelection(), loss=loss,
        settings=Settings(**{"max_iter": 12, "learning_rate": 0.1, "tol": 0.0} | settings),
        seed=np.random.SeedSequence(seed), on_epoch=on_epoch,
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
    assert got.loss == pytest.approx(float(expected), abs=1e-10)  # the solver's residual
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
            < 1e-6  # differences are good to about 1e-8
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
        # Differences are good to about 1e-8.
        assert gradient_deviation(trained, batch, chosen, softmax_cross_entropy, variance_penalty=0.5) < 1e-6


@pytest.mark.parametrize("min_gap", [0.0, 0.1, 0.5])
def test_a_gap_below_the_floor_counts_as_the_floor_in_the_gradient_of_a_step(min_gap):
    """Z0 Z1 leaves |01> and |10>, which a small field sets 0.02 apart; X0 X1 mixes them in proportion to 1 / gap."""
    basis = PauliBasis.chain(2)
    bias, labels = np.zeros(15), np.zeros((1, 15))
    bias[basis.labels.index("ZZ")], bias[basis.labels.index("IZ")] = 1.0, 0.01
    labels[0, basis.labels.index("XX")] = 1.0
    parameters = Parameters(bias, np.zeros((1, 15)), labels, np.zeros(1))
    chosen, batch = Chosen(restrict(basis, Subspace.full(2)), local_frames=False), (np.zeros((1, 1)),) * 2
    with jax.enable_x64(True):
        step = loss_and_gradients(parameters, (*batch, np.ones(1)), chosen, _mean_output, Settings(min_gap=min_gap))
    got = step.gradients.bias[basis.labels.index("XX")]
    assert got == pytest.approx(-2 / max(0.02, min_gap), rel=1e-3)  # the gap is found to a few digits


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


def test_steps_keep_their_length_for_half_of_the_epochs_and_then_shrink_linearly_to_zero(task):
    """Under a constant slope, each step of Adam is as long as the learning rate."""
    seen = [0.0]
    _train(task, loss=_mean_output, on_epoch=lambda run: seen.append(float(run.parameters.intercepts[0])))
    expected = 0.1 * np.array([1, 1, 1, 1, 1, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    np.testing.assert_allclose(-np.diff(seen), expected, rtol=1e-6)  # Adam adds 1e-8 to the size of the slope


def test_the_record_of_an_epoch_does_not_depend_on_how_rows_are_split(task, rng):
    start, X, targets, _, basis = task
    weighted = (start, X, targets, rng.uniform(size=30) ** 4, basis)
    whole, split = (
        _train(weighted, CountingSelection(), batch_size=size, learning_rate=0.0, max_iter=1, variance_penalty=0.1,
               solver_tol=1e-10).epochs[0]
        for size in (None, 8)
    )  # fmt: skip
    assert split.loss == pytest.approx(whole.loss, rel=1e-9)  # the solver's residual
    assert split.outside_variance == pytest.approx(whole.outside_variance, rel=1e-8)  # the same
    assert split.smallest_gap == pytest.approx(whole.smallest_gap, rel=1e-3)  # of two digits or so


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
