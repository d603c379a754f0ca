"""A circuit as a picture: which pairs of qubits interact side by side, layer after layer.

In: a circuit of one- and two-qubit gates, as `krylov_circuits` returns. Out: a drawing, by matplotlib alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from hamiltonian_ml.display.style import axes_for

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_WIDTH = 0.62  # of a box, in columns
_REACH = 0.28  # of a box beyond the wires of its qubits
_QUBIT_INCHES, _COLUMN_INCHES = 0.28, 0.42
_WIRE = "#9a9a9a"
_MOST_TICKS = 26
_LINE: dict[str, Any] = {"linewidth": 2.0, "marker": "o", "markersize": 6}
_MOST_COLOURS = 3  # in the legend


@dataclass
class Block:
    """Gates in a row on the same pair of qubits, with the one-qubit gates between them.

    Attributes
    ----------
    qubits : (int, int)
        The pair, the smaller first.
    layer : int
        Blocks of a layer run side by side.
    n_gates : int
        Its two-qubit gates.
    """

    qubits: tuple[int, int]
    layer: int
    n_gates: int = 1


class CircuitDisplay:
    """A box for the two-qubit gates in a row on each pair of qubits, time from left to right.

    Boxes of one layer run side by side and touch no qubit twice; a pair keeps its colour. Where a pair are no
    neighbours in the picture, pairs are two dots joined by a line, and a layer takes as many columns as its lines need
    not to cross, between dotted lines. One-qubit gates are part of the boxes, except on a qubit that has none.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
        Of gates on one or two qubits, measured or not. Barriers are not drawn.

    Attributes
    ----------
    blocks : list of Block
    n_layers : int
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Raises
    ------
    ValueError
        If a gate acts on more than two qubits.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml import krylov_circuits
    >>> from hamiltonian_ml.display.circuit import CircuitDisplay
    >>> operator = SparsePauliOp(["ZZI", "IXX", "IIX"], [1.0, 0.5, 0.2])
    >>> display = CircuitDisplay(krylov_circuits(operator, krylov_dimension=3)[-1]).plot()
    >>> display.n_layers, display.ax_.get_title("left")
    (4, '3 qubits, 4 layers of two-qubit gates, 12 CZ')
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.n_qubits = int(circuit.num_qubits)
        self.blocks, self._alone, self._measured, self._names = _read(circuit)
        self.n_layers = 1 + max((block.layer for block in self.blocks), default=-1)

    def plot(self, ax: Axes | None = None) -> CircuitDisplay:
        """Draw on ``ax``, or on new axes of a size that fits the circuit.

        Returns
        -------
        CircuitDisplay
            The display itself, drawn.
        """
        columns, end = self._columns()
        size = (1.6 + _COLUMN_INCHES * (end + 1), 1.3 + _QUBIT_INCHES * self.n_qubits)
        self.ax_, self.figure_ = axes_for(ax, size=(max(size[0], 6.0), size[1]))
        self.ax_.hlines(range(self.n_qubits), -0.6, end, color=_WIRE, linewidth=0.8, zorder=0)
        colours, boxed = self._colours(), all(b - a == 1 for a, b in (block.qubits for block in self.blocks))
        for block, column in zip(self.blocks, columns, strict=True):
            _draw_pair(self.ax_, block.qubits, column, colours[block.qubits], boxed=boxed)
        if not boxed:
            firsts = [left for left, _ in self._spans(columns)[1:]]
            self.ax_.vlines(np.array(firsts) - 0.5, -0.5, self.n_qubits - 0.5, colors=_WIRE, ls=":", lw=0.8, zorder=0)
        for qubit in self._alone:
            _draw_box(self.ax_, (qubit, qubit), 0.0, "white")
        for qubit in self._measured:
            self.ax_.plot(end, qubit, marker="D", color="black", markersize=3.5)
        self._label(end, columns)
        self._explain(list(dict.fromkeys(colours.values())), boxed=boxed)
        return self

    def _columns(self) -> tuple[list[float], float]:
        """Return the column of each block, and the first free one: long lines of a layer do not cross each other."""
        places: dict[int, float] = {}
        start = 0.0
        for layer in range(self.n_layers):
            lanes: list[list[tuple[int, int]]] = []
            for number, block in enumerate(self.blocks):
                if block.layer == layer:
                    a, b = block.qubits
                    free = (k for k, lane in enumerate(lanes) if all(b < c or d < a for c, d in lane))
                    lane = next(free, len(lanes))
                    lanes += [[]] if lane == len(lanes) else []
                    lanes[lane].append((a, b))
                    places[number] = start + lane
            start += len(lanes)
        return [places[number] for number in range(len(self.blocks))], max(start, 1.0)

    def _spans(self, columns: list[float]) -> list[tuple[float, float]]:
        """Return the first and the last column of each layer."""
        spans: dict[int, tuple[float, float]] = {}
        for block, column in zip(self.blocks, columns, strict=True):
            first, last = spans.get(block.layer, (column, column))
            spans[block.layer] = min(first, column), max(last, column)
        return [spans[layer] for layer in range(self.n_layers)]

    def _colours(self) -> dict[tuple[int, int], Any]:
        """Return the colour of each pair, by the layer in which it comes first."""
        first: dict[tuple[int, int], int] = {}
        for block in self.blocks:
            first.setdefault(block.qubits, block.layer)
        last = max(first.values(), default=0)
        return {pair: mpl.colormaps["viridis"](0.25 + 0.65 * layer / max(1, last)) for pair, layer in first.items()}

    def _label(self, end: float, columns: list[float]) -> None:
        title = _count(self.n_qubits, "qubit")
        if self.blocks:
            n_gates = sum(block.n_gates for block in self.blocks)
            title += f", {_count(self.n_layers, 'layer')} of two-qubit gates, {n_gates} {self._kind}"
        self.ax_.set_title(title, loc="left")
        self.ax_.set(xlim=(-0.8, end + 0.4), ylim=(self.n_qubits - 0.4, -0.6), ylabel="qubit")
        self.ax_.set_yticks(range(0, self.n_qubits, -(-self.n_qubits // _MOST_TICKS)))
        step = -(-self.n_layers // _MOST_TICKS) or 1
        centres = [(first + last) / 2 for first, last in self._spans(columns)]
        self.ax_.set_xticks(centres[::step], [str(layer + 1) for layer in range(0, self.n_layers, step)])
        self.ax_.set_xlabel("layer, in order of time" if self.blocks else "time")
        self.ax_.tick_params(axis="x", length=0)
        for side in ("top", "right", "left", "bottom"):
            self.ax_.spines[side].set_visible(False)

    @property
    def _kind(self) -> str:
        """Name of the two-qubit gates, such as CZ, or their names."""
        return "/".join(sorted(self._names)).upper()

    def _explain(self, colours: list[Any], *, boxed: bool) -> None:
        """Add the legend: what is drawn in each of the colours, and the other marks that there are."""
        entries: dict[str, Any] = {}
        if self.blocks:
            counts = sorted({block.n_gates for block in self.blocks})
            how_many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
            keeps = ",\nwhich keeps its colour" if len(colours) > 1 else ""
            entries[f"{how_many} {self._kind} on a pair{keeps}"] = tuple(
                Patch(facecolor=colour, edgecolor="black", lw=0.5) if boxed else Line2D([], [], color=colour, **_LINE)
                for colour in colours[:_MOST_COLOURS]
            )
        if self._alone:
            entries["one-qubit gates"] = Patch(facecolor="white", edgecolor="black", lw=0.5)
        if self._measured:
            entries["measurement"] = Line2D([], [], marker="D", color="black", linestyle="", markersize=3.5)
        if entries:
            self.ax_.legend(
                list(entries.values()), list(entries), loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
                handler_map={tuple: HandlerTuple(ndivide=None)}, handlelength=3.0,
            )  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _read(circuit: QuantumCircuit) -> tuple[list[Block], list[int], list[int], set[str]]:
    """Return the blocks in time order, the qubits with one-qubit gates only, those measured, and names of gates."""
    blocks: list[Block] = []
    last: dict[int, Block] = {}
    touched, measured, names = set(), set(), set()
    for instruction in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if instruction.operation.name == "barrier":
            continue
        if instruction.operation.name == "measure":
            measured.add(qubits[0])
        elif len(qubits) == 1:
            touched.add(qubits[0])
        elif len(qubits) == 2:
            names.add(instruction.operation.name)
            _extend(blocks, last, (min(qubits), max(qubits)))
        else:
            raise ValueError(
                f"circuit has the gate {instruction.operation.name!r} on {len(qubits)} qubits; only gates on one or "
                "two can be drawn: decompose or transpile it first."
            )
    return blocks, sorted(touched - set(last)), sorted(measured), names


def _extend(blocks: list[Block], last: dict[int, Block], pair: tuple[int, int]) -> None:
    """Add a two-qubit gate to the block that both of its qubits ended in, or to a new one."""
    a, b = (last.get(qubit) for qubit in pair)
    if a is not None and a is b:
        a.n_gates += 1
        return
    block = Block(pair, 1 + max(-1 if each is None else each.layer for each in (a, b)))
    blocks.append(block)
    last[pair[0]] = last[pair[1]] = block


def _draw_pair(ax: Axes, pair: tuple[int, int], column: float, colour: Any, *, boxed: bool) -> None:
    if boxed:
        _draw_box(ax, pair, column, colour)
        return
    ax.plot([column, column], pair, color=colour, **_LINE)


def _draw_box(ax: Axes, pair: tuple[int, int], column: float, colour: Any) -> None:
    corner, height = (column - _WIDTH / 2, pair[0] - _REACH), pair[1] - pair[0] + 2 * _REACH
    style = "round,pad=0,rounding_size=0.12"
    ax.add_patch(FancyBboxPatch(corner, _WIDTH, height, boxstyle=style, facecolor=colour, edgecolor="black", lw=0.5))
