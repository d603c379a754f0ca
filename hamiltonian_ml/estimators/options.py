"""Checks of the estimators' parameters, and the one table from each name to what it makes.

In: an estimator's parameters as the user gave them. Out: checked values, a `PauliBasis`, a `Selection`, `Settings`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.selection.controls import RandomSelection
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.refine import RefinedSelection
from hamiltonian_ml.selection.strategy import DEFAULT_MAX_DIMENSION, Selection, check_dimension

FULL_SPACE_QUBITS = 10  # up to here "auto" takes all basis states: 1,024 at most
FULL_BATCH_ROWS = 1024  # up to here "auto" takes all rows in one batch
GRAPHS = {"chain": PauliBasis.chain, "ring": PauliBasis.ring}
SELECTIONS = ("auto", "full", "krylov", "classical", "random")
FRAMES = ("mean_field", "computational")


def check_integer(name: str, value: Any, *, at_least: int) -> int:
    """Return an integer parameter, or raise ValueError with its name, what is allowed and what came."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        raise ValueError(f"{name} must be an integer of at least {at_least}, got {value!r}.")
    return int(value)


def check_real(name: str, value: Any, *, at_least: float = 0.0, exclusive: bool = False) -> float:
    """Return a finite real parameter above a bound, or raise ValueError."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < at_least or (exclusive and value == at_least):
        bound = "above" if exclusive else "of at least"
        raise ValueError(f"{name} must be a finite number {bound} {at_least:g}, got {value!r}.")
    return float(value)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return a parameter that is one of a few names, or raise ValueError that lists them."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
    return value


def make_basis(connectivity: Any, n_qubits: Any, *, entangling: Any) -> PauliBasis:
    """Return the strings of the model: those of the graph, without two-qubit strings if not entangling."""
    if not isinstance(entangling, bool | np.bool_):
        raise ValueError(f"entangling must be True or False, got {entangling!r}.")
    if isinstance(connectivity, PauliBasis):
        basis = connectivity
    else:
        n_qubits = check_integer("n_qubits", n_qubits, at_least=1)
        if isinstance(connectivity, str):
            basis = GRAPHS[check_choice("connectivity", connectivity, tuple(GRAPHS))](n_qubits)
        else:
            basis = PauliBasis.from_edges(n_qubits, _edges(connectivity))
    return basis if entangling else basis.subset(basis.paulis[:, 1] == 0)


def _edges(connectivity: Any) -> list[Any]:
    try:
        return [tuple(edge) for edge in connectivity]
    except TypeError:
        names = ", ".join(map(repr, GRAPHS))
        raise ValueError(
            f"connectivity must be one of {names}, a list of pairs of qubits or a PauliBasis, got {connectivity!r}."
        ) from None


def make_selection(estimator: Any, n_qubits: int) -> Selection:
    """Return the strategy that picks the basis states: the user's own object, or the named one."""
    if hasattr(estimator.selection, "select"):
        chosen: Selection = estimator.selection
        return chosen
    name = check_choice("selection", estimator.selection, SELECTIONS)
    if name == "auto":
        name = "full" if n_qubits <= FULL_SPACE_QUBITS else "krylov"
    check_dimension("max_dimension", estimator.max_dimension)
    rounds = check_integer("expansion_rounds", estimator.expansion_rounds, at_least=0)
    krylov = KrylovSelection(
        backend=estimator.backend,
        krylov_dimension=check_integer("krylov_dimension", estimator.krylov_dimension, at_least=2),
        time_step=estimator.time_step,
        trotter_order=estimator.trotter_order,
        shots=check_integer("shots", estimator.shots, at_least=1),
        max_dimension=estimator.max_dimension,
    )
    strategies: dict[str, Selection] = {
        "full": FullSelection(),
        "krylov": krylov,
        "classical": ClassicalSelection(estimator.max_dimension),
        "random": RandomSelection(estimator.max_dimension),
    }
    if rounds and name in ("krylov", "random"):
        dimension = DEFAULT_MAX_DIMENSION if estimator.max_dimension is None else estimator.max_dimension
        return RefinedSelection(strategies[name], dimension=dimension, rounds=rounds)
    return strategies[name]


def make_settings(estimator: Any, n_rows: int) -> Settings:
    """Return the checked settings of the training loop for so many rows."""
    if isinstance(estimator.batch_size, str):
        check_choice("batch_size", estimator.batch_size, ("auto",))
        batch_size = None if n_rows <= FULL_BATCH_ROWS else FULL_BATCH_ROWS // 4
    else:
        batch_size = check_integer("batch_size", estimator.batch_size, at_least=1)
    return Settings(
        max_iter=check_integer("max_iter", estimator.max_iter, at_least=1),
        batch_size=batch_size,
        learning_rate=check_real("learning_rate", estimator.learning_rate, exclusive=True),
        alpha=check_real("alpha", estimator.alpha),
        variance_penalty=check_real("variance_penalty", estimator.variance_penalty),
        tol=check_real("tol", estimator.tol),
        n_iter_no_change=check_integer("n_iter_no_change", estimator.n_iter_no_change, at_least=1),
        refresh_every=check_integer("refresh_every", estimator.refresh_every, at_least=1),
        local_frames=check_choice("frame", estimator.frame, FRAMES) == "mean_field",
    )
