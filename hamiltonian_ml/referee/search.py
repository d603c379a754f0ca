"""Searches with restarts for the lowest state of a Hamiltonian on sites, and for the level above it.

In: a `SiteProblem`. Out: `FoundState`, and a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.referee.matrix_product import (
    Operator,
    State,
    add_noise,
    add_projector,
    bracket,
    compress,
    energy_and_variance,
    overlap,
)
from hamiltonian_ml.referee.placement import SiteProblem
from hamiltonian_ml.referee.result import DEGENERACY_TOLERANCE
from hamiltonian_ml.referee.sweeps import SweptState, sweep_to_ground_state

NOISE, NOISY_BOND = 0.03, 4  # of a start: pairs of flips come in with .001, enough to leave a symmetry sector
RANDOM_NOISE, RANDOM_BOND = 100.0, 16  # of a start that forgets the product state; with 8, far pairs are not found
LARGE_RESIDUAL = 1e-3  # of the size of the operator; from here on other starts are tried
PROJECTOR_BOND = 8  # of the ground state where it is projected out; its square widens the operator's bonds


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """When to truncate, when to stop and when to start again; see `hamiltonian_ml.referee.dmrg.dmrg_ground_state`.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    max_bond: int
    cutoff: float
    tol: float
    max_sweeps: int
    max_restarts: int

    def __post_init__(self) -> None:
        for name, least in (("max_bond", 1), ("max_sweeps", 1), ("max_restarts", 0)):
            check_integer(name, getattr(self, name), at_least=least)
        for name in ("cutoff", "tol"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {value!r}.")


@dataclass(frozen=True, eq=False)
class FoundState:
    """The best state of a search.

    Attributes
    ----------
    swept : SweptState
        The state and how its sweeps ended.
    energy : float
        Its energy, in the units of the Hamiltonian.
    residual : float
        ``||H psi - E psi||``, the root of its variance.
    n_starts : int
        Starts that were tried.
    """

    swept: SweptState
    energy: float
    residual: float
    n_starts: int


def search_ground_state(
    problem: SiteProblem, settings: SearchSettings, rng: np.random.Generator, initial: State | None = None
) -> FoundState:
    """Return the best state of one search, or of several while the residual is large.

    The first one starts from ``initial``, or else from the product state of the problem with some noise.
    """
    start = add_noise(problem.product, NOISY_BOND, NOISE, rng) if initial is None else initial
    best = _measured(_sweep(problem.operator, start, problem, settings), problem, 1)
    while best.residual > LARGE_RESIDUAL * problem.size and best.n_starts <= settings.max_restarts:
        start = add_noise(problem.product, RANDOM_BOND, RANDOM_NOISE, rng)
        other = _measured(_sweep(problem.operator, start, problem, settings), problem, best.n_starts + 1)
        best = replace(min(best, other, key=lambda state: state.energy), n_starts=other.n_starts)
    return best


def search_gap(
    problem: SiteProblem, ground: FoundState, settings: SearchSettings, rng: np.random.Generator
) -> tuple[float, bool]:
    """Return the distance to the next level, and whether it is too small to be told from zero and given as zero.

    Notes
    -----
    The ground state is pushed up by a projector on a state with small bonds that is close to it. What is lowest then,
    together with the ground state, spans a space of two states, whose two levels give the gap.
    """
    pushed = compress(ground.swept.tensors, PROJECTOR_BOND)
    operator = add_projector(problem.operator, pushed, 2 * problem.gap_bound)
    start = add_noise(problem.product, RANDOM_BOND, RANDOM_NOISE, rng)
    excited = _sweep(operator, start, problem, settings).tensors
    energy, variance = energy_and_variance(excited, problem.operator)
    shared = overlap(ground.swept.tensors, excited)
    gap = problem.gap_bound
    if abs(shared) ** 2 < 0.9:  # else the two span a line, and the bound is all there is
        between = bracket(ground.swept.tensors, problem.operator, excited)
        matrix = np.array([[ground.energy, between], [np.conj(between), energy]])
        metric = np.array([[1, shared], [np.conj(shared), 1]])
        low, high = eigh(matrix, metric, eigvals_only=True)
        gap = min(gap, float(high - low))
    blur = ground.residual + float(np.sqrt(variance))
    if gap <= max(blur, DEGENERACY_TOLERANCE * problem.summed_size):
        return 0.0, True
    return gap, False


def _measured(swept: SweptState, problem: SiteProblem, n_starts: int) -> FoundState:
    energy, variance = energy_and_variance(swept.tensors, problem.operator)
    return FoundState(swept, energy, float(np.sqrt(variance)), n_starts)


def _sweep(operator: Operator, start: State, problem: SiteProblem, settings: SearchSettings) -> SweptState:
    return sweep_to_ground_state(
        operator,
        start,
        max_bond=settings.max_bond,
        cutoff=settings.cutoff,
        energy_tol=settings.tol * problem.size,
        max_sweeps=settings.max_sweeps,
    )
