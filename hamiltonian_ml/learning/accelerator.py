"""Levels, expectation values and their adjoint on an accelerator: the functions of `subspace.ground_state` in JAX.

In and out: NumPy arrays, as there. The structure is sorted for the device once and stays on it; rows are solved
together, as many as its memory takes. Rows that do not converge go to the compiled search of the CPU.

Notes
-----
On a GPU sums are added in no fixed order: results repeat to round-off, not to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Literal, get_args

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.checks import check_scale
from hamiltonian_ml.learning.accelerator_entries import bracket_bins
from hamiltonian_ml.learning.accelerator_layout import Layout, layout_of
from hamiltonian_ml.learning.accelerator_search import images, response_bins, search_levels
from hamiltonian_ml.learning.padding import padded
from hamiltonian_ml.subspace import ground_state
from hamiltonian_ml.subspace.adjoint import MAX_RESPONSE_PRODUCTS, NEAR_FLOOR, largest_residual
from hamiltonian_ml.subspace.ground_state import MAX_PRODUCTS, Levels, level_tolerances
from hamiltonian_ml.subspace.guesses import enter_guesses
from hamiltonian_ml.subspace.structure import SubspaceStructure

Device = Literal["auto", "cpu", "accelerator"]
# Entries of all rows together from which on a GPU is asked: below, starting its kernels takes about as long as a CPU
# needs for the whole multiplication.
_WORTHWHILE = 1 << 20
_LARGEST_BATCH = 2 << 30  # bytes of vectors on the device at a time


def choose_device(device: Device, structure: SubspaceStructure, n_rows: int) -> Literal["cpu", "accelerator"]:
    """Return where to solve a batch: what ``device`` says, or for "auto" the faster place.

    That is the CPU unless JAX has a GPU and the batch is large enough to keep it busy. Other accelerators have no
    64-bit arithmetic, without which residuals below 1e-6 are out of reach. "accelerator" runs on JAX's default device,
    whatever it is. ``JAX_PLATFORMS=cpu`` in the environment hides a GPU from "auto".

    Raises
    ------
    ValueError
        If ``device`` is none of the three.
    """
    if device not in get_args(Device):
        raise ValueError(f"device must be one of {', '.join(get_args(Device))}, got {device!r}.")
    if device != "auto":
        return device
    entries = n_rows * (structure.n_entries + structure.dimension)
    return "accelerator" if entries >= _WORTHWHILE and jax.default_backend() == "gpu" else "cpu"


def lowest_levels(
    structure: SubspaceStructure,
    coefficients: ArrayLike,
    *,
    tol: float = 1e-8,
    gap_tol: float = 1e-2,
    guesses: NDArray[Any] | None = None,
) -> Levels:
    """Find the two lowest levels of every row's Hamiltonian; see `ground_state.lowest_levels`.

    ``fallback`` marks the rows that the CPU solved.
    """
    rows = structure.basis.check_coefficients(coefficients, ndim=2)
    check_scale(rows)
    tables, diagonal_tables = structure.element_tables(rows)
    n_rows, n_levels = len(rows), min(2, structure.dimension)
    scale = np.abs(rows).max(axis=1, initial=1e-300)
    tolerances = level_tolerances(rows, scale, n_levels, tol=tol, gap_tol=gap_tol)
    starts = np.zeros((n_rows, n_levels, structure.dimension), dtype=tables.dtype)
    is_known = np.arange(n_levels) < enter_guesses(structure, rows, guesses, starts)
    energies, residuals = np.empty((n_rows, n_levels)), np.empty((n_rows, n_levels))
    states, products = np.empty_like(starts), np.empty(n_rows, dtype=np.int64)
    with jax.enable_x64(True):
        layout = layout_of(structure)
        for block, size in _batches(layout, n_rows, tables.shape[1], tables.dtype):
            table, diagonal, start, limits = _fit(block, size, tables, diagonal_tables, starts, tolerances)
            found = search_levels(layout, table, diagonal, _over_states(layout, start), is_known, limits, MAX_PRODUCTS)
            parts = [np.asarray(part)[: block.stop - block.start] for part in found]
            energies[block], residuals[block], products[block] = parts[0], parts[1], parts[3]
            states[block] = parts[2][..., : structure.dimension]
    levels = Levels(energies, residuals, states, products, np.zeros(n_rows, dtype=bool))
    in_order = energies[:, -1] >= energies[:, 0] - tolerances[:, 0]
    undone = np.flatnonzero(~((residuals <= tolerances).all(axis=1) & in_order))
    if len(undone):
        rescued = ground_state.lowest_levels(
            structure, rows[undone], n_levels=n_levels, tol=tol, gap_tol=gap_tol, guesses=states[undone]
        )
        for name in ("energies", "residuals", "states", "products"):
            getattr(levels, name)[undone] = getattr(rescued, name)
        levels.fallback[undone] = True
    return levels


def expectations(structure: SubspaceStructure, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``Re <left|P_p|right>`` for every string; see `ground_state.expectations`."""
    kind = np.result_type(left, right)
    values = np.empty((len(left), structure.basis.n_terms))
    with jax.enable_x64(True):
        layout = layout_of(structure)
        for block, size in _batches(layout, len(left), structure.tables.off_diagonal.n_codes, kind):
            bras, kets = (_over_states(layout, part.astype(kind)) for part in _fit(block, size, left, right))
            values[block] = _values(structure, block, *bracket_bins(layout, bras, kets))
    return values


