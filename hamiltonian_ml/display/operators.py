"""A learned operator on its graph: one-qubit strings at the qubits, two-qubit strings at the edges.

In: a fitted estimator, or coefficients and their `PauliBasis`. Out: a drawing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.display.graph import draw_graph
from hamiltonian_ml.display.style import ABSENT, DIVERGING, axes_for
from hamiltonian_ml.estimators.base import HamiltonianEstimator

Array = NDArray[np.floating[Any]]
_LETTERS = ("X", "Y", "Z")
_PAIRS = tuple(a + b for a in _LETTERS for b in _LETTERS)
_SPACE = 0.4  # between the rows of one-qubit and of two-qubit strings, in rows
_MOST_TICKS = 13
_FAINT = 0.02  # of the largest coefficient: up to it a cell is as good as white
_DASH, _MOST_DASH = 0.025, 0.6  # length of a dash: of the axes, but at most of its cell, however narrow that is
_BAR_DASHES = 7  # down the negative half of the colour bar
# x, y, width and height of the heat map, and of the map above it, where there is one
_HEAT_BOX, _MAP_BOX = (0.0, 0.0, 1.0, 0.56), (0.0, 0.69, 1.0, 0.31)
_TALL = (6.4, 6.4)  # inches, of a new figure that holds both
OPERATORS = {"bias": "start field", "feature": "start field", "label": "nat"}


class OperatorDisplay:
    """Coefficients of an operator as a heat map: qubits and edges from left to right, letters from top to bottom.

    A dash marks every negative coefficient above 2 % of the largest in size, here and on the colour bar, so that the
    figure can be read in grey too, on any number of qubits; smaller ones are as good as white.

    On a chain or a ring an edge stands behind its left qubit; on another graph the edges stand in the order of the
    basis, and a map above shows where they are, with qubits and edges the darker and wider, the larger their
    coefficients. The first letter of a pair acts on the smaller qubit. Grey squares are strings that are not in the
    basis.

    Parameters
    ----------
    coefficients : (n_terms,) float
        In the order of the basis.
    basis : PauliBasis
        Strings of the operator.
    unit : str
        Unit of the coefficients.

    Attributes
    ----------
    bounding_ax_ : matplotlib Axes
        The axes that were given.
    ax_ : matplotlib Axes
        Those of the heat map: the same on a chain or a ring, else inside them.
    figure_ : matplotlib Figure
    colorbar_ : matplotlib Colorbar
    map_ax_ : matplotlib Axes or None
        The map; None on a chain or a ring.

    Raises
    ------
    ValueError
        If there is not one coefficient for each string.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import HamiltonianClassifier, PauliBasis
    >>> from hamiltonian_ml.display.operators import OperatorDisplay
    >>> basis = PauliBasis.chain(4)
    >>> OperatorDisplay(np.linspace(-1, 1, basis.n_terms), basis, unit="nat").plot().ax_.get_xlabel()
    'edge'
    >>> model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> OperatorDisplay.from_estimator(model, operator="label", index=1).colorbar_.ax.get_ylabel()
    'coefficient (nat)'
    """

    def __init__(self, coefficients: ArrayLike, basis: PauliBasis, *, unit: str) -> None:
        self.coefficients = basis.check_coefficients(coefficients, ndim=1)
        self.basis = basis
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: HamiltonianEstimator, *, operator: str = "bias", index: int = 0, ax: Axes | None = None
    ) -> OperatorDisplay:
        """Draw a learned operator of a fitted estimator.

        Parameters
        ----------
        estimator : HamiltonianEstimator
        operator : {"bias", "feature", "label"}
            Which kind of operator.
        index : int
            Which feature or label; not used for the bias.
        ax : matplotlib Axes, optional

        Returns
        -------
        OperatorDisplay
            The display itself, drawn.

        Raises
        ------
        ValueError
            If there is no such operator.
        """
        if operator not in OPERATORS:
            raise ValueError(f"operator must be one of {', '.join(OPERATORS)}, got {operator!r}.")
        learned = estimator.parameters_
        table = {"bias": learned.bias[None], "feature": learned.features, "label": learned.labels}[operator]
        if not 0 <= index < len(table):
            raise ValueError(f"index must be from 0 to {len(table) - 1} for operator {operator!r}, got {index!r}.")
        return cls(table[index], estimator.basis_, unit=OPERATORS[operator]).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> OperatorDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        OperatorDisplay
            The display itself, drawn.
        """
        self.bounding_ax_: Axes
        self.figure_: Figure | SubFigure
        self.bounding_ax_, self.figure_ = axes_for(ax, size=None if self._is_row else _TALL)
        self._make_room()
        singles, pairs = self._tables()
        top = len(_LETTERS) + _SPACE
        drawn = self._draw(singles, np.arange(self.basis.n_qubits + 1) - 0.5, 0.0)
        edges = self._edge_borders()
        if len(self.basis.edges):
            self._draw(pairs, edges, top)
        self.ax_.set_xlim(-0.5, max(self.basis.n_qubits - 0.5, edges[-1] if len(self.basis.edges) else 0))
        self._label(edges, top)
        self.colorbar_ = self.figure_.colorbar(drawn, ax=self.bounding_ax_, pad=0.02)
        levels, scale = -np.arange(1, _BAR_DASHES + 1) / (_BAR_DASHES + 1), self.colorbar_.ax
        colours = [_dash_colour(level) for level in levels]
        scale.hlines(levels * self._limit, 0.2, 0.8, colors=colours, lw=0.8, transform=scale.get_yaxis_transform())
        self.colorbar_.set_label(f"coefficient ({self.unit})")
        return self

    def _make_room(self) -> None:
        """Take all of the axes for the heat map, or share it with a map of the graph."""
        self.map_ax_: Axes | None = None
        self.ax_: Axes = self.bounding_ax_
        if not self._is_row:
            self.bounding_ax_.set_axis_off()
            self.ax_, self.map_ax_ = (self.bounding_ax_.inset_axes(box) for box in (_HEAT_BOX, _MAP_BOX))
            draw_graph(self.map_ax_, self.basis, self.coefficients)

    def _tables(self) -> tuple[Array, Array]:
        """Return coefficients by letter (3, n_qubits) and by pair of letters (9, n_edges), NaN where there is none."""
        singles = np.full((len(_LETTERS), self.basis.n_qubits), np.nan)
        pairs = np.full((len(_PAIRS), len(self.basis.edges)), np.nan)
        place = {self.basis.edges[k]: column for column, k in enumerate(self._columns())}
        for (i, j), (a, b), value in zip(
            self.basis.qubits.tolist(), self.basis.paulis.tolist(), self.coefficients, strict=True
        ):
            if j < 0:
                singles[a - 1, i] = value
            else:
                pairs[3 * (a - 1) + b - 1, place[i, j]] = value
        return singles, pairs

    def _draw(self, table: Array, borders: Array, top: float) -> QuadMesh:
        limit = self._limit
        rows = top + np.arange(len(table) + 1)
        self._mark_negative(table, borders, rows[:-1] + 0.5)
        self.ax_.fill_between(borders[[0, -1]], rows[0], rows[-1], color=ABSENT, linewidth=0, zorder=0)
        # Rasterised: in vector formats viewers would draw a thin line between neighbouring cells.
        return self.ax_.pcolormesh(
            borders, rows, np.ma.masked_invalid(table), cmap=DIVERGING, vmin=-limit, vmax=limit, rasterized=True
        )

    @property
    def _limit(self) -> float:
        """Largest coefficient in size, where the colours end; 1 where all are zero."""
        return float(np.abs(self.coefficients).max(initial=0.0)) or 1.0

    def _mark_negative(self, table: Array, borders: Array, rows: Array) -> None:
        strengths = np.nan_to_num(table) / self._limit
        row, column = np.nonzero(strengths < -_FAINT)
        widths, centres = np.diff(borders)[column], (borders[:-1] + borders[1:])[column] / 2
        reach = min(_MOST_DASH, _DASH * (len(borders) - 1)) / 2 * widths
        colours = [_dash_colour(strength) for strength in strengths[row, column]]
        self.ax_.hlines(rows[row], centres - reach, centres + reach, colors=colours, linewidth=0.8)

    @property
    def _is_row(self) -> bool:
        """Whether there are no edges, or those of a chain or ring, which can stand behind their left qubits."""
        n_qubits, edges = self.basis.n_qubits, set(self.basis.edges)
        chain = {(q, q + 1) for q in range(n_qubits - 1)}
        return not edges or edges == chain or (n_qubits > 2 and edges == chain | {(0, n_qubits - 1)})

    def _columns(self) -> list[int]:
        """Return the places of the edges from left to right: that which closes a ring comes last."""
        edges = self.basis.edges
        last = (0, self.basis.n_qubits - 1)
        order = list(range(len(edges)))
        return sorted(order, key=lambda k: (edges[k] == last, k)) if self._is_row and len(edges) > 1 else order

    def _edge_borders(self) -> Array:
        """Return where each edge's column begins, and where the last one ends."""
        n_edges = len(self.basis.edges)
        if self._is_row:
            return np.arange(n_edges + 1, dtype=np.float64)
        return np.linspace(-0.5, self.basis.n_qubits - 0.5, n_edges + 1)

    def _label(self, edges: Array, top: float) -> None:
        rows = [*np.arange(len(_LETTERS)) + 0.5, *(top + np.arange(len(_PAIRS)) + 0.5 if len(edges) > 1 else ())]
        self.ax_.set_yticks(rows, [*_LETTERS, *_PAIRS][: len(rows)])
        self.ax_.set_ylim(rows[-1] + 0.5, 0)
        self.ax_.tick_params(length=0)
        for side in self.ax_.spines.values():
            side.set_visible(False)
        qubits = range(0, self.basis.n_qubits, -(-self.basis.n_qubits // _MOST_TICKS))
        upper = self.ax_.secondary_xaxis("top")
        upper.set_xticks(list(qubits))
        upper.set_xlabel("qubit")
        upper.spines["top"].set_visible(False)
        upper.tick_params(length=0)
        names = ["{}-{}".format(*self.basis.edges[k]) for k in self._columns()]
        step = -(-len(names) // _MOST_TICKS) or 1
        centres = (edges[:-1] + edges[1:]) / 2
        self.ax_.set_xticks(centres[: len(names)][::step], names[::step], rotation=90)
        self.ax_.set_xlabel("edge" if names else "")


def _dash_colour(strength: float) -> str:
    """Return what stands out from the cell of a negative coefficient, given over the largest in size."""
    return "white" if strength < -0.5 else "black"
