"""Batches solved side by side against the same solved one by one, and what is left to the latter."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace import ground_state, responses
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import Levels, coefficient_gradients, lowest_levels
from hamiltonian_ml.subspace.side_by_side import groups, room
from hamiltonian_ml.subspace.structure import restrict

TOL = 1e-9


@pytest.fixture(scope="module")
def structure():
    return restrict(PauliBasis.chain(12), Subspace.excitations(12, 4))  # 794 states


def _coefficients(structure, n_rows, *, is_complex=True, strength=0.15):
    """Return rows like those of a model in training: a field along -z and random terms."""
    basis = structure.basis
    rows = strength * np.random.default_rng(7).normal(size=(n_rows, basis.n_terms))
    rows[:, [basis.short_labels.index(f"Z{q}") for q in range(basis.n_qubits)]] -= 1.0
    return rows if is_complex else rows * (basis.n_y % 2 == 0)


@pytest.fixture
def one_by_one(monkeypatch):
    """Return a function that does something one row after the other."""

    def do(action):
        with monkeypatch.context() as patch:
            patch.setattr(groups, "_FEWEST", np.inf)
            return action()

    return do


@pytest.fixture
def left(monkeypatch):
    """Return a list of the numbers of rows that are left to be solved, or answered, one by one."""
    seen = []

    def watch(module, name):
        original = getattr(module, name)

        def counting(rows, *rest):
            seen.append(len(rows))
            original(rows, *rest)

        monkeypatch.setattr(module, name, counting)

    watch(ground_state, "solve_rows")
    watch(responses, "respond_rows")
    return seen


@pytest.fixture(params=["eight real", "eight complex", "four complex"])
def group_of(request, monkeypatch):
    """Return how many rows are solved side by side, and whether Hamiltonians are to be complex."""
    size, kind = request.param.split()
    monkeypatch.setattr(room, "_CACHED_STATES", 0 if size == "four" else 10**6)
    return 4 if size == "four" else 8, kind == "complex"


@pytest.mark.parametrize("n_rows", [6, 8, 12, 22])  # a part group or two rows over, all, four or none over, part or two
def test_levels_and_gradients_are_those_of_single_rows(structure, one_by_one, left, n_rows, group_of):
    size, is_complex = group_of
    rows = _coefficients(structure, n_rows, is_complex=is_complex)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    expected = one_by_one(lambda: lowest_levels(structure, rows, tol=TOL, gap_tol=1e-4))
    expected_gradients = one_by_one(lambda: coefficient_gradients(structure, rows, expected, pulls, tol=TOL))
    left.clear()
    got = lowest_levels(structure, rows, tol=TOL, gap_tol=1e-4)
    gradients = coefficient_gradients(structure, rows, expected, pulls, tol=TOL)
    most = n_rows % size if n_rows % size < 0.75 * size else 0
    assert max(left, default=0) <= most + max(3, n_rows // 3)  # those without a group, and the slowest
    np.testing.assert_allclose(got.energies[:, 0], expected.energies[:, 0], atol=1e-12)  # residuals, squared
    # 1e-4, squared, over a gap of a hundredth.
    np.testing.assert_allclose(got.energies[:, 1], expected.energies[:, 1], atol=1e-6)
    np.testing.assert_allclose(gradients, expected_gradients, atol=2e-7)  # the tolerance over a gap of a hundredth
    scale = np.abs(rows).max(axis=1)
    for row in range(n_rows):
        matrix = structure.matrix(rows[row])
        for level, tolerance in ((0, TOL), (1, 1e-4)):
            state = got.states[row, level]
            left_over = matrix @ state - got.energies[row, level] * state
            assert np.linalg.norm(state) == pytest.approx(1, abs=1e-12)  # round-off
            left_over -= (np.vdot(got.states[row, 0], left_over) if level else 0.0) * got.states[row, 0]
            assert np.linalg.norm(left_over) <= tolerance * scale[row] * 1.01
            assert got.residuals[row, level] == pytest.approx(np.linalg.norm(left_over), abs=1e-13)  # round-off


@pytest.mark.parametrize("spoil", [np.nan, np.inf, 0.0, 1e-200, "another level"])
def test_guesses_of_no_use_do_no_harm(structure, one_by_one, spoil):
    rows = _coefficients(structure, 8)
    expected = one_by_one(lambda: lowest_levels(structure, rows, tol=TOL, gap_tol=1e-6))
    guesses = expected.states.copy()
    if spoil == "another level":
        guesses[3] = guesses[3, ::-1]
    else:
        guesses[3] = spoil
    got = lowest_levels(structure, rows, tol=TOL, gap_tol=1e-6, guesses=guesses)
    np.testing.assert_allclose(got.energies, expected.energies, atol=1e-9)  # residuals, squared, over gaps


@pytest.mark.parametrize("tol", [1e-6, 1e-8, 1e-11])
def test_good_guesses_cost_two_multiplications_a_level_whatever_the_tolerance(structure, tol):
    rows = _coefficients(structure, 8)
    cold = lowest_levels(structure, rows, tol=tol, gap_tol=tol)
    warm = lowest_levels(structure, rows, tol=tol, gap_tol=1.1 * tol, guesses=cold.states)
    assert (warm.products == 4).all()  # for each level one to see that nothing is to be sought, one to believe it


def test_guesses_in_the_wrong_order_are_put_right_at_once(structure):
    rows = _coefficients(structure, 8)
    found = lowest_levels(structure, rows, gap_tol=1e-8)
    again = lowest_levels(structure, rows, guesses=found.states[:, ::-1])
    np.testing.assert_allclose(again.energies, found.energies, atol=1e-9)  # residuals, squared, over gaps
    assert (again.products < 12).all()


@pytest.mark.parametrize("spoil", [np.nan, 0.0])
def test_a_row_that_fails_leaves_its_neighbours_alone(structure, spoil):
    rows = _coefficients(structure, 8)
    expected = lowest_levels(structure, rows, tol=TOL)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    gradients = coefficient_gradients(structure, rows, expected, pulls)
    others = np.arange(8) != 2
    pulls[2] = 0.0
    states = expected.states.copy()
    if spoil == 0.0:
        rows = np.where(others[:, None], rows, 0.0)  # any state is a ground state of H = 0
        got = lowest_levels(structure, rows, tol=TOL)
        # Residuals, squared.
        np.testing.assert_allclose(got.energies[others, 0], expected.energies[others, 0], atol=1e-12)
        np.testing.assert_array_equal(got.energies[2], 0.0)
    states[2] = spoil
    levels = Levels(expected.energies, expected.residuals, states, expected.products, expected.fallback)
    if np.isnan(spoil):
        with pytest.raises(ground_state.SolverError, match="row 2"):
            coefficient_gradients(structure, rows, levels, pulls)
    else:
        again = coefficient_gradients(structure, rows, levels, pulls)
        np.testing.assert_allclose(again[others], gradients[others], atol=1e-6)  # the tolerance over gaps
        np.testing.assert_array_equal(again[2], 0.0)


@pytest.mark.parametrize("size", [1e-60, 1e60])
def test_gradients_are_linear_in_pulls_of_any_size(structure, size):
    """Rows that are decided pull with exponentially small numbers, which single precision has not got."""
    rows = _coefficients(structure, 8)
    levels = lowest_levels(structure, rows, tol=TOL)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    expected = coefficient_gradients(structure, rows, levels, pulls)
    # The tolerance over gaps.
    np.testing.assert_allclose(coefficient_gradients(structure, rows, levels, size * pulls) / size, expected, atol=1e-6)


@pytest.mark.parametrize("unit", [1e-40, 1e-19, 1e30])
def test_the_unit_of_energy_does_not_matter(structure, left, unit):
    """Nor that single precision has not got numbers of its size, as of molecules in joules."""
    rows = _coefficients(structure, 8)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    expected = lowest_levels(structure, rows, tol=TOL)
    gradients = coefficient_gradients(structure, rows, expected, pulls)
    left.clear()
    got = lowest_levels(structure, unit * rows, tol=TOL)
    np.testing.assert_allclose(got.energies[:, 0] / unit, expected.energies[:, 0], atol=1e-12)  # residuals, squared
    again = coefficient_gradients(structure, unit * rows, got, pulls)
    np.testing.assert_allclose(unit * again, gradients, atol=1e-6)  # the tolerance over gaps
    assert max(left, default=0) <= 3


@pytest.mark.parametrize("tol", [1e-3, 1e-4, 1e-6])
def test_gradients_hold_their_tolerance_at_states_that_do_not(structure, one_by_one, tol):
    rows = _coefficients(structure, 8)
    levels = lowest_levels(structure, rows, tol=tol)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    expected = one_by_one(lambda: coefficient_gradients(structure, rows, levels, pulls, tol=TOL))
    got = coefficient_gradients(structure, rows, levels, pulls, tol=TOL)
    np.testing.assert_allclose(got, expected, atol=1e-7 * np.abs(expected).max())  # the tolerance over gaps


def test_sources_that_are_no_numbers_are_told(structure):
    rows = _coefficients(structure, 8)
    levels = lowest_levels(structure, rows, tol=TOL)
    sources = np.zeros((8, structure.dimension))
    sources[5] = 1e200  # whose squares are none
    with pytest.raises(ground_state.SolverError, match="row 5"):
        coefficient_gradients(structure, rows, levels, np.zeros_like(rows), sources=sources, min_gap=0.0)


@pytest.mark.parametrize("is_complex", [False, True])
def test_sources_are_added_to_what_is_pulled(structure, one_by_one, is_complex):
    rows = _coefficients(structure, 8, is_complex=is_complex)
    levels = lowest_levels(structure, rows, tol=TOL)
    rng = np.random.default_rng(1)
    pulls, sources = rng.normal(size=rows.shape), rng.normal(size=(8, structure.dimension))
    arguments = structure, rows, levels, pulls
    expected = one_by_one(lambda: coefficient_gradients(*arguments, sources=sources, tol=TOL))
    got = coefficient_gradients(*arguments, sources=sources.tolist(), tol=TOL)
    np.testing.assert_allclose(got, expected, atol=1e-7 * np.abs(expected).max())  # the tolerance over gaps


def test_codes_that_fill_sixteen_bits_are_read_as_they_are(one_by_one):
    """A chain of 950 qubits has 34,592 codes of the diagonal: the last look negative to a signed reader."""
    basis = PauliBasis.chain(950)
    structure = restrict(basis, Subspace.excitations(950, 1))
    assert structure.tables.diagonal.n_codes > 1 << 15
    assert structure.diagonal_codes.dtype == np.uint16
    rows = 0.01 * np.random.default_rng(2).normal(size=(8, basis.n_terms))
    rows[:, (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)] -= 1.0
    expected = one_by_one(lambda: lowest_levels(structure, rows, n_levels=1, tol=TOL))
    got = lowest_levels(structure, rows, n_levels=1, tol=TOL)
    np.testing.assert_allclose(got.energies[:, 0], expected.energies[:, 0], atol=1e-10)  # residuals, squared
    certificate = certify(structure, rows, got)
    alone = one_by_one(lambda: certify(structure, rows, got))
    # Round-off of sums in another order.
    np.testing.assert_allclose(certificate.correction, alone.correction, rtol=1e-10)


def test_a_closed_gap_is_left_to_single_rows_and_damped(structure, one_by_one):
    basis = structure.basis
    rows = np.zeros((8, basis.n_terms))
    rows[:, basis.short_labels.index("Z0 Z1")] = -1.0  # all spins but two are free
    rows[4:] = _coefficients(structure, 4)
    levels = lowest_levels(structure, rows, tol=TOL)
    pulls = np.random.default_rng(1).normal(size=rows.shape)
    expected = one_by_one(lambda: coefficient_gradients(structure, rows, levels, pulls))
    got = coefficient_gradients(structure, rows, levels, pulls)
    np.testing.assert_allclose(levels.energies[:4, 0], -1.0, atol=1e-12)  # round-off
    np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())  # the tolerance over gaps


def test_answers_do_not_depend_on_the_number_of_threads(structure, monkeypatch):
    rows = _coefficients(structure, 40)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(lowest_levels(structure, rows))
    np.testing.assert_array_equal(found[0].states, found[1].states)


@pytest.mark.parametrize(
    ("n_rows", "dimension", "n_parts", "expected"),
    [
        (5, 1000, 2, False), (6, 1000, 2, True), (64, 511, 1, False), (64, 512, 2, True), (64, 200_000, 2, False),
        (5, 10_000, 1, False), (6, 10_000, 1, True), (2, 10_000, 2, False), (3, 10_000, 2, True),
    ],
)  # fmt: skip
def test_few_rows_and_small_or_huge_subspaces_are_solved_one_by_one(n_rows, dimension, n_parts, expected):
    assert groups.is_worth_it(n_rows, dimension, n_parts) is expected