def coefficient_gradients(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    cotangents: NDArray[np.float64],
    *,
    sources: NDArray[Any] | None = None,
    tol: float = 1e-8,
    min_gap: float = 1e-3,
) -> NDArray[np.float64]:
    """Pull cotangents of <P_p> back to the coefficients; see `ground_state.coefficient_gradients`."""
    tables, diagonal_tables = structure.element_tables(cotangents)
    kind = np.result_type(tables, levels.states, *([] if sources is None else [sources]))

    def all_sources(layout: Layout, block: slice, size: int) -> Any:
        table, diagonal, psi = _fit(block, size, tables, diagonal_tables, levels.states[:, 0])
        pulled = images(layout, table.astype(kind), diagonal, _over_states(layout, psi.astype(kind)))
        return pulled if sources is None else pulled + _over_states(layout, _fit(block, size, sources)[0])

    values, undone = _pull_back(structure, coefficients, levels, all_sources, kind=kind, tol=tol, min_gap=min_gap)
    if len(undone):
        values[undone] = ground_state.coefficient_gradients(
            structure, coefficients[undone], _some(levels, undone), cotangents[undone],
            sources=None if sources is None else sources[undone], tol=tol, min_gap=min_gap,
        )  # fmt: skip
    return values


def _pull_back(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    sources: Callable[[Layout, slice, int], Any],
    *,
    kind: np.dtype[Any],
    tol: float,
    min_gap: float,
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the responses' expectation values of all rows, and the rows that are left to the CPU.

    These did not reach the tolerance, or show a level closer than the gap floor that the search had missed.
    """
    tables, diagonal_tables = structure.element_tables(coefficients)
    kind = np.result_type(tables, kind, levels.states)
    tables, states = tables.astype(kind, copy=False), levels.states[:, 0].astype(kind, copy=False)
    scale = np.abs(coefficients).max(axis=1, initial=0.0)
    floors = min_gap * scale
    energies = levels.energies[:, 0] - np.maximum(floors - levels.gaps, 0.0)
    values, (residuals, quotients) = np.empty(coefficients.shape), np.empty((2, len(coefficients)))
    with jax.enable_x64(True):
        layout = layout_of(structure)
        for block, size in _batches(layout, len(coefficients), tables.shape[1], kind):
            table, diagonal, psi, shifted = _fit(block, size, tables, diagonal_tables, states, energies)
            source = sources(layout, block, size).astype(kind)
            *bins, errors, rates = response_bins(
                layout, table, diagonal, source, _over_states(layout, psi), shifted, tol, MAX_RESPONSE_PRODUCTS
            )
            values[block] = 2 * _values(structure, block, *bins)
            residuals[block], quotients[block] = (np.asarray(a)[: block.stop - block.start] for a in (errors, rates))
    is_done = (residuals <= largest_residual(tol)) & (quotients >= NEAR_FLOOR * floors) & (scale > 0.0)
    return values, np.flatnonzero(~is_done)


def _some(levels: Levels, rows: NDArray[np.intp]) -> Levels:
    return Levels(*(getattr(levels, part.name)[rows] for part in fields(Levels)))


def _batches(layout: Layout, n_rows: int, n_codes: int, kind: np.dtype[Any]) -> Iterator[tuple[slice, int]]:
    """Yield equal ranges of rows whose vectors fit on the device, and the number of rows to fill them up to.

    At the height of a search a row takes about twenty vectors, the sums of its chunks twice, and four tables.
    """
    numbers = 20 * layout.n_states + 2 * len(layout.rows) + 4 * n_codes
    n_batches = -(-n_rows // max(1, _LARGEST_BATCH // (numbers * kind.itemsize)))
    for k in range(n_batches):
        yield slice(n_rows * k // n_batches, n_rows * (k + 1) // n_batches), padded(-(-n_rows // n_batches))


def _fit(block: slice, size: int, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
    """Return some rows of each array, followed by rows of zeros: Hamiltonians that are solved at once."""
    n_missing = size - (block.stop - block.start)
    return [np.pad(array[block], [(0, n_missing)] + [(0, 0)] * (array.ndim - 1)) for array in arrays]


def _over_states(layout: Layout, array: NDArray[Any]) -> NDArray[Any]:
    """Lengthen the last axis, over the states of the subspace, to that of the device."""
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, layout.n_states - array.shape[-1])])


def _values(
    structure: SubspaceStructure, block: slice, bins: jax.Array, diagonal_bins: jax.Array
) -> NDArray[np.float64]:
    n_rows = block.stop - block.start
    return structure.expectations_of_bins(np.asarray(bins)[:n_rows], np.asarray(diagonal_bins)[:n_rows])
