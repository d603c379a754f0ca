"""Vectors that hold several rows, against NumPy on each row."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.kernels import preconditioner_floor
from hamiltonian_ml.subspace.pairs import add_pairs
from hamiltonian_ml.subspace.side_by_side import passes
from hamiltonian_ml.subspace.side_by_side.lanes import empty_lanes, get, put
from hamiltonian_ml.subspace.side_by_side.room import ROWS, Batch, enter_group, make_room
from hamiltonian_ml.subspace.structure import restrict

DIGITS = {"single": 2e-5, "double": 1e-12}  # of sums of some tens of numbers of order one


def _values(rng: np.random.Generator, shape: tuple[int, ...], *, is_complex: bool) -> np.ndarray:
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def _enter(rows: np.ndarray, precision: str) -> np.ndarray:
    """Return lanes that hold the rows (n_rows, d)."""
    n_parts = 2 if np.iscomplexobj(rows) else 1
    lanes = empty_lanes(rows.shape[1], ROWS * n_parts, precision)
    passes.enter_vectors(rows[:, None], 0, np.arange(ROWS), n_parts, lanes)
    return lanes


def _leave(lanes: np.ndarray, like: np.ndarray) -> np.ndarray:
    out = np.zeros((ROWS, 1, like.shape[1]), dtype=like.dtype)
    passes.take_vectors(lanes, 2 if np.iscomplexobj(like) else 1, np.arange(ROWS), ROWS, 0, out)
    return out[:, 0]


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(("d", "n_pairs"), [(20, 50), (40_000, 5000)])  # in the cache, and beyond: asked for ahead
def test_pairs_of_lanes_equal_the_plain_loop(d, n_pairs, is_complex, precision, rng):
    n_codes, n_parts = 7, 2 if is_complex else 1
    left, right = rng.integers(0, d, (2, n_pairs)).astype(np.uint32)
    codes = rng.integers(0, n_codes, n_pairs).astype(np.uint16)
    tables, x, y = (_values(rng, (ROWS, n), is_complex=is_complex) for n in (n_codes, d, d))
    real, turning = (empty_lanes(n_codes, ROWS * n_parts, precision) for _ in range(2))
    for row in range(ROWS):
        passes.enter_elements(tables[row], 1.0, row, n_parts, real, turning if is_complex else None)
    lanes_x, lanes_y, sums = _enter(x, precision), _enter(y, precision), empty_lanes(2, ROWS * n_parts, "double")
    passes.add_pairs_of_lanes(left, right, codes, real, turning if is_complex else None, lanes_x, lanes_y, sums, 1)
    got = _leave(lanes_y, y)
    for row in range(ROWS):
        expected, image = y[row].copy(), np.zeros_like(y[row])
        for out in (expected, image):
            add_pairs(left, right, codes, tables[row], x[row], out)
        np.testing.assert_allclose(got[row], expected, atol=DIGITS[precision])
        product = np.vdot(x[row], image).real
        assert passes.row_sum(sums, 1, row, n_parts) == pytest.approx(product, abs=DIGITS[precision] * n_pairs)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("is_complex", [False, True])
def test_overlaps_and_what_they_take_away(is_complex, precision, rng):
    bra, ket = (_values(rng, (ROWS, 1000), is_complex=is_complex) for _ in range(2))
    n_parts = 2 if is_complex else 1
    lanes_bra, lanes_ket = _enter(bra, precision), _enter(ket, precision)
    sums, factors = empty_lanes(2, ROWS * n_parts, "double"), empty_lanes(2, ROWS * n_parts, precision)
    passes.add_products(lanes_bra, lanes_ket, sums, 0)
    along = np.array([passes.row_sum(sums, 0, row, n_parts) for row in range(ROWS)])
    across = np.array([passes.row_turning(sums, 1, row, n_parts) for row in range(ROWS)])
    expected = np.array([np.vdot(b, k) for b, k in zip(bra, ket, strict=True)])
    np.testing.assert_allclose(along + 1j * across, expected, atol=1000 * DIGITS[precision])
    passes.spread(-along, 0, n_parts, factors)
    passes.spread_turning(-across, 1, n_parts, factors)
    _add_states(lanes_bra, factors, lanes_ket)
    rest = ket - (expected if is_complex else expected.real)[:, None] * bra
    np.testing.assert_allclose(_leave(lanes_ket, ket), rest, atol=100 * DIGITS[precision])


@compiled
def _add_states(states, factors, y):  # type: ignore[no-untyped-def]
    passes.add_states(states, get(factors, 0), get(factors, 1), y)


@pytest.mark.parametrize("n_qubits", [5, 70])  # a word, and two with scattered bits
def test_a_group_has_the_hamiltonians_of_its_rows(n_qubits, rng):
    structure = restrict(PauliBasis.ring(n_qubits), Subspace.excitations(n_qubits, 1))
    rows = np.array([2, 0, 1, 1, 1, 1, 1, 1])  # lanes without a row of their own repeat the last one
    coeffs = rng.normal(size=(3, structure.basis.n_terms))
    tables, diagonal_tables = structure.element_tables(coeffs)
    lists = (structure.left, structure.right, structure.codes, structure.diagonal_codes)
    units = np.array([1.0, 2.0, 0.5])
    batch = Batch(*lists, tables, diagonal_tables, units)
    room, floors, origins = make_room(batch), np.zeros(ROWS), np.zeros(ROWS)
    enter_group(batch, rows, floors, origins, 2, room)
    x = _values(rng, (ROWS, structure.dimension), is_complex=True)
    sums = empty_lanes(2, 2 * ROWS, "double")
    image = empty_lanes(structure.dimension, 2 * ROWS, "double")
    passes.multiply_lanes(batch, room.wide, _enter(x, "double"), image, sums, 0)
    got = _leave(image, x)
    for k, row in enumerate(rows):
        matrix = structure.matrix(coeffs[row])
        diagonal = matrix.diagonal().real
        np.testing.assert_allclose(got[k], matrix @ x[k], atol=1e-11)  # round-off
        # Round-off of a sum over states.
        assert passes.row_sum(sums, 0, k, 2) == pytest.approx(np.vdot(x[k], matrix @ x[k]).real, abs=1e-9)
        assert origins[k] == pytest.approx(diagonal.min(), abs=1e-12)  # round-off
        # Round-off.
        assert floors[k] == pytest.approx(preconditioner_floor(tables[row], diagonal) / units[row], rel=1e-12)
        shifted = room.group.diagonal["single"][:, 2 * k]
        np.testing.assert_allclose(shifted, (diagonal - diagonal.min()) / units[row], atol=1e-5)  # single precision


def test_items_lie_on_as_few_cache_lines_as_they_can():
    for width, precision, size in ((16, "single", 64), (16, "double", 128), (8, "single", 32), (2, "single", 8)):
        lanes = empty_lanes(5, width, precision)
        assert lanes.itemsize == size
        assert lanes.ctypes.data % min(size, 64) == 0


def test_items_of_another_width_or_plain_arrays_are_refused():
    @compiled
    def mix(narrow, broad):  # type: ignore[no-untyped-def]
        put(broad, 0, get(narrow, 0))

    with pytest.raises(TypeError, match=r"only Lanes\(16, single\) can be put into this array"):
        mix(empty_lanes(1, 8), empty_lanes(1, 16))
    with pytest.raises(TypeError, match="array must be a contiguous vector"):
        mix(np.zeros(3), empty_lanes(1, 16))
