"""The operators of a model as a small picture for notebooks.

In: an estimator, fitted or not. Out: SVG text that needs nothing else.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import PauliBasis

_CELL, _ROW, _LEFT, _MOST = 14, 18, 130, 120


def operators_svg(basis: PauliBasis, operators: dict[str, NDArray[np.float64]]) -> str:
    """Return a picture of how strongly operators act on each qubit and each edge.

    Parameters
    ----------
    basis : PauliBasis
    operators : dict of str to (n_operators, n_terms) float
        Coefficients under the names of the rows; several operators are pooled by the root of their sum of squares.

    Returns
    -------
    str
        An ``svg`` element. A cell is the darker, the larger the coefficients on that qubit or edge are, beside the
        largest of its row.
    """
    places = [(q,) for q in range(basis.n_qubits)] + list(basis.edges)
    shown = sorted(places)[:_MOST]
    height = _ROW * (len(operators) + 1) + 4
    parts = [_header(_LEFT + _CELL * len(shown) + 10, height)]
    for k, place in enumerate(shown):
        if len(place) == 1:
            parts.append(_text(_LEFT + _CELL * k + _CELL // 2, height - 6, str(place[0]), "middle"))
    for row, (name, coefficients) in enumerate(operators.items()):
        strengths = _strengths(basis, coefficients)
        largest = max(strengths.values(), default=0.0) or 1.0
        parts.append(_text(_LEFT - 6, _ROW * row + 13, name, "end"))
        parts += [_cell(k, row, place, strengths.get(place, 0.0), largest) for k, place in enumerate(shown)]
    return "".join(parts) + "</svg>"


def _strengths(basis: PauliBasis, coefficients: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    sizes = np.atleast_2d(coefficients)
    squares = (sizes**2).sum(axis=0) if len(sizes) else np.zeros(basis.n_terms)
    found: dict[tuple[int, ...], float] = {}
    for (i, j), square in zip(basis.qubits.tolist(), squares.tolist(), strict=True):
        place = (i,) if j < 0 else (i, j)
        found[place] = found.get(place, 0.0) + square
    return {place: float(np.sqrt(value)) for place, value in found.items()}


def _cell(column: int, row: int, place: tuple[int, ...], strength: float, largest: float) -> str:
    inset = 0 if len(place) == 1 else 3  # edges are drawn smaller than qubits
    what = f"qubit {place[0]}" if len(place) == 1 else f"edge {place[0]}-{place[1]}"
    return (
        f'<rect x="{_LEFT + _CELL * column + inset}" y="{_ROW * row + 2 + inset}" width="{_CELL - 1 - 2 * inset}" '
        f'height="{_CELL - 2 * inset}" fill="#1f3b73" fill-opacity="{strength / largest:.3f}" stroke="#999" '
        f'stroke-width="0.5"><title>{what}: {strength:.3g}</title></rect>'
    )


def _header(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
        'aria-label="strength of the operators on qubits and edges">'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="10" '
        f'fill="currentColor">{escape(text)}</text>'
    )


def picture(estimator: Any, basis: PauliBasis) -> str:
    """Return the picture of a fitted estimator's operators, or of the graph that one would have."""
    if not hasattr(estimator, "parameters_"):
        return operators_svg(basis, {"not fitted": np.zeros((1, basis.n_terms))})
    learned = estimator.parameters_
    named = {"bias B": learned.bias, "features X": learned.features, "labels O": learned.labels}
    return operators_svg(basis, {name: np.asarray(values, dtype=np.float64) for name, values in named.items()})
