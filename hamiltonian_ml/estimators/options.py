"""Checks of the estimators' parameters, and the one table from each name to what it makes.

In: an estimator's parameters as the user gave them. Out: checked values, a `PauliBasis`, a `Selection`, `Settings`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from hamiltonian_ml.bases.checks import check_choice, check_flag, check_integer, check_real
from hamiltonian_ml.bases.frames import FRAMES
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.feature_maps import FeatureMap, Features, Mapped, Products, Waves, mix
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.sampling.store import SampleStore, as_store
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.selection.controls import RandomSelection
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.refine import RefinedSelection
from hamiltonian_ml.selection.strategy import DEFAULT_MAX_DIMENSION, Selection
from hamiltonian_ml.subspace.memory import check_memory

FULL_SPACE_QUBITS = 10  # up to here "auto" takes all basis states, 1,024 at most, unless a backend is named
FOURIER_WAVES = 2
FULL_BATCH_ROWS = 1024  # up to here "auto" takes all rows in one batch


def _zigzag(n_qubits: int) -> PauliBasis:
    """Return the strings on a chain whose neighbours at distance 1 and 2 interact."""
    pairs = [(q, q + reach) for reach in (1, 2) for q in range(n_qubits - reach)]
    return PauliBasis.from_edges(n_qubits, pairs)


GRAPHS = {"chain": PauliBasis.chain, "zigzag": _zigzag, "ring": PauliBasis.ring, "heavy_hex": PauliBasis.heavy_hex}


def make_basis(connectivity: Any, n_qubits: Any, *, entangling: Any) -> PauliBasis:
    """Return the strings of the model: those of the graph, without two-qubit strings if not entangling."""
    check_flag("entangling", entangling)
    if isinstance(connectivity, PauliBasis):
        basis = connectivity
    else:
        check_integer("n_qubits", n_qubits, at_least=1)
        if isinstance(connectivity, str):
            check_choice("connectivity", connectivity, tuple(GRAPHS))
            basis = GRAPHS[connectivity](n_qubits)
        else:
            basis = PauliBasis.from_edges(n_qubits, _edges(connectivity))
    if not entangling:
        basis = basis.subset(basis.paulis[:, 1] == 0)
    if not basis.n_terms:
        raise ValueError("connectivity must have at least one string, on one qubit if not entangling; it has none.")
    return basis


def _edges(connectivity: Any) -> list[Any]:
    try:
        return [tuple(edge) for edge in connectivity]
    except TypeError:
        names = ", ".join(map(repr, GRAPHS))
        raise ValueError(
            f"connectivity must be one of {names}, a list of pairs of qubits or a PauliBasis, got {connectivity!r}."
        ) from None


def make_selection(estimator: Any, basis: PauliBasis) -> Selection:
    """Return the strategy that picks the basis states: the user's own object, or the named one.

    Options of the strategies that are not taken are checked all the same.

    Raises
    ------
    ValueError
        If an option is not allowed.
    MemoryError
        If a subspace may grow to more states than fit.
    """
    check_integer("max_dimension", estimator.max_dimension, at_least=1, or_none=True)
    check_integer("expansion_rounds", estimator.expansion_rounds, at_least=0)
    strategies: dict[str, Selection] = {
        "full": FullSelection(),
        "krylov": KrylovSelection(
            backend=estimator.backend,
            krylov_dimension=estimator.krylov_dimension,
            time_step=estimator.time_step,
            trotter_order=estimator.trotter_order,
            shots=estimator.shots,
            max_dimension=estimator.max_dimension,
            store=estimator.store,
            max_qpu_seconds=estimator.max_qpu_seconds,
        ),
        "classical": ClassicalSelection(estimator.max_dimension),
        "random": RandomSelection(estimator.max_dimension),
    }
    chosen: Selection = with_common(_named_or_own(estimator, basis.n_qubits, strategies), estimator)
    _check_frame(estimator.frame, basis, chosen)
    if isinstance(chosen, KrylovSelection):
        chosen.check_size(basis.n_qubits)
    if estimator.expansion_rounds and not isinstance(chosen, FullSelection | ClassicalSelection | RefinedSelection):
        dimension = DEFAULT_MAX_DIMENSION if estimator.max_dimension is None else estimator.max_dimension
        chosen = RefinedSelection(chosen, dimension=dimension, rounds=estimator.expansion_rounds)
    if isinstance(chosen, ClassicalSelection | RandomSelection | RefinedSelection):
        wanted = chosen.dimension if isinstance(chosen, RefinedSelection) else chosen.max_dimension
        check_memory(basis, min(wanted or DEFAULT_MAX_DIMENSION, 2**basis.n_qubits), n_rows=1)
    return chosen


def _named_or_own(estimator: Any, n_qubits: int, strategies: dict[str, Selection]) -> Selection:
    """Return the strategy of a name, or a strategy as it is. Who names a backend wants circuits to run there."""
    selection, backend = estimator.selection, estimator.backend
    if isinstance(selection, str):
        check_choice("selection", selection, ("auto", *strategies))
        is_named = getattr(backend, "name", backend) != "auto"
        chosen = "krylov" if is_named or n_qubits > FULL_SPACE_QUBITS else "full"
        return strategies[chosen if selection == "auto" else selection]
    flagged = isinstance(getattr(selection, "needs_refresh", None), bool)
    if isinstance(selection, type) or not callable(getattr(selection, "select", None)) or not flagged:
        names = ", ".join(map(repr, ("auto", *strategies)))
        raise ValueError(
            f"selection must be one of {names}, or an object with a method select and an attribute needs_refresh that "
            f"is True or False, got {selection!r}."
        )
    own: Selection = selection
    return own


def with_common(selection: Any, estimator: Any) -> Any:
    """Return a strategy that keeps its samples in the store of an estimator and within its budget.

    Raises
    ------
    ValueError
        If the strategy has a store or a budget already, and the estimator another.
    """
    inner = selection
    while isinstance(inner, RefinedSelection):
        inner = inner.base
    if not isinstance(inner, KrylovSelection):
        return selection
    changes = {}
    for name, same in (("store", _resolved), ("max_qpu_seconds", lambda budget: budget)):
        own, common = getattr(inner, name), getattr(estimator, name)
        if own is not None and common is not None and same(own) != same(common):
            raise ValueError(f"{name} is {common!r}, but that of the object given as selection is {own!r}; give one.")
        changes[name] = own if common is None else common
    return placed(selection, **changes)


def placed(selection: Any, **changes: Any) -> Any:
    """Return a strategy with another store or budget where it samples, and anything else as it is."""
    if isinstance(selection, RefinedSelection):
        return replace(selection, base=placed(selection.base, **changes))
    return replace(selection, **changes) if isinstance(selection, KrylovSelection) else selection


def _resolved(store: Any) -> SampleStore | None:
    known = as_store(store)
    return None if known is None else replace(known, folder=known.path.resolve())


def _check_frame(frame: Any, basis: PauliBasis, selection: Selection) -> None:
    """Raise ValueError if a frame is not known, or mixes strings that are there with strings that are not."""
    check_choice("frame", frame, FRAMES)
    if frame == "mean_field" and not basis.is_complete and not isinstance(selection, FullSelection):
        raise ValueError(
            'frame="mean_field" mixes the strings on a qubit or an edge, so the PauliBasis given as connectivity must '
            'hold all of them; use PauliBasis.from_edges with its edges, frame="computational" or selection="full".'
        )


def make_settings(estimator: Any, n_rows: int) -> Settings:
    """Return the checked settings of the training loop for so many rows."""
    for name in ("max_iter", "n_iter_no_change", "refresh_every"):
        check_integer(name, getattr(estimator, name), at_least=1)
    for name in ("alpha", "variance_penalty", "tol"):
        check_real(name, getattr(estimator, name))
    for name in ("learning_rate", "start_scale"):
        check_real(name, getattr(estimator, name), exclusive=True)
    if not isinstance(estimator.verbose, bool):
        check_integer("verbose", estimator.verbose, at_least=0)
    if estimator.batch_size == "auto":
        batch_size = None if n_rows <= FULL_BATCH_ROWS else FULL_BATCH_ROWS // 4
    else:
        check_integer("batch_size", estimator.batch_size, at_least=1, why='or take "auto"')
        batch_size = estimator.batch_size
    return Settings(
        max_iter=estimator.max_iter,
        batch_size=batch_size,
        learning_rate=estimator.learning_rate,
        alpha=estimator.alpha,
        variance_penalty=estimator.variance_penalty,
        tol=estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        refresh_every=estimator.refresh_every,
        local_frames=estimator.frame == "mean_field",
    )


def check_validation(estimator: Any) -> None:
    """Raise ValueError if an option of early or warm starts and stops is not allowed."""
    for name in ("early_stopping", "warm_start"):
        check_flag(name, getattr(estimator, name))
    check_real("validation_fraction", estimator.validation_fraction, exclusive=True)
    if estimator.validation_fraction >= 1:
        raise ValueError(f"validation_fraction must be between 0 and 1, got {estimator.validation_fraction!r}.")


def make_maps(embedding: Any, rank: Any, n_features: int, *, seed: np.random.SeedSequence) -> FeatureMap:
    """Return the maps of the features with their start values: the named ones, or the user's own."""
    if rank is not None:
        check_integer("rank", rank, at_least=1, why="or None")
    if isinstance(embedding, str):
        check_choice("embedding", embedding, ("linear", "quadratic", "fourier"))
        frequencies = np.arange(1.0, 1 + FOURIER_WAVES)[:, None] * np.ones(n_features)
        named: dict[str, FeatureMap] = {"linear": Features(), "quadratic": Products(), "fourier": Waves(frequencies)}
        return mix(named[embedding], n_features, rank, seed=seed)
    pair = embedding if isinstance(embedding, tuple) and len(embedding) == 2 else (embedding, None)
    if not callable(pair[0]):
        raise ValueError(
            "embedding must be 'linear', 'quadratic', 'fourier', a JAX function of the rows, or a pair of a function "
            f"of parameters and rows and its start values; got {embedding!r}."
        )
    start = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), pair[1])
    maps = Mapped(pair[0], start)
    try:
        jax.eval_shape(lambda traced, rows: traced(rows), maps, np.zeros((2, n_features)))
    except jax.errors.JAXTypeError as error:
        raise ValueError(
            "embedding must use jax.numpy, not numpy, and no if on values, so that JAX can differentiate it."
        ) from error
    found = maps(np.zeros((2, n_features)))
    if found.ndim != 2 or len(found) != 2 or not np.isfinite(found).all():
        raise ValueError(f"embedding must return finite values (n_rows, n_maps), got shape {found.shape} for 2 rows.")
    two = np.array([np.zeros(n_features), np.full(n_features, 0.5)])
    if not np.allclose(maps(two)[1:], maps(two[1:]), rtol=1e-4, equal_nan=True):  # of 32 bits, perhaps
        raise ValueError("embedding must map each row on its own, got other maps of a row where another is beside it.")
    return mix(maps, n_features, rank, seed=seed)
