"""Checks of plain parameters, each with an error that names the parameter, what is allowed and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST_COEFFICIENT = 1e-100  # squares and their sums do not vanish
LARGEST_COEFFICIENT = 1e100  # squares and their sums stay finite


def check_integer(name: str, value: Any, *, at_least: int, or_none: bool = False, why: str = "") -> None:
    """Raise ValueError unless a value is an integer of at least a bound, or None where that is allowed.

    ``why`` ends the message: a reason or what to do, without a full stop.
    """
    if value is None and or_none:
        return
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < at_least:
        none = " or None" if or_none else ""
        reason = f"; {why}" if why else ""
        raise ValueError(f"{name} must be an integer of at least {at_least}{none}, got {value!r}{reason}.")


def check_real(name: str, value: Any, *, at_least: float = 0.0, exclusive: bool = False) -> None:
    """Raise ValueError unless a value is a finite real number of at least a bound, or above it."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < at_least or (exclusive and value == at_least):
        bound = "above" if exclusive else "of at least"
        raise ValueError(f"{name} must be a finite number {bound} {at_least:g}, got {value!r}.")


def check_choice(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Raise ValueError unless a value is one of those allowed, of the same type."""
    if not any(type(value) is type(each) and value == each for each in allowed):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")


def check_flag(name: str, value: Any) -> None:
    """Raise ValueError unless a value is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def check_scale(coefficients: NDArray[np.float64]) -> None:
    """Raise ValueError if a row's largest coefficient is so small that squares of energies would vanish."""
    largest = np.abs(coefficients).max(axis=1, initial=0.0)
    lost = np.flatnonzero((largest > 0) & (largest < SMALLEST_COEFFICIENT))
    if len(lost):
        raise ValueError(
            f"coefficients must be zero throughout a row or reach {SMALLEST_COEFFICIENT:g} in it, but those of row "
            f"{lost[0]} reach {largest[lost[0]]:g}; choose another energy unit."
        )


def check_operator(name: str, value: Any) -> None:
    """Raise TypeError unless a value is an operator with the methods of Qiskit's SparsePauliOp."""
    if not (hasattr(value, "to_sparse_list") and hasattr(value, "simplify")):
        raise TypeError(
            f"{name} must be a SparsePauliOp, got {type(value).__name__}; make one with SparsePauliOp(...)."
        )


def checked_edges(edges: Any, n_qubits: int) -> tuple[tuple[int, int], ...]:
    """Return the edges of a graph once each, sorted, the smaller qubit first, or raise ValueError."""
    if not isinstance(edges, Iterable):
        raise ValueError(f"edges must be pairs of different qubits, got {edges!r}; use [] for none.")
    return tuple(sorted({_checked_edge(edge, n_qubits) for edge in edges}))


def _checked_edge(edge: Any, n_qubits: int) -> tuple[int, int]:
    pair = tuple(edge) if isinstance(edge, Sequence | np.ndarray) else (edge,)
    integers = all(isinstance(q, int | np.integer) and 0 <= q < n_qubits for q in pair)
    if len(pair) != 2 or pair[0] == pair[1] or not integers:
        raise ValueError(f"edges must be pairs of different qubits from 0 to {n_qubits - 1}, got {edge!r}.")
    return (min(int(q) for q in pair), max(int(q) for q in pair))
