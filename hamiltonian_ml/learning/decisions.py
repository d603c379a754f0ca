"""Decisions between classes: rows whose logits lie closer than their errors are solved again among more basis states.

In: the ground states of a batch, the label operators, and what is added to the logits. Out: `Decisions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.frames import rotate, rotate_back
from hamiltonian_ml.learning.expectations import GroundStates, solve
from hamiltonian_ml.learning.model import Parameters, readout
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.subspace.boundary import Boundary, find_boundary
from hamiltonian_ml.subspace.certificate import GAP_TOL, Certificate, spreads
from hamiltonian_ml.subspace.second_look import certify_closely

_MOST_STATES = 16_384  # for a single row: about a second on a chain of 50 qubits


@dataclass(frozen=True, eq=False)
class Decisions:
    """Logits of a batch, and how far the decisions between them can be trusted.

    Attributes
    ----------
    outputs : (n_rows, n_outputs) float
        Logits, in nats.
    certificate : Certificate
        Of the ground states behind them.
    margins : (n_rows,) float
        Largest logit less that of its closest rival, the one that its error may reach most easily.
    errors : (n_rows,) float
        What the states outside the subspace can move that difference by, to first order: twice the standard deviation
        of the difference of the two label operators, times the tilt of the state, or the sine of the angle by which it
        turns when the states just outside are let in, whichever is larger. Infinite if no gap is known.
    dimensions : (n_rows,) int
        Basis states behind each row.
    """

    outputs: Floats
    certificate: Certificate
    margins: Floats
    errors: Floats
    dimensions: NDArray[np.int64]

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Rows whose margin is within its error (n_rows,)."""
        return self.margins <= self.errors


def decide(
    parameters: Parameters,
    states: GroundStates,
    offsets: ArrayLike,
    *,
    boundary: Boundary,
    rounds: int,
) -> Decisions:
    """Read out the logits of a batch; solve rows that are in doubt again, each among basis states of its own.

    Parameters
    ----------
    parameters : Parameters
        The learned operators.
    states : GroundStates
        From `solve`.
    offsets : (n_rows, n_outputs) array_like
        Added to the logits, or anything that broadcasts to that shape.
    boundary : Boundary
        Of the structure of the states.
    rounds : int
        Times that a row in doubt gets up to four times as many basis states, those that its own certificate misses
        most; up to 16,384 of them. A row is done as soon as its margin exceeds its error.

    Notes
    -----
    No row depends on another one, and no label is looked at. For a state psi at an angle a to the exact one,
    ``<G>`` differs from the exact value by at most ``2 ||(G - <G>) psi|| sin(a)`` to first order in a.
    """
    added = np.broadcast_to(offsets, (len(states.expectations), len(parameters.labels)))
    found = _judge(parameters, states, added, boundary)
    settled = {row: one for row, one, _ in _settled(parameters, states, added, found, boundary, rounds)}
    return _replaced(found, list(settled), list(settled.values())) if settled else found


def solved_again(
    parameters: Parameters, states: GroundStates, offsets: ArrayLike, *, boundary: Boundary, rounds: int
) -> Iterator[tuple[int, GroundStates]]:
    """Yield the rows of a batch that `decide` solves again, with the ground states behind their decisions."""
    added = np.broadcast_to(offsets, (len(states.expectations), len(parameters.labels)))
    found = _judge(parameters, states, added, boundary)
    for row, _, own in _settled(parameters, states, added, found, boundary, rounds):
        yield row, own


def _settled(
    parameters: Parameters, states: GroundStates, offsets: Floats, found: Decisions, boundary: Boundary, rounds: int
) -> Iterator[tuple[int, Decisions, GroundStates]]:
    """Yield each row in doubt, its decision among more basis states, and its state there."""
    for row in np.flatnonzero(found.doubtful).tolist() if rounds else []:
        yield row, *_settle(parameters, _one(states, row), offsets[row : row + 1], boundary, rounds)


def _judge(parameters: Parameters, states: GroundStates, offsets: Floats, boundary: Boundary) -> Decisions:
    outputs = np.asarray(readout(parameters, states.expectations)) + offsets
    certificate = certify_closely(states.structure, states.coefficients, states.levels, boundary=boundary)
    tilts = np.fmax(certificate.tilt, np.sqrt(np.maximum(1 - certificate.overlap, 0)))  # where one is known
    best = outputs.argmax(axis=1)
    labels = np.asarray(parameters.labels, dtype=np.float64)
    leads, errors = outputs.max(axis=1, keepdims=True) - outputs, np.zeros(outputs.shape)
    for rival in range(outputs.shape[1]):
        rows = np.flatnonzero(best != rival)
        operators = labels[best[rows]] - labels[rival]
        if states.rotations is not None:
            operators = rotate(states.structure.basis, operators, states.rotations[rows])
        kets = states.levels.ground_states[rows]
        errors[rows, rival] = 2 * tilts[rows] * spreads(states.structure, operators, kets, boundary=boundary)
    sureness = leads - errors
    np.put_along_axis(sureness, best[:, None], np.inf, axis=1)  # the winner is no rival of itself
    closest = sureness.argmin(axis=1)[:, None]
    margins, bounds = (np.take_along_axis(table, closest, axis=1)[:, 0] for table in (leads, errors))
    bounds[~np.isfinite(certificate.gap)] = np.inf  # a single state
    dimensions = np.full(len(outputs), states.structure.dimension)
    return Decisions(outputs, certificate, margins, bounds, dimensions)


def _settle(
    parameters: Parameters, states: GroundStates, offsets: Floats, boundary: Boundary, rounds: int
) -> tuple[Decisions, GroundStates]:
    """Return the decision on a single row, which is in doubt, among more basis states, and its state there."""
    basis, rotations, structure = states.structure.basis, states.rotations, states.structure
    coefficients = states.coefficients if rotations is None else rotate_back(basis, states.coefficients, rotations)
    found = _judge(parameters, states, offsets, boundary)
    for _ in range(rounds):
        if not found.doubtful[0] or structure.dimension >= _MOST_STATES:
            break
        structure = refine(structure, states.coefficients, np.ones(1), dimension=_MOST_STATES, rounds=1)
        states = solve(coefficients, structure, rotations, tol=states.tol, gap_tol=GAP_TOL, device="cpu")
        found = _judge(parameters, states, offsets, find_boundary(structure))
    return found, states


def _one(states: GroundStates, row: int) -> GroundStates:
    """Return one row of a batch."""
    levels = states.levels
    only = slice(row, row + 1)
    alone = {each.name: getattr(levels, each.name)[only] for each in fields(levels)}
    return replace(
        states,
        expectations=states.expectations[only],
        levels=replace(levels, **alone),
        coefficients=states.coefficients[only],
        rotations=None if states.rotations is None else states.rotations[only],
    )


def _replaced(whole: Decisions, rows: list[int], parts: list[Decisions]) -> Decisions:
    """Return the decisions on a batch with those on some rows in the place of its own."""

    def merged(old: Any, new: list[Any]) -> dict[str, NDArray[Any]]:
        arrays = {each.name: getattr(old, each.name).copy() for each in fields(old) if each.name != "certificate"}
        for name, array in arrays.items():
            array[rows] = np.concatenate([getattr(one, name) for one in new])
        return arrays

    certificates = [part.certificate for part in parts]
    certificate = replace(whole.certificate, **merged(whole.certificate, certificates))
    return replace(whole, certificate=certificate, **merged(whole, parts))
