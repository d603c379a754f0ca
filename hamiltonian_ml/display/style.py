"""What all figures share: where they are drawn, and colours that can be told apart in grey and by every eye."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

DARK, LIGHT = "#35608d", "#bbbbbb"  # the first is from the middle of viridis
DIVERGING = "PuOr"
SEQUENTIAL = "cividis"
ABSENT = "#e6e6e6"  # unlike zero, which is white


def axes_for(ax: Axes | None, *, size: tuple[float, float] | None = None) -> tuple[Axes, Figure | SubFigure]:
    """Return the axes to draw on, new ones if there are none, and the figure, of a size in inches, that they lie in."""
    if ax is None:
        _, ax = plt.subplots(layout="constrained", figsize=size)
    figure = ax.figure
    return ax, figure
