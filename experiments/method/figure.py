"""From a row of a table to its label and back: the stages of the method as boxes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from experiments.figures import COLOURS, WIDTH
from experiments.parts import Verdict

_FORWARD = (
    ("embed", "H(x) = B − Σ x$_f$ X$_f$\n1- and 2-local strings", 0),
    ("frame", "turn each qubit:\nmean field is |0…0⟩", 0),
    ("sample", "U(Δt)$^k$ |0…0⟩, k < K\n6 CZ layers a step", 1),
    ("select", "bitstrings of a batch:\none subspace", 2),
    ("solve", "ground state ψ(x)\nin the subspace", 2),
    ("read out", "logits ⟨ψ|O$_k$|ψ⟩ + c$_k$\nlabel", 2),
)
_KINDS = ("classical, every row", "quantum processor or simulator", "classical, within the sampled states")
_BOX = (1.0, 0.62)


def draw(results: xr.DataTree) -> Figure:
    """Draw six boxes and the arrows between them."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.1))
    for place, (name, text, kind) in enumerate(_FORWARD):
        _box(axes, 1.2 * place, name, text, COLOURS[kind])
        if place:
            _arrow(axes, (1.2 * place - 0.2, 0.31), (1.2 * place, 0.31))
    last = 1.2 * (len(_FORWARD) - 1) + 0.5
    _arrow(axes, (last, -0.02), (0.5, -0.02), curved=True)
    axes.text(
        last / 2,
        -0.5,
        "exact gradient: one linear solve a row, (H − E) z = −(G − ⟨G⟩) ψ; the choice of states is held fixed",
        ha="center",
        va="center",
        fontsize=7,
    )
    for number, kind in enumerate(_KINDS):
        axes.plot([], [], "s", color=COLOURS[number], label=kind)
    axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.12))
    axes.set(xlim=(-0.05, 7.05), ylim=(-0.62, 0.95))
    axes.set_axis_off()
    return figure


def _box(axes: Axes, x: float, name: str, text: str, colour: str) -> None:
    width, height = _BOX
    axes.add_patch(
        FancyBboxPatch(
            (x, 0),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.5,
        )
    )
    axes.text(x + width / 2, 0.49, name, ha="center", va="center", color=colour, fontsize=8, weight="bold")
    axes.text(x + width / 2, 0.22, text, ha="center", va="center", fontsize=5.4)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], *, curved: bool = False) -> None:
    bend = "arc3,rad=-0.06" if curved else "arc3"
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "connectionstyle": bend, "color": "0.3", "lw": 1.0})


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Nothing is measured here."""
    return []
