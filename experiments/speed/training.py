"""What a step of training costs a row: ground states, expectation values, the variance outside, the exact gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.speed.solving import EPOCH
from experiments.speed.table import Line
from experiments.speed.timing import Action, median, take_turns, timed
from experiments.speed.workload import Size, Workload
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning.expectations import pull_back, solve
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.subspace.boundary import Boundary, find_boundary
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict
from hamiltonian_ml.subspace.variance import outside_variance

_AT_MOST = 10.0  # milliseconds a row
_FEWER = 8  # times fewer states than are solved elsewhere: what a model of two moons trains in


def training(load: Workload, size: Size) -> Iterator[Line]:
    """Time what a step does with a batch below the embedding, from the states of the epoch before."""
    settings, words = Settings(), load.subspace.words
    fewest_flips = np.argsort(np.bitwise_count(words).sum(axis=1), kind="stable")
    for n_states in (size.n_states // _FEWER, size.n_states):
        subspace = Subspace.span(load.basis.n_qubits, words[np.sort(fewest_flips[:n_states])])
        structure = restrict(load.basis, subspace)
        costs = take_turns(_actions(load, structure, find_boundary(structure), settings), size.turns)
        n_rows = len(load.coefficients)
        for what, found in costs.items():
            cost = median(found)
            whole = what == "whole step"
            yield Line(
                what=f"training, {subspace.dimension:,} states: {what}, a row", value=1e3 * cost.wall / n_rows,
                unit="ms", processor=1e3 * cost.processor / n_rows, at_most=_AT_MOST if whole else None,
            )  # fmt: skip


def _actions(load: Workload, structure: SubspaceStructure, boundary: Boundary, settings: Settings) -> dict[str, Action]:
    rng, rows = np.random.default_rng(0), load.coefficients
    cotangents = rng.standard_normal(rows.shape)
    before = solve(rows + EPOCH * rng.standard_normal(rows.shape), structure, tol=settings.solver_tol, device="cpu")
    guesses = before.levels.states
    states = solve(rows, structure, guesses=guesses, tol=settings.solver_tol, device="cpu")

    def step() -> None:
        found = solve(rows, structure, guesses=guesses, tol=settings.solver_tol, device="cpu")
        outside = outside_variance(structure, boundary, rows, found.levels)
        pull_back(found, cotangents, sources=outside.sources, min_gap=settings.min_gap)

    return {
        "ground states, gaps and expectation values": timed(
            lambda: solve(rows, structure, guesses=guesses, tol=settings.solver_tol, device="cpu")
        ),
        "variance outside": timed(lambda: outside_variance(structure, boundary, rows, states.levels)),
        "gradient": timed(lambda: pull_back(states, cotangents, min_gap=settings.min_gap)),
        "whole step": timed(step),
    }
