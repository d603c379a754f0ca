"""The accelerator's code, on whatever device JAX has, against the compiled search of the CPU."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltonian_ml.bases.frames import mean_field_frames
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning import accelerator
from hamiltonian_ml.learning.accelerator_layout import layout_of
from hamiltonian_ml.learning.accelerator_search import images, response_bins, search_levels
from hamiltonian_ml.learning.expectations import ground_state_expectations, pull_back, solve
from hamiltonian_ml.subspace import ground_state, responses
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.ground_state import SolverError
from hamiltonian_ml.subspace.structure import restrict
from hamiltonian_ml.subspace.variance import outside_variance


def _structure(basis, dimension, rng):
    states = rng.choice(2**basis.n_qubits, size=dimension, replace=False)
    return restrict(basis, Subspace.from_integers(states.tolist(), basis.n_qubits))


def _coefficients(basis, n_rows, rng, *, real=False):
    """Return rows with a field along -z, which keeps most gaps open."""
    coeffs = 0.5 * rng.normal(size=(n_rows, basis.n_terms)) - (basis.paulis[:, 0] == 3) * (basis.paulis[:, 1] == 0)
    return coeffs * (basis.n_y % 2 == 0) if real else coeffs


@pytest.fixture(params=["chain", "ring", "real", "one row"])
def problem(request, rng):
    basis = PauliBasis.ring(5) if request.param == "ring" else PauliBasis.chain(5)
    coeffs = _coefficients(basis, 1 if request.param == "one row" else 7, rng, real=request.param == "real")
    return _structure(basis, 23, rng), coeffs


def test_levels_are_those_of_the_compiled_search(problem):
    structure, coeffs = problem
    expected = ground_state.lowest_levels(structure, coeffs, tol=1e-11, gap_tol=1e-8)
    got = accelerator.lowest_levels(structure, coeffs, tol=1e-11, gap_tol=1e-8)
    assert not got.fallback.any()
    assert got.states.dtype == expected.states.dtype
    # Energies are off by the square of a residual over a gap.
    np.testing.assert_allclose(got.energies, expected.energies, atol=1e-12)
    overlaps = np.einsum("rld,rld->rl", got.states.conj(), expected.states)
    np.testing.assert_allclose(np.abs(overlaps), 1, atol=1e-12)  # the same of overlaps


def test_a_tolerance_below_round_off_needs_no_help_of_the_cpu(problem):
    structure, coeffs = problem
    assert not accelerator.lowest_levels(structure, coeffs, tol=1e-16).fallback.any()


def test_steps_are_counted_as_in_the_compiled_search(problem):
    """To a loose tolerance, where round-off moves no step; each level is multiplied once more before it is believed."""
    structure, coeffs = problem
    expected, got = (solver.lowest_levels(structure, coeffs, tol=1e-4) for solver in (ground_state, accelerator))
    np.testing.assert_array_equal(got.products, expected.products)


def test_residuals_are_those_of_the_states(problem):
    structure, coeffs = problem
    levels = accelerator.lowest_levels(structure, coeffs, tol=1e-8)
    for row, (psi, energy) in enumerate(zip(levels.states[:, 0], levels.energies[:, 0], strict=True)):
        residual = np.linalg.norm(structure.matrix(coeffs[row]) @ psi - energy * psi)
        assert np.linalg.norm(psi) == pytest.approx(1, abs=1e-12)  # round-off of a sum of squares
        assert levels.residuals[row, 0] == pytest.approx(residual, abs=1e-13)  # round-off
        assert residual <= 1e-8 * np.abs(coeffs[row]).max() + 1e-13  # round-off


def test_expectation_values_are_those_of_the_compiled_loops(problem, rng):
    structure, coeffs = problem
    shape = (len(coeffs), structure.dimension)
    left, right = rng.normal(size=(2, *shape)) + 1j * rng.normal(size=(2, *shape))
    for bra, ket in ((left, left), (left.real, right)):
        got = accelerator.expectations(structure, bra, ket)
        np.testing.assert_allclose(got, ground_state.expectations(structure, bra, ket), atol=1e-12)  # round-off


def test_a_gradient_that_is_zero_needs_no_help(rng, monkeypatch):
    """For the objective H itself the right-hand side of the adjoint equation is round-off."""
    structure = _structure(PauliBasis.chain(5), 23, rng)
    coeffs = _coefficients(structure.basis, 7, rng)
    levels = accelerator.lowest_levels(structure, coeffs, tol=1e-12)
    monkeypatch.setattr(responses, "respond_rows", None)  # the compiled loop is not to be used
    got = accelerator.coefficient_gradients(structure, coeffs, levels, coeffs, tol=1e-11)
    np.testing.assert_allclose(got, 0.0, atol=1e-10)  # residuals over gaps


def test_gradients_are_those_of_the_compiled_search(problem, rng):
    structure, coeffs = problem
    cotangents = rng.normal(size=coeffs.shape)  # with strings that a real problem does not have
    levels = ground_state.lowest_levels(structure, coeffs, tol=1e-12)
    expected = ground_state.coefficient_gradients(structure, coeffs, levels, cotangents, tol=1e-12)
    got = accelerator.coefficient_gradients(structure, coeffs, levels, cotangents, tol=1e-12)
    np.testing.assert_allclose(got, expected, atol=1e-8 * np.abs(expected).max())  # tolerances of 1e-12 over gaps
    assert np.abs(expected).max() > 1e-2


def test_sources_of_other_objectives_have_the_gradient_of_the_compiled_search(problem, rng, monkeypatch):
    structure, coeffs = problem
    levels = ground_state.lowest_levels(structure, coeffs, tol=1e-12)
    pulls, sources = (
        rng.normal(size=coeffs.shape),
        outside_variance(structure, find_boundary(structure), coeffs, levels).sources,
    )
    arguments = structure, coeffs, levels, pulls
    expected = ground_state.coefficient_gradients(*arguments, sources=sources, tol=1e-12)
    without = ground_state.coefficient_gradients(*arguments, tol=1e-12)
    monkeypatch.setattr(responses, "respond_rows", None)  # the compiled loop is not to be used
    got = accelerator.coefficient_gradients(*arguments, sources=sources, tol=1e-12)
    np.testing.assert_allclose(got, expected, atol=1e-8 * np.abs(expected).max())  # tolerances of 1e-12 over gaps
    assert np.abs(expected - without).max() > 1e-3


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_levels_are_the_lowest_of_the_projected_matrix(seed):
    rng = np.random.default_rng(seed)
    structure = _structure(PauliBasis.chain(5), int(rng.integers(2, 33)), rng)
    coeffs = rng.normal(size=(7, structure.basis.n_terms))
    levels = accelerator.lowest_levels(structure, coeffs, tol=1e-8, gap_tol=1e-8)
    for row in range(7):
        exact = np.linalg.eigvalsh(structure.matrix(coeffs[row]).toarray())[:2]
        # An energy is off by the square of the residual over a gap: far below round-off unless gaps are tiny.
        np.testing.assert_allclose(levels.energies[row], exact, atol=1e-9)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_smallest_subspaces_are_solved(dimension, rng):
    structure = _structure(PauliBasis.chain(5), dimension, rng)
    coeffs = _coefficients(structure.basis, 7, rng)
    levels = accelerator.lowest_levels(structure, coeffs, gap_tol=1e-8)
    assert not levels.fallback.any()
    for row in range(7):
        exact = np.linalg.eigvalsh(structure.matrix(coeffs[row]).toarray())[:2]
        np.testing.assert_allclose(levels.energies[row], exact, atol=1e-12)  # residuals, squared
    cotangents = rng.normal(size=coeffs.shape)
    expected, got = (
        solver.coefficient_gradients(structure, coeffs, levels, cotangents) for solver in (ground_state, accelerator)
    )
    np.testing.assert_allclose(got, expected, atol=1e-8)  # the tolerance over gaps
    assert np.isinf(levels.gaps).all() == (dimension == 1)


@pytest.mark.parametrize("flips", [False, True])
def test_strings_that_flip_nothing_or_something_are_enough(flips, rng):
    full = PauliBasis.chain(3)
    keep = (full.x_masks[:, 0] != 0) == flips
    structure = restrict(full.subset(keep), Subspace.full(3))
    coeffs = rng.normal(size=(1, structure.basis.n_terms))
    levels = accelerator.lowest_levels(structure, coeffs)
    exact = np.linalg.eigvalsh(structure.matrix(coeffs[0]).toarray())[0]
    assert levels.energies[0, 0] == pytest.approx(exact, abs=1e-12)  # residuals, squared
    values = accelerator.expectations(structure, levels.ground_states, levels.ground_states)
    assert values[0] @ coeffs[0] == pytest.approx(exact, abs=1e-12)  # H is the sum of its strings


def test_more_than_64_qubits_make_no_difference(rng):
    basis = PauliBasis.chain(70)
    structure = restrict(basis, Subspace.span(70, basis.x_masks))  # flips of one qubit, of two neighbours, of none
    assert structure.dimension == 140
    coeffs = _coefficients(basis, 2, rng)
    expected, got = (solver.lowest_levels(structure, coeffs, tol=1e-11) for solver in (ground_state, accelerator))
    np.testing.assert_allclose(got.energies[:, 0], expected.energies[:, 0], atol=1e-11)  # residuals squared over gaps


def test_good_guesses_save_multiplications(rng):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    coeffs = _coefficients(structure.basis, 7, rng)
    cold = accelerator.lowest_levels(structure, coeffs)
    warm = accelerator.lowest_levels(structure, coeffs * 1.0001, guesses=cold.states)
    assert (warm.products < cold.products / 2).all()
    np.testing.assert_allclose(warm.energies[:, 0], 1.0001 * cold.energies[:, 0], rtol=1e-10)  # residuals, squared
    lowest_only = accelerator.lowest_levels(structure, coeffs, guesses=cold.states[:, :1])
    np.testing.assert_allclose(lowest_only.energies[:, 0], cold.energies[:, 0], rtol=1e-10)  # residuals, squared


def test_a_level_in_another_part_of_the_subspace_is_found():
    """No string leads from the first four states to the last, which lies below them."""
    basis = PauliBasis.chain(5)
    fields = np.tile(1.0 * (basis.paulis[:, 0] == 3) * (basis.paulis[:, 1] == 0), (7, 1))
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 3, 31], 5))
    levels = accelerator.lowest_levels(structure, fields, guesses=np.eye(5)[[[1, 2]] * 7])
    np.testing.assert_allclose(levels.energies[:, 0], -5.0, atol=1e-9)


def test_a_level_that_comes_out_lower_than_the_ground_level_takes_its_place():
    """XX + YY + ZZ on two qubits: started in a triplet, an exact eigenstate, the search meets the singlet second."""
    basis = PauliBasis.chain(5)
    coeffs = np.zeros((7, basis.n_terms))
    coeffs[0, [15, 19, 23]] = 1.0
    coeffs[1:, [2, 5]] = -1.0  # rows with the right start, a field on both qubits, stay as they are
    guesses = np.zeros((7, 1, 4))
    guesses[:, 0, 0] = 1.0
    structure = restrict(basis, Subspace.from_integers([0, 1, 2, 3], 5))
    levels = accelerator.lowest_levels(structure, coeffs, gap_tol=1e-8, guesses=guesses)
    np.testing.assert_allclose(levels.energies, [[-3.0, 1.0]] + 6 * [[-2.0, 0.0]], atol=1e-9)  # residuals, squared
    assert not levels.fallback.any()


def test_a_degenerate_ground_level_gets_the_same_state_and_the_same_floored_gradient(rng):
    basis = PauliBasis.chain(5)
    coeffs = np.zeros((7, basis.n_terms))
    coeffs[:, 15 + 8 :: 9] = 1.0  # antiferromagnetic ZZ: two ground states
    coeffs[:, 0:15:3] = np.linspace(0.0, 0.1, 7)[:, None]  # and a field that hardly splits them
    structure = restrict(basis, Subspace.full(5))
    states, on_cpu = (solve(coeffs, structure, tol=1e-10, device=device) for device in ("accelerator", "cpu"))
    assert (states.levels.gaps < 1e-3).all()
    # Residuals, squared.
    np.testing.assert_allclose(states.levels.energies[:, 0], on_cpu.levels.energies[:, 0], atol=1e-11)
    np.testing.assert_allclose(states.expectations[0], on_cpu.expectations[0], atol=1e-8)  # one start, one state
    cotangents = rng.normal(size=coeffs.shape)
    expected, got, free = (
        solver.coefficient_gradients(structure, coeffs, states.levels, cotangents, tol=1e-10, min_gap=min_gap)
        for solver, min_gap in ((ground_state, 0.05), (accelerator, 0.05), (accelerator, 0.5))
    )
    # The tolerance over the floor of gaps.
    np.testing.assert_allclose(got, expected, atol=1e-8 * np.abs(expected).max())
    assert np.abs(free).max() < 0.5 * np.abs(got).max()  # a higher floor damps more


def test_what_the_device_leaves_undone_the_cpu_finishes_and_says_so(rng, monkeypatch):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    coeffs = _coefficients(structure.basis, 7, rng)
    coeffs[3] = 0.0
    coeffs[3, 2] = 1.0  # this row is diagonal, and soon done
    proper = accelerator.lowest_levels(structure, coeffs, tol=1e-10)
    monkeypatch.setattr(accelerator, "MAX_PRODUCTS", 8)
    rescued = accelerator.lowest_levels(structure, coeffs, tol=1e-10)
    assert rescued.fallback.tolist() == [row != 3 for row in range(7)]
    np.testing.assert_allclose(rescued.energies[:, 0], proper.energies[:, 0], atol=1e-12)  # residuals, squared
    monkeypatch.setattr(accelerator, "MAX_RESPONSE_PRODUCTS", 0)
    expected, got = (
        solver.coefficient_gradients(structure, coeffs, proper, coeffs**2) for solver in (ground_state, accelerator)
    )
    np.testing.assert_allclose(got, expected, atol=1e-12)  # both are of the CPU


def test_a_tolerance_that_no_method_reaches_is_an_error(rng, monkeypatch):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    monkeypatch.setattr(accelerator, "MAX_PRODUCTS", 1)
    monkeypatch.setattr(ground_state, "MAX_PRODUCTS", 1)
    monkeypatch.setattr(ground_state, "lanczos_levels", lambda *arguments: (np.zeros(2), np.eye(2, 23), np.ones(2)))
    with pytest.raises(SolverError, match="raise tol or check the coefficients"):
        accelerator.lowest_levels(structure, rng.normal(size=(1, structure.basis.n_terms)))


def test_rows_beyond_the_memory_wait_for_the_next_batch(rng, monkeypatch):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    coeffs, cotangents = _coefficients(structure.basis, 7, rng), rng.normal(size=(7, structure.basis.n_terms))
    whole = solve(coeffs, structure, device="accelerator")
    monkeypatch.setattr(accelerator, "_LARGEST_BATCH", 1)  # at least one row at a time, however small
    parts = solve(coeffs, structure, device="accelerator")
    # The same steps, up to round-off.
    np.testing.assert_allclose(parts.levels.energies, whole.levels.energies, atol=1e-12)
    np.testing.assert_allclose(parts.expectations, whole.expectations, atol=1e-10)  # the same
    np.testing.assert_allclose(pull_back(parts, cotangents), pull_back(whole, cotangents), atol=1e-6)  # over gaps


def test_subspaces_of_nearly_one_size_share_what_is_compiled(rng):
    structures = [_structure(PauliBasis.chain(5), d, rng) for d in (2, 23, 30)]
    with jax.enable_x64(True):
        shapes = [jax.tree.map(jnp.shape, layout_of(structure)) for structure in structures]
    assert shapes[0] == shapes[1] == shapes[2]


def test_a_layout_holds_every_entry_once(rng):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    with jax.enable_x64(True):
        layout = layout_of(structure)
        assert layout_of(structure) is layout
    d = structure.dimension
    real = np.asarray(layout.columns) < d
    entries = sorted(zip(np.broadcast_to(layout.rows, real.shape)[real], np.asarray(layout.columns)[real], strict=True))
    pairs = list(zip(structure.left, structure.right, strict=True))
    assert entries == sorted(pairs + [(v, u) for u, v in pairs])
    assert (np.diff(layout.rows) >= 0).all()
    assert (np.diff(layout.pair_codes) >= 0).all()


def test_what_a_gpu_gets_adds_no_complex_numbers_in_memory_and_calls_nobody_back(rng):
    """JAX writes programs for devices that are not there.

    GPUs would add 128 bits to memory one number after the other, so it has to add real and imaginary parts apart.
    """
    structure = _structure(PauliBasis.chain(5), 23, rng)
    tables, diagonal_tables = structure.element_tables(rng.normal(size=(2, structure.basis.n_terms)))
    with jax.enable_x64(True):
        layout = layout_of(structure)
        states = np.zeros((2, 2, layout.n_states), dtype=complex)
        data, limits = (layout, tables, diagonal_tables), np.ones((2, 2))
        programs = [
            search_levels.trace(*data, states, np.ones(2, dtype=bool), limits, 400),
            response_bins.trace(*data, states[:, 0], states[:, 0], limits[0], 1e-8, 400),
            images.trace(*data, states[:, 0]),
        ]
        for program in programs:
            text = program.lower(lowering_platforms=("cuda",)).as_text()
            results = re.findall(r'"stablehlo.scatter"\(.*?\) -> (\S+)', text, flags=re.DOTALL)
            assert results
            assert all(kind.endswith("xf64>") for kind in results)
            assert "callback" not in text


@pytest.mark.parametrize("framed", [False, True])
def test_solving_and_pulling_back_take_the_device_that_was_asked_for(framed, rng, monkeypatch):
    basis = PauliBasis.chain(5)
    structure, coeffs = _structure(basis, 23, rng), _coefficients(basis, 7, rng)
    rotations = mean_field_frames(basis, coeffs).rotations if framed else None
    expected = solve(coeffs, structure, rotations, tol=1e-11, device="cpu")
    got = solve(coeffs, structure, rotations, tol=1e-11, device="accelerator")
    assert (expected.device, got.device) == ("cpu", "accelerator")
    np.testing.assert_allclose(got.expectations, expected.expectations, atol=1e-9)  # residuals over gaps
    cotangents = rng.normal(size=coeffs.shape)
    gradients = pull_back(expected, cotangents)
    monkeypatch.setattr(responses, "respond_rows", None)  # the compiled loop is not to be used
    # The tolerance over gaps.
    np.testing.assert_allclose(pull_back(got, cotangents), gradients, atol=1e-8 * np.abs(gradients).max())


def test_a_gpu_is_chosen_for_batches_that_keep_it_busy(rng, monkeypatch):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    many = 1_000_000
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert accelerator.choose_device("auto", structure, many) == "cpu"
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert accelerator.choose_device("auto", structure, many) == "accelerator"
    assert accelerator.choose_device("auto", structure, 1) == "cpu"
    assert accelerator.choose_device("cpu", structure, many) == "cpu"
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")  # no 64-bit arithmetic
    assert accelerator.choose_device("auto", structure, many) == "cpu"


def test_an_unknown_device_is_refused(rng):
    structure = _structure(PauliBasis.chain(5), 2, rng)
    with pytest.raises(ValueError, match="device must be one of auto, cpu, accelerator, got 'gpu'"):
        solve(np.ones((1, structure.basis.n_terms)), structure, device="gpu")


def test_callbacks_of_jax_never_wait_for_the_device(rng, monkeypatch):
    structure = _structure(PauliBasis.chain(5), 23, rng)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(accelerator, "_WORTHWHILE", 0)
    monkeypatch.setattr(accelerator, "layout_of", None)
    coeffs = jnp.asarray(_coefficients(structure.basis, 2, rng), dtype=jnp.float32)
    gradient = jax.grad(lambda values: ground_state_expectations(values, structure)[:, 2].sum())(coeffs)
    assert np.isfinite(gradient).all()


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives(rng):
    basis = PauliBasis.chain(14)
    structure = _structure(basis, 6_000, rng)
    coeffs = _coefficients(basis, 64, rng)
    got = solve(coeffs, structure, tol=1e-9)
    assert got.device == "accelerator"
    assert not got.levels.fallback.any()
    with jax.enable_x64(True):
        assert {device.platform for device in layout_of(structure).columns.devices()} == {"gpu"}
    expected = solve(coeffs, structure, tol=1e-9, device="cpu")
    # Residuals, squared.
    np.testing.assert_allclose(got.levels.energies[:, 0], expected.levels.energies[:, 0], atol=1e-11)
    np.testing.assert_allclose(got.expectations, expected.expectations, atol=1e-6)  # residuals over gaps
    cotangents = rng.normal(size=coeffs.shape)
    expected, got = (
        solver.coefficient_gradients(structure, coeffs, got.levels, cotangents, tol=1e-10)
        for solver in (ground_state, accelerator)
    )
    np.testing.assert_allclose(got, expected, atol=1e-8 * np.abs(expected).max())  # the tolerance over gaps
