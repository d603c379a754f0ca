"""Lengths that are rounded up: what is added changes nothing, and few of them are compiled for."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning import step, training
from hamiltonian_ml.learning.losses import residual_cross_entropy, softmax_cross_entropy, squared_error
from hamiltonian_ml.learning.model import initial_parameters
from hamiltonian_ml.learning.padding import pad_rows, pad_with_zeros, padded
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.vectors import as_tree, as_vector
from hamiltonian_ml.selection.full import FullSelection


@given(length=st.integers(1, 10**9))
def test_lengths_are_rounded_up_by_a_quarter_at_most(length):
    assert length <= padded(length) <= 1.25 * length
    assert padded(padded(length)) == padded(length)


def test_rows_that_fill_up_are_the_first_one_or_zeros():
    rows = np.arange(6.0).reshape(3, 2)
    again, zeros = pad_rows(rows, 64), pad_with_zeros(rows, 64)
    for filled, filling in ((again, rows[0]), (zeros, np.zeros(2))):
        np.testing.assert_array_equal(filled[:3], rows)
        np.testing.assert_array_equal(filled[3:], np.tile(filling, (61, 1)))
    assert pad_with_zeros(np.ones(65), 8).tolist() == [1.0] * 65 + [0.0] * 15


def test_a_tree_comes_back_from_its_vector():
    start = initial_parameters(PauliBasis.chain(3), 2, 2, seed=np.random.SeedSequence(0))
    vector = as_vector(start)
    assert len(vector) == 1024
    back = as_tree(vector, start)
    assert jax.tree.structure(back) == jax.tree.structure(start)
    for found, expected in zip(jax.tree.leaves(back), jax.tree.leaves(start), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("loss", "n_targets"), [(softmax_cross_entropy, 3), (residual_cross_entropy, 6), (squared_error, 3)]
)
def test_a_loss_and_its_slopes_do_not_depend_on_what_fills_up(loss, n_targets, rng):
    outputs, targets = rng.normal(size=(7, 3)), rng.normal(size=(7, n_targets))
    weights = rng.uniform(0.5, 2.0, 7)
    with jax.enable_x64(True):
        value, slopes = step._loss_slopes(outputs, targets, weights, loss)
        expected, wanted = jax.value_and_grad(loss)(outputs, targets, weights)
    assert value == pytest.approx(float(expected), abs=1e-14)  # the same sum in another order
    np.testing.assert_allclose(slopes, wanted, atol=1e-15)  # the same


@pytest.mark.parametrize("place", [0, 1])
def test_an_infinite_loss_is_infinite_in_whatever_row(place):
    targets = np.zeros((2, 1))
    targets[place] = 1e200
    with jax.enable_x64(True):
        assert step._loss_slopes(np.zeros((2, 1)), targets, np.ones(2), squared_error)[0] == np.inf


def test_a_fit_of_other_rows_and_features_compiles_nothing(rng):
    compiled = (step._compiled_slopes, training._update)

    def fit(n_rows, n_features, n_qubits):
        basis = PauliBasis.chain(n_qubits)
        start = initial_parameters(basis, n_features, 2, seed=np.random.SeedSequence(1))
        training.train(
            start, rng.normal(size=(n_rows, n_features)), np.eye(2)[rng.integers(0, 2, n_rows)], np.ones(n_rows),
            basis=basis, selection=FullSelection(), loss=softmax_cross_entropy, settings=Settings(max_iter=2),
            seed=np.random.SeedSequence(2), validation=(np.ones((3, n_features)), np.eye(2)[[0, 1, 0]], np.ones(3)),
        )  # fmt: skip
        return [function._cache_size() for function in compiled]

    before = fit(30, 2, 3)
    assert fit(64, 3, 4) == before
    assert all(size > 0 for size in before)
