"""A map of a graph of qubits: where each edge is, and how strongly an operator acts there.

In: a basis and coefficients. Out: a drawing.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from hamiltonian_ml.bases.lattice import heavy_hex_edges, heavy_hex_sites
from hamiltonian_ml.bases.pauli import PauliBasis

_WIDTHS = (0.5, 4.0)  # of the faintest and of the strongest edge, in points
_LIGHTEST, _DARKEST = 0.05, 0.75  # of the grey scale: numbers must be legible in it
_SIZE = 12  # of a qubit, in points
_WHITE_FROM = 0.7  # of the largest strength: from there on numbers are white


def draw_graph(ax: Axes, basis: PauliBasis, coefficients: NDArray[np.float64]) -> None:
    """Draw qubits as discs, the darker, and edges as lines, the wider, the larger their coefficients are.

    A strength is the root of the sum of squares over the letters, beside the largest of its kind. A heavy-hexagonal
    patch is drawn as its lattice, lying on its side; any other graph on a circle.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from hamiltonian_ml import PauliBasis
    >>> ax, basis = plt.subplots()[1], PauliBasis.heavy_hex(12)
    >>> draw_graph(ax, basis, np.ones(basis.n_terms))
    >>> ax.texts[-1].get_text()
    '11'
    """
    places = _places(basis)
    qubits, edges = _strengths(basis, coefficients)
    low, high = _WIDTHS
    widths = (low + (high - low) * edges).tolist()
    ends = places[np.array(basis.edges, dtype=int).reshape(-1, 2)]
    ax.add_collection(LineCollection(ends.tolist(), colors="black", linewidths=widths, zorder=1))
    shades = mpl.colormaps["Greys"](_LIGHTEST + (_DARKEST - _LIGHTEST) * qubits)
    discs = ax.scatter(places[:, 0], places[:, 1], s=_SIZE**2, c=shades, edgecolors="black", linewidths=0.8, zorder=2)
    discs.set_clip_on(False)  # on a narrow graph they reach over the margin
    for number, ((x, y), strength) in enumerate(zip(places.tolist(), qubits.tolist(), strict=True)):
        colour = "white" if strength >= _WHITE_FROM else "black"
        ax.text(x, y, str(number), color=colour, ha="center", va="center", size=7, zorder=3)
    ax.margins(0.1)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _places(basis: PauliBasis) -> NDArray[np.float64]:
    """Return where each qubit is drawn (n_qubits, 2)."""
    if basis.edges == tuple(heavy_hex_edges(basis.n_qubits)):
        return np.array(heavy_hex_sites(basis.n_qubits), dtype=np.float64) * (1, -1)
    angles = 2 * np.pi * np.arange(basis.n_qubits) / basis.n_qubits
    return np.column_stack([np.sin(angles), np.cos(angles)])


def _strengths(basis: PauliBasis, coefficients: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the strengths of qubits and of edges, each beside the largest of its kind."""
    number = {edge: k for k, edge in enumerate(basis.edges)}
    qubits, edges = np.zeros(basis.n_qubits), np.zeros(len(basis.edges))
    for (i, j), value in zip(basis.qubits.tolist(), coefficients.tolist(), strict=True):
        if j < 0:
            qubits[i] += value**2
        else:
            edges[number[i, j]] += value**2
    return np.sqrt(qubits / (qubits.max() or 1.0)), np.sqrt(edges / (edges.max(initial=0.0) or 1.0))
