"""The confusion matrix: which class was taken for which.

In: counts and class names. Out: a drawing.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike

from hamiltonian_ml.display.style import SEQUENTIAL, axes_for

_UPRIGHT_LETTERS = 18  # more letters than this in all names together would touch each other side by side


class ConfusionDisplay:
    """Number of rows of each true class that were given each label.

    Parameters
    ----------
    counts : (n_classes, n_classes) int
        Rows by true class (first axis) and predicted class.
    classes : (n_classes,) array_like of str
        Names of the classes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml.display.confusion import ConfusionDisplay
    >>> ConfusionDisplay([[9, 1], [0, 10]], ["left", "right"]).plot().ax_.get_xlabel()
    'predicted class'
    """

    def __init__(self, counts: ArrayLike, classes: ArrayLike) -> None:
        self.counts = np.asarray(counts)
        self.classes = [str(name) for name in np.asarray(classes)]

    def plot(self, *, ax: Axes | None = None) -> ConfusionDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        ConfusionDisplay
            The display itself, drawn.
        """
        self.ax_: Axes
        self.figure_: Figure | SubFigure
        self.ax_, self.figure_ = axes_for(ax)
        most = int(self.counts.max())
        self.ax_.imshow(self.counts, cmap=SEQUENTIAL, vmin=0, vmax=most)
        for (truth, predicted), count in np.ndenumerate(self.counts):
            colour = "white" if count < most / 2 else "black"
            self.ax_.text(predicted, truth, f"{count}", ha="center", va="center", color=colour)
        ticks = range(len(self.classes))
        upright = sum(map(len, self.classes)) > _UPRIGHT_LETTERS
        self.ax_.set_xticks(ticks, self.classes, rotation=90 if upright else 0)
        self.ax_.set_yticks(ticks, self.classes)
        self.ax_.tick_params(length=0)
        self.ax_.set_xlabel("predicted class")
        self.ax_.set_ylabel("true class")
        return self
