"""The inner multiplication beside what the machine allows: its memory, and its load and store units.

What is measured is the loop that the solvers spend their products in: it adds all pairs to a vector that holds the
diagonal's part already, since the pass before writes that beside what it makes. Two kinds of loop set the marks, in the
same turns. The first is a plain copy. Where the arrays are larger than the caches, a copy of the same footprint is the
mark: its source and target are together as large as lists, x and y. A copy of as many bytes as the loop moves, with y
both read and written, stands beside it. The second makes the same accesses to the same arrays for each pair, eight
loads and two stores, each as one instruction on one number; its lists run through the vectors in order, so that none
waits for another or for the caches. That is the mark in cache, and that of the loop that takes eight Hamiltonians side
by side through one list, with whole registers instead of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit

from experiments.speed.table import Line
from experiments.speed.timing import ratio, spread, take_turns, timed
from experiments.speed.workload import Size, Workload, drawn_subspace
from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.pairs import add_pairs
from hamiltonian_ml.subspace.side_by_side.lanes import empty_lanes, get, put
from hamiltonian_ml.subspace.side_by_side.passes import add_pairs_of_lanes, enter_elements
from hamiltonian_ml.subspace.side_by_side.room import rows_of_group
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

_TOUCHES = 300_000  # pairs a measurement runs over, at least: a millisecond, so that many escape other people's work
_MORE_TURNS = 9  # times as many, since they are short
_CACHE = 1 << 20  # bytes below which arrays are taken to lie in a core's own cache


@njit(cache=True, nogil=True)
def copy(source, target):
    """Copy an array of floats: one read and one write each."""
    for k in range(len(source)):
        target[k] = source[k]


@compiled
def add(left, right, codes, table, x, y):
    """Add the off-diagonal part of H x to y, as the solvers do."""
    add_pairs(left, right, codes, table, x, y)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def touch(left, right, codes, table, x, y):
    """Do what a multiplication does to memory, on the real parts only.

    A complex number is one load for a vector unit; half of one stands for it.
    """
    for k in range(len(left)):
        u, v = np.uint64(2) * left[k], np.uint64(2) * right[k]
        element = table[np.uint64(2) * codes[k]]
        y[u] += element * x[v]
        y[v] += element * x[u]


@compiled
def touch_lanes(left, right, codes, real, x, y):
    """Do the same with whole registers."""
    for k in range(len(left)):
        u, v, element = np.uint64(left[k]), np.uint64(right[k]), get(real, np.uint64(codes[k]))
        put(y, u, get(y, u) + element * get(x, v))
        put(y, v, get(y, v) + element * get(x, u))


def multiplication(load: Workload, size: Size) -> Iterator[Line]:
    """Measure at the sampled size, in cache, and at the largest drawn one."""
    largest = drawn_subspace(load.basis, size.scaling[-1], rng=np.random.default_rng(size.seed))
    for subspace in (load.subspace, largest):
        yield from _shares(restrict(load.basis, subspace), load.coefficients[:1], size.turns)
    yield _share_of_lanes(restrict(load.basis, load.subspace), load.coefficients, size.turns)


def _shares(structure: SubspaceStructure, row: np.ndarray, turns: int) -> Iterator[Line]:
    tables, _ = structure.element_tables(row)
    table, d = tables[0].astype(complex), structure.dimension
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2 * d).view(complex)
    y, in_order = np.zeros(d, dtype=complex), _lists_in_order(structure, len(table))
    lists = (structure.left, structure.right, structure.codes)
    n_bytes = sum(a.nbytes for a in (*lists, x, y))
    halves, larger_halves = ((rng.standard_normal(n // 16), np.ones(n // 16)) for n in (n_bytes, n_bytes + y.nbytes))
    calls = max(3, _TOUCHES // max(len(structure.left), 1))
    in_cache = n_bytes <= _CACHE
    costs = take_turns(
        {
            "multiply": timed(lambda: add(*lists, table, x, y), calls=calls),
            "arrays": timed(lambda: copy(*halves), calls=calls),
            "copy": timed(lambda: copy(*larger_halves), calls=calls),
            "touch": timed(lambda: touch(*in_order, table.view(float), x.view(float), y.view(float)), calls=calls),
        },
        _MORE_TURNS * turns if in_cache else turns,
    )
    what = f"multiplication, {d:,} states, {n_bytes / 2**20:.3g} MiB"
    pace = f"{1e9 * np.median([c.wall for c in costs['multiply']]) / max(len(structure.left), 1):.3g} ns a pair"
    for mark, words, decides in (
        ("touch", "load/store bound", in_cache),
        ("arrays", "plain copy of its arrays", not in_cache),
        ("copy", "plain copy of what it moves", False),
    ):
        share = ratio(costs[mark], costs["multiply"])
        yield Line(
            what=f"{what}: share of {words}", value=100 * share.wall, processor=100 * share.processor, unit="%",
            at_least=60.0 if decides else None, note=f"{spread(costs[mark], costs['multiply'])}; {pace}",
        )  # fmt: skip


def _lists_in_order(structure: SubspaceStructure, n_codes: int) -> tuple[np.ndarray, ...]:
    """Return lists as long as the structure's that run through vectors and codes."""
    pairs, d = np.arange(len(structure.left)), structure.dimension
    in_order = (pairs % d, (pairs + d // 2) % d, pairs % n_codes)
    return tuple(a.astype(kind) for a, kind in zip(in_order, (np.uint32, np.uint32, np.uint16), strict=True))


def _share_of_lanes(structure: SubspaceStructure, rows: np.ndarray, turns: int) -> Line:
    d = structure.dimension
    n_rows = rows_of_group(d, 2)
    tables, width = structure.element_tables(rows[:n_rows])[0].astype(complex), 2 * n_rows
    x, y, sums = empty_lanes(d, width), empty_lanes(d, width), empty_lanes(1, width, "double")
    real, turning = (empty_lanes(tables.shape[1], width) for _ in range(2))
    for row, table in enumerate(tables):
        enter_elements(table, 1.0, row, 2, real, turning)
    x.view(np.float32)[:] = np.random.default_rng(0).standard_normal(d * width)
    lists, in_order = (structure.left, structure.right, structure.codes), _lists_in_order(structure, tables.shape[1])
    calls = max(3, _TOUCHES // max(len(structure.left), 1))
    costs = take_turns(
        {
            "multiply": timed(lambda: add_pairs_of_lanes(*lists, real, turning, x, y, sums, 0), calls=calls),
            "touch": timed(lambda: touch_lanes(*in_order, real, x, y), calls=calls),
        },
        _MORE_TURNS * turns,
    )
    share = ratio(costs["touch"], costs["multiply"])
    pace = 1e9 * np.median([c.wall for c in costs["multiply"]]) / max(len(structure.left) * n_rows, 1)
    return Line(
        what=f"multiplication, {d:,} states, {n_rows} Hamiltonians side by side: share of load/store bound",
        value=100 * share.wall, processor=100 * share.processor, unit="%", at_least=60.0,
        note=f"{spread(costs['touch'], costs['multiply'])}; {pace:.3g} ns a pair of each",
    )  # fmt: skip
