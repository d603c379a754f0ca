"""What a ground state costs: ours beside the peers'; with its gradient over without; its certificate over itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from experiments.speed.peers import Answer, Peer, Problem, arpack_settings, installed, open_peer
from experiments.speed.table import Line
from experiments.speed.timing import Action, Cost, median, ratio, spread, take_turns, threads, timed
from experiments.speed.workload import Size, Workload
from hamiltonian_ml.bases.cores import n_cores
from hamiltonian_ml.subspace.certificate import GAP_TOL, certify
from hamiltonian_ml.subspace.ground_state import Levels, coefficient_gradients, expectations, lowest_levels
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

RESIDUAL = 1e-6  # absolute, in the energy unit of the field
SAME_ENERGY = 1e-6
EPOCH = 0.01  # by how much an epoch at the usual learning rate moves each coefficient
REQUIRED = {"addon-sqd": (500.0, 1000.0), "fulqrum": (30.0, 50.0)}


def tolerance(coefficients: NDArray[np.float64]) -> float:
    """Return the relative tolerance of the solver that keeps the residual of every row below `RESIDUAL`."""
    return RESIDUAL / float(np.abs(coefficients).max())


def against_peers(load: Workload, size: Size, names: Sequence[str] = tuple(REQUIRED)) -> Iterator[Line]:
    """Time a Hamiltonian, with the structure shared out, beside a solution by each peer."""
    structure = restrict(load.basis, load.subspace)
    matrices = [structure.matrix(row) for row in load.coefficients]
    problems = [_problem(load, row, matrix) for row, matrix in _firsts(load, matrices, size.turns)]
    answers: dict[str, dict[int, Answer]] = {}
    actions = _ours(load, structure)
    with ExitStack() as stack:
        for name in names:
            if installed(name) is not None and not (name == "addon-sqd" and load.basis.n_qubits > 63):
                peer = stack.enter_context(open_peer(name))
                actions[name] = _by_peer(peer, problems, answers.setdefault(name, {}))
        costs = take_turns(actions, size.turns)
    _check(lowest_levels(structure, load.coefficients, n_levels=1, tol=tolerance(load.coefficients)), matrices, answers)
    yield from _cost_lines(costs, structure)
    for name in names:
        yield from _peer_lines(name, costs, answers.get(name))


def on_all_cores(load: Workload, size: Size) -> Iterator[Line]:
    """Do the same with all cores for ours and for fulqrum."""
    cores = n_cores()
    with threads(cores):
        for line in against_peers(load, size, ("fulqrum",)):
            yield replace(line, what=f"{line.what}, {cores} threads")


def gradient(load: Workload, size: Size) -> Iterator[Line]:
    """Time the forward solution and the adjoint gradient of all coefficients together over the forward solution."""
    structure, tol = restrict(load.basis, load.subspace), tolerance(load.coefficients)
    cotangents = np.random.default_rng(size.seed).standard_normal(load.coefficients.shape)

    def forward(n_levels: int) -> Levels:
        levels = lowest_levels(structure, load.coefficients, n_levels=n_levels, tol=tol)
        expectations(structure, levels.ground_states, levels.ground_states)
        return levels

    def both(n_levels: int) -> None:
        coefficient_gradients(structure, load.coefficients, forward(n_levels), cotangents, tol=RESIDUAL)

    costs = take_turns(
        {
            "ground": timed(lambda: forward(1)),
            "ground, gradient": timed(lambda: both(1)),
            "gap": timed(lambda: forward(2)),
            "gap, gradient": timed(lambda: both(2)),
        },
        size.turns,
    )
    for kind, words in (("ground", "ground state"), ("gap", "ground state and gap")):
        share = ratio(costs[f"{kind}, gradient"], costs[kind])
        note = spread(costs[f"{kind}, gradient"], costs[kind])
        yield Line(
            what=f"forward plus gradient / forward ({words})", value=share.wall, processor=share.processor,
            at_most=3.0, note=note,
        )  # fmt: skip


def certificate(load: Workload, size: Size) -> Iterator[Line]:
    """Time certificates, the boundary and the second level included, over the solutions, structure included."""
    structure = restrict(load.basis, load.subspace)
    for rows, words in (
        (load.coefficients, f"{len(load.coefficients)} Hamiltonians"),
        (load.coefficients[:1], "one alone"),
    ):
        found = lowest_levels(structure, rows, n_levels=1, tol=tolerance(rows)).states
        costs = take_turns(
            {
                "solve": timed(lambda rows=rows: _solve(load, rows, n_levels=1)),
                "certify": timed(lambda rows=rows, found=found: _certify(structure, rows, found)),
            },
            size.turns,
        )
        share = ratio(costs["certify"], costs["solve"])
        yield Line(
            what=f"certificate / solution ({words})", value=share.wall, processor=share.processor, at_most=10.0,
            note=spread(costs["certify"], costs["solve"]),
        )  # fmt: skip


def _certify(structure: SubspaceStructure, rows: NDArray[np.float64], found: NDArray[Any]) -> None:
    """Certify ground states at hand: find the second levels as closely as trust asks for, then what lies outside."""
    certify(structure, rows, lowest_levels(structure, rows, tol=tolerance(rows), gap_tol=GAP_TOL, guesses=found))


def _solve(load: Workload, rows: NDArray[np.float64], *, n_levels: int) -> Levels:
    return lowest_levels(restrict(load.basis, load.subspace), rows, n_levels=n_levels, tol=tolerance(rows))


def _ours(load: Workload, structure: SubspaceStructure) -> dict[str, Action]:
    """Return our own competitors: the structure, and solutions of all rows on it, per Hamiltonian."""
    rows, n_rows = load.coefficients, len(load.coefficients)
    tol = tolerance(rows)
    earlier = rows + EPOCH * np.random.default_rng(0).standard_normal(rows.shape)
    guesses = lowest_levels(structure, earlier, tol=tol).states

    def solve(n_levels: int, guesses: NDArray[Any] | None = None) -> Action:
        work = timed(lambda: lowest_levels(structure, rows, n_levels=n_levels, tol=tol, guesses=guesses))
        return lambda turn: work(turn) / n_rows

    structures = timed(lambda: restrict(load.basis, load.subspace))
    return {
        "structure": lambda turn: structures(turn) / n_rows,
        "cold": solve(1),
        "warm": solve(1, guesses[:, :1]),
        "cold, gap": solve(2),
        "warm, gap": solve(2, guesses),
    }


def _firsts(
    load: Workload, matrices: list[sparse.csr_array], n_rows: int
) -> Iterator[tuple[NDArray[np.float64], sparse.csr_array]]:
    yield from zip(load.coefficients[:n_rows], matrices[:n_rows], strict=True)


def _problem(load: Workload, row: NDArray[np.float64], matrix: sparse.csr_array) -> Problem:
    start, tol = arpack_settings(matrix, residual=RESIDUAL)
    return Problem(load.basis, row, load.subspace, start, tol)


def _by_peer(peer: Peer, problems: list[Problem], answers: dict[int, Answer]) -> Action:
    def solve(turn: int) -> Cost:
        row = turn % len(problems)
        answers[row] = peer.solve(problems[row])
        return answers[row].cost

    return solve


def _check(levels: Levels, matrices: list[sparse.csr_array], answers: dict[str, dict[int, Answer]]) -> None:
    """Compare all energies, and all residuals with the explicit matrices."""
    found = [("ours", k, levels.energies[k, 0], levels.ground_states[k]) for k in range(len(matrices))]
    found += [(name, k, a.energy, a.state) for name, given in answers.items() for k, a in given.items()]
    for name, k, energy, state in found:
        residual = np.linalg.norm(matrices[k] @ state - energy * state)
        if not residual <= RESIDUAL:
            raise AssertionError(f"{name}: residual {residual:.1e} of Hamiltonian {k} is above {RESIDUAL:g}")
        if not abs(energy - levels.energies[k, 0]) <= SAME_ENERGY:
            raise AssertionError(f"{name}: energy of Hamiltonian {k} is off by {energy - levels.energies[k, 0]:.1e}")


def _cost_lines(costs: dict[str, list[Cost]], structure: SubspaceStructure) -> Iterator[Line]:
    whole = {name: _with_structure(costs, name) for name in ("cold", "warm", "cold, gap", "warm, gap")}
    note = f"of which structure {1e3 * median(costs['structure']).wall:.3g} ms, shared out"
    words = {"cold": "", "warm": ", warm", "cold, gap": " and gap", "warm, gap": " and gap, warm"}
    for name, of_what in words.items():
        cost = median(whole[name])
        yield Line(
            what=f"ours: ground state{of_what}",
            value=1e3 * cost.wall,
            unit="ms",
            processor=1e3 * cost.processor,
            note=note,
        )
        note = ""


def _peer_lines(name: str, costs: dict[str, list[Cost]], answers: dict[int, Answer] | None) -> Iterator[Line]:
    required, wish = REQUIRED[name]
    what = f"{name} / ours"
    if answers is None:
        why = "needs `make peers`" if installed(name) is None else "at most 63 qubits"
        yield Line(what=what, value=None, at_least=required, wish=wish, note=f"{name} left out: {why}")
        return
    cost, ours = median(costs[name]), _with_structure(costs, "cold")
    steps = zip(*(a.steps for a in answers.values()), strict=True)
    note = " + ".join(f"{1e3 * median(step).wall:.3g}" for step in steps)
    yield Line(
        what=f"{name}: ground state", value=1e3 * cost.wall, unit="ms", processor=1e3 * cost.processor, note=note
    )
    share = ratio(costs[name], ours)
    yield Line(
        what=what, value=share.wall, processor=share.processor, at_least=required, wish=wish,
        note=spread(costs[name], ours),
    )  # fmt: skip


def _with_structure(costs: dict[str, list[Cost]], name: str) -> list[Cost]:
    return [a + b for a, b in zip(costs["structure"], costs[name], strict=True)]
