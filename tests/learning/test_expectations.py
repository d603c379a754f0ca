"""The exact derivative of ground-state expectation values, as a pair of functions and through JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hamiltonian_ml.bases.frames import mean_field_frames
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning.expectations import ground_state_expectations, pull_back, solve
from hamiltonian_ml.subspace.structure import restrict


@pytest.fixture(params=["full", "sampled", "framed"])
def problem(request, rng):
    """Return coefficients with open gaps, a structure and rotations, in three kinds of subspace."""
    basis = PauliBasis.chain(5)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    coeffs = 0.3 * rng.normal(size=(3, basis.n_terms)) - fields
    if request.param == "full":
        return coeffs, restrict(basis, Subspace.full(5)), None
    space = Subspace.from_integers([0, *rng.choice(np.arange(1, 32), size=13, replace=False).tolist()], 5)
    rotations = mean_field_frames(basis, coeffs).rotations if request.param == "framed" else None
    return coeffs, restrict(basis, space), rotations


def test_derivative_equals_central_differences(problem, rng):
    coeffs, structure, rotations = problem
    weights = rng.normal(size=coeffs.shape)

    def loss(values):
        return (weights * solve(values, structure, rotations, tol=1e-12).expectations).sum(axis=1)

    exact = pull_back(solve(coeffs, structure, rotations, tol=1e-12), weights, min_gap=0.0)
    step = 1e-4
    differences = np.empty_like(exact)
    for term in range(coeffs.shape[1]):
        shift = np.zeros_like(coeffs)
        shift[:, term] = step
        differences[:, term] = (loss(coeffs + shift) - loss(coeffs - shift)) / (2 * step)
    # Truncation of the differences, step**2 / 6 times a third derivative of up to about 100.
    np.testing.assert_allclose(exact, differences, atol=1e-6 * np.abs(exact).max())


def test_jax_gives_the_same_values_and_derivatives_compiled_or_not(problem, rng):
    coeffs, structure, rotations = problem
    weights = rng.normal(size=coeffs.shape)
    states = solve(coeffs, structure, rotations, tol=1e-10)
    expected = pull_back(states, weights)

    def loss(values):
        return (weights * ground_state_expectations(values, structure, rotations, tol=1e-10)).sum()

    with jax.enable_x64(True):
        for function in (jax.value_and_grad(loss), jax.jit(jax.value_and_grad(loss))):
            value, gradient = function(jnp.asarray(coeffs))
            assert gradient.dtype == jnp.float64
            # The tolerance over gaps.
            assert float(value) == pytest.approx((weights * states.expectations).sum(), abs=1e-9)
            np.testing.assert_allclose(gradient, expected, atol=1e-8 * np.abs(expected).max())  # solver's residual


def test_single_precision_callers_get_single_precision(problem):
    coeffs, structure, rotations = problem
    got = jax.grad(lambda c: ground_state_expectations(c, structure, rotations)[:, 2].sum())(
        jnp.asarray(coeffs, dtype=jnp.float32)
    )
    assert got.dtype == jnp.float32
    cotangents = np.zeros_like(coeffs)
    cotangents[:, 2] = 1.0
    expected = pull_back(solve(coeffs, structure, rotations), cotangents)
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())  # float32 amplitudes over the gap


def test_any_jax_model_can_stand_in_front(rng):
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    X = rng.normal(size=(4, 2))

    def loss(weights, values):
        hidden = jnp.tanh(values @ weights["in"])
        return ground_state_expectations(hidden @ weights["out"], structure, tol=1e-12)[:, 2].sum()

    with jax.enable_x64(True):
        weights = {"in": rng.normal(size=(2, 3)), "out": rng.normal(size=(3, structure.basis.n_terms))}
        gradient = jax.grad(loss)(weights, X)
        step = 1e-5
        up = {**weights, "in": weights["in"] + step * np.eye(2, 3)}
        down = {**weights, "in": weights["in"] - step * np.eye(2, 3)}
        difference = (loss(up, X) - loss(down, X)) / (2 * step)
    assert float(np.trace(gradient["in"][:, :2])) == pytest.approx(float(difference), rel=1e-5)  # differences


def test_expectations_in_local_frames_of_the_whole_space_are_those_without(rng):
    basis = PauliBasis.ring(4)
    coeffs = rng.normal(size=(3, basis.n_terms))
    structure = restrict(basis, Subspace.full(4))
    framed = solve(coeffs, structure, mean_field_frames(basis, coeffs).rotations, tol=1e-11)
    # The tolerance over gaps.
    np.testing.assert_allclose(framed.expectations, solve(coeffs, structure, tol=1e-11).expectations, atol=1e-9)


def test_a_wrong_shape_is_refused_before_any_work():
    structure = restrict(PauliBasis.chain(3), Subspace.full(3))
    with pytest.raises(ValueError, match=r"coefficients must have shape \(n_rows, 27\), got \(2, 15\)"):
        ground_state_expectations(jnp.ones((2, 15)), structure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tol": float("nan")}, "tol must be a finite number above 0, got nan"),
        ({"tol": -1.0}, "tol must be a finite number above 0, got -1.0"),
        ({"min_gap": float("nan")}, "min_gap must be a finite number of at least 0, got nan"),
    ],
)
def test_wrong_numbers_are_refused_before_any_work(change, message):
    structure = restrict(PauliBasis.chain(2), Subspace.full(2))
    with pytest.raises(ValueError, match=message):
        ground_state_expectations(jnp.ones((1, 15)), structure, **change)
    with pytest.raises(ValueError, match="coefficients must be real"):
        ground_state_expectations(1j * jnp.ones((1, 15)), structure)


@pytest.mark.parametrize("second", [jax.hessian, lambda f: jax.grad(lambda x: (jax.grad(f)(x) ** 2).sum())])
def test_second_derivatives_are_refused_instead_of_zero(problem, second):
    coeffs, structure, rotations = problem
    with pytest.raises(NotImplementedError, match="ground_state_expectations has no second derivatives"):
        second(lambda x: ground_state_expectations(x, structure, rotations)[0, 2])(jnp.asarray(coeffs))


def test_equal_arguments_beside_the_coefficients_are_compiled_once(problem, caplog):
    coeffs, structure, rotations = problem
    slope = jax.grad(lambda c: ground_state_expectations(c, structure, rotations)[:, 2].sum())
    slope(jnp.asarray(coeffs))
    with jax.log_compiles(), caplog.at_level("WARNING"):
        slope(jnp.asarray(coeffs) + 0.1)
        ground_state_expectations(jnp.asarray(coeffs), structure, None if rotations is None else rotations.copy())
    assert "callback" not in caplog.text


def test_callbacks_that_run_in_another_thread_keep_64_bits(problem):
    """While a large product is under way, JAX dispatches what follows from a thread in its default precision."""
    coeffs, structure, rotations = problem
    expected = solve(coeffs, structure, rotations, tol=1e-10).expectations
    with jax.enable_x64(True):
        large = jnp.ones((700, 700))
        for _ in range(5):
            late = jnp.asarray(coeffs) + 0.0 * (large @ large @ large).sum()
            got = ground_state_expectations(late, structure, rotations, tol=1e-10)
            np.testing.assert_allclose(got, expected, atol=1e-8)  # the solver's residual
