"""The penalty on weight outside the mean-field state: its value, its derivative, its invariance."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.concentration import outside_weights, weight_and_gradient
from tests.reference.dense import dense_hamiltonian


@pytest.fixture(params=["chain", "ring"])
def problem(request, rng):
    basis = getattr(PauliBasis, request.param)(4)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.3 * rng.normal(size=(5, basis.n_terms)) - fields
    return basis, coeffs, mean_field_frames(basis, coeffs).rotations


def _outside(basis, coeffs, rotations):
    return np.asarray(outside_weights(coeffs, rotations, np.array(basis.edges)))


def test_weights_are_those_of_first_order_perturbation_theory_on_dense_matrices(problem):
    basis, coeffs, rotations = problem
    # Other frames than the mean field's own, so that single flips count too.
    rotations = np.roll(rotations, 1, axis=0)
    with jax.enable_x64(True):
        got = _outside(basis, coeffs, rotations)
    for row, turned in enumerate(rotate(basis, coeffs, rotations)):
        dense = dense_hamiltonian(basis.labels, turned)
        amplitudes, energies = dense[1:, 0], (dense.diagonal()[1:] - dense[0, 0]).real
        floor = 1e-4 * (coeffs[row] ** 2).sum() / basis.n_qubits
        assert got[row] == pytest.approx((np.abs(amplitudes) ** 2 / (energies**2 + floor)).sum(), rel=1e-10)


def test_no_single_flip_counts_in_the_mean_field_frames(problem):
    basis, coeffs, rotations = problem
    pairs_only = coeffs.copy()
    turned = rotate(basis, coeffs, rotations)
    felt_x = turned[:, 0 : 3 * basis.n_qubits : 3].copy()
    for e, (i, j) in enumerate(basis.edges):
        block = turned[:, 3 * basis.n_qubits + 9 * e :][:, :9].reshape(-1, 3, 3)
        felt_x[:, i] += block[:, 0, 2]
        felt_x[:, j] += block[:, 2, 0]
    np.testing.assert_allclose(felt_x, 0, atol=1e-6)  # as far as the sweeps converged
    assert (_outside(basis, pairs_only, rotations) > 0).all()


def test_the_energy_unit_does_not_matter(problem):
    basis, coeffs, rotations = problem
    with jax.enable_x64(True):
        np.testing.assert_allclose(
            _outside(basis, 1e3 * coeffs, rotations), _outside(basis, coeffs, rotations), rtol=1e-12
        )


def test_the_derivative_agrees_with_central_differences(problem, rng):
    basis, coeffs, rotations = problem
    weights = rng.random(len(coeffs))
    with jax.enable_x64(True):
        _, gradient = weight_and_gradient(basis, coeffs, rotations, weights)
        for term in range(0, basis.n_terms, 5):
            shift = np.zeros_like(coeffs)
            shift[2, term] = 1e-5
            up, down = (weight_and_gradient(basis, coeffs + s * shift, rotations, weights)[0] for s in (1, -1))
            assert gradient[2, term] == pytest.approx((up - down) / 2e-5, abs=1e-8)  # truncation of the differences


def test_a_product_hamiltonian_has_no_weight_outside(rng):
    basis = PauliBasis.chain(5)
    coeffs = rng.normal(size=(3, basis.n_terms)) * (basis.paulis[:, 1] == 0)
    rotations = mean_field_frames(basis, coeffs).rotations
    with jax.enable_x64(True):
        np.testing.assert_allclose(_outside(basis, coeffs, rotations), 0, atol=1e-12)  # squares of round-off
