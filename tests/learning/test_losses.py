"""Losses against their formulas in plain NumPy, and limits of the readout and the start values."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.losses import softmax_cross_entropy, squared_error
from hamiltonian_ml.learning.model import Parameters, initial_parameters, readout


def test_cross_entropy_is_the_weighted_mean_of_minus_log_probability(rng):
    logits, classes, weights = rng.normal(size=(6, 3)), rng.integers(0, 3, 6), rng.random(6)
    expected = -np.average(log_softmax(logits, axis=1)[np.arange(6), classes], weights=weights)
    got = softmax_cross_entropy(logits, np.eye(3)[classes], weights)
    np.testing.assert_allclose(got, expected, rtol=1e-6)  # single precision


def test_squared_error_is_half_the_weighted_mean_square(rng):
    outputs, targets, weights = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.random(5)
    expected = 0.5 * np.average(((outputs - targets) ** 2).sum(axis=1), weights=weights)
    np.testing.assert_allclose(squared_error(outputs, targets, weights), expected, rtol=1e-6)  # single precision


def test_readout_is_a_sum_over_strings_plus_a_constant(rng):
    parameters = Parameters(np.zeros(4), np.zeros((1, 4)), rng.normal(size=(2, 4)), np.array([0.5, -0.5]))
    values = rng.normal(size=(3, 4))
    expected = [[labels @ row + c for labels, c in zip(parameters.labels, (0.5, -0.5), strict=True)] for row in values]
    np.testing.assert_allclose(readout(parameters, values), expected, rtol=1e-12)  # round-off


def test_start_values_are_a_field_along_z_and_little_else():
    basis = PauliBasis.chain(30)
    start = initial_parameters(basis, 4, 3, seed=np.random.SeedSequence(0))
    mean = np.zeros(basis.n_terms)
    mean[[k for k, name in enumerate(basis.short_labels) if name.startswith("Z") and " " not in name]] = -1.0
    assert np.abs(start.bias - mean).max() < 0.1  # five standard deviations of 0.02
    assert np.std(start.features) < 0.021
    assert start.labels.shape == (3, basis.n_terms)
