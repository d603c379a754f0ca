"""How the cost grows with the entries and with the qubits, and what a million states take."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.speed.solving import tolerance
from experiments.speed.table import Line
from experiments.speed.timing import Action, Cost, cost_of, median, ratio, spread, take_turns, timed
from experiments.speed.workload import Size, Workload, drawn_subspace, hamiltonians
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict

WIDE = 156  # qubits of the wide chain
_ROUNDS = 4  # of matching the numbers of entries
_SHORT = 0.02  # seconds below which a measurement takes several calls


def growth(load: Workload, size: Size) -> Iterator[Line]:
    """Fit the exponent of the cost in the entries; solve the largest size in a process of its own."""
    rng = np.random.default_rng(size.seed)
    spaces = [drawn_subspace(load.basis, n, rng=rng) for n in size.scaling]
    row, entries = load.coefficients[:1], []
    actions: dict[str, Action] = {}
    for space in spaces[:-1]:
        structure = restrict(load.basis, space)
        entries.append(structure.n_entries)
        work = timed(lambda structure=structure: lowest_levels(structure, row, n_levels=1, tol=tolerance(row)))
        calls = 1 + int(_SHORT / max(work(0).wall, 1e-6))
        actions[f"solve {space.dimension}"] = timed(
            lambda structure=structure: lowest_levels(structure, row, n_levels=1, tol=tolerance(row)), calls=calls
        )
        actions[f"restrict {space.dimension}"] = timed(lambda space=space: restrict(load.basis, space))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        largest = _Largest(pool, load.basis, row, spaces[-1])
        actions["largest"] = largest
        costs = take_turns(actions, size.turns)
    entries.append(largest.n_entries)
    for kind, words in (("solve", "solution"), ("restrict", "structure")):
        known = [median(costs[f"{kind} {space.dimension}"]) for space in spaces[:-1]]
        known.append(median(largest.parts[kind][1:]))
        yield _exponent(words, entries, known, size.scaling)
    whole, n = median(costs["largest"]), spaces[-1].dimension
    detail = f"structure {median(largest.parts['restrict'][1:]).wall:.3g} s, {largest.n_entries / n:.3g} entries a row"
    yield Line(what=f"{n:,} states: structure and solution", value=whole.wall, unit="s", processor=whole.processor,
               at_most=60.0, note=detail)  # fmt: skip
    yield Line(what=f"{n:,} states: peak memory", value=largest.peak, unit="GiB", at_most=4.0,
               note="of the whole process, interpreter and libraries included")  # fmt: skip


def width(load: Workload, size: Size) -> Iterator[Line]:
    """Compare a wide chain with the usual one at equal numbers of entries and of Hamiltonians."""
    wide = PauliBasis.chain(WIDE)
    rows = hamiltonians(wide, size.n_rows, strength=size.strength, rng=np.random.default_rng(size.seed))
    space = drawn_subspace(wide, size.n_states, rng=np.random.default_rng(size.seed))
    entries = restrict(wide, space).n_entries
    narrow, found = _with_entries(load.basis, entries, size)
    costs = take_turns(
        {
            "wide": timed(lambda: _solve(wide, space, rows)),
            "narrow": timed(lambda: _solve(load.basis, narrow, load.coefficients)),
            "wide structure": timed(lambda: restrict(wide, space)),
            "narrow structure": timed(lambda: restrict(load.basis, narrow)),
        },
        size.turns,
    )
    note = f"{entries:,} and {found:,} entries, {space.dimension:,} and {narrow.dimension:,} states"
    for kind, words in (("", f"{size.n_rows} Hamiltonians, structure included"), (" structure", "structure alone")):
        share = ratio(costs[f"wide{kind}"], costs[f"narrow{kind}"])
        yield Line(
            what=f"{WIDE} qubits / {load.basis.n_qubits} ({words})", value=share.wall, processor=share.processor,
            at_most=None if kind else 2.0, note=f"{spread(costs[f'wide{kind}'], costs[f'narrow{kind}'])}; {note}",
        )  # fmt: skip


class _Largest:
    """Solves the largest size in another process, and keeps what it cost and the most memory it took."""

    def __init__(self, pool: ProcessPoolExecutor, basis: PauliBasis, row: NDArray[np.float64], space: Subspace) -> None:
        self._pool, self._task = pool, (basis.n_qubits, row, space.words)
        self.n_entries, self.peak = 0, 0.0
        self.parts: dict[str, list[Cost]] = {"restrict": [], "solve": []}

    def __call__(self, turn: int) -> Cost:
        first, second, self.n_entries, self.peak = self._pool.submit(_solve_apart, *self._task).result()
        self.parts["restrict"].append(first)
        self.parts["solve"].append(second)
        return first + second


def _solve_apart(n_qubits: int, row: NDArray[np.float64], words: NDArray[np.uint64]) -> tuple[Cost, Cost, int, float]:
    basis, space = PauliBasis.chain(n_qubits), Subspace.span(n_qubits, words)
    first, structure = cost_of(lambda: restrict(basis, space))
    second, _ = cost_of(lambda: lowest_levels(structure, row, n_levels=1, tol=tolerance(row)))
    return first, second, structure.n_entries, peak_memory()


def peak_memory() -> float:
    """Return the most memory that this process had in use, in GiB."""
    status = Path("/proc/self/status")
    if status.exists():  # the number below starts with what the parent had in use when it made this process
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _exponent(words: str, entries: list[int], costs: list[Cost], states: tuple[int, ...]) -> Line:
    logs = np.log(entries)
    wall, processor = (
        np.polyfit(logs, np.log(t), 1)[0] for t in zip(*((c.wall, c.processor) for c in costs), strict=True)
    )
    each = ", ".join(f"{1e9 * c.wall / n:.3g}" for c, n in zip(costs, entries, strict=True))
    rest = f", {np.polyfit(logs[1:], np.log([c.wall for c in costs[1:]]), 1)[0]:.3g} without the first"
    return Line(
        what=f"exponent of the {words} in the entries, {states[0]:,} to {states[-1]:,} states", value=float(wall),
        processor=float(processor), at_most=1.1, note=f"ns an entry {each}{rest if len(costs) > 2 else ''}",
    )  # fmt: skip


def _with_entries(basis: PauliBasis, entries: int, size: Size) -> tuple[Subspace, int]:
    """Return the drawn states whose number of entries is nearly the given one."""
    n_states, found = size.n_states, 0
    for _ in range(_ROUNDS):
        space = drawn_subspace(basis, n_states, rng=np.random.default_rng(size.seed))
        found = restrict(basis, space).n_entries
        n_states = max(1, round(n_states * entries / found))
    return space, found


def _solve(basis: PauliBasis, space: Subspace, rows: NDArray[np.float64]) -> None:
    lowest_levels(restrict(basis, space), rows, n_levels=1, tol=tolerance(rows))
