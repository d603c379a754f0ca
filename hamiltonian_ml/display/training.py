"""The training curve: loss by epoch, and below it the smallest gap, which says whether gradients could be trusted.

In: a fitted estimator or its ``history_``. Out: a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hamiltonian_ml.display.style import DARK, LIGHT, axes_for

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.estimators.base import HamiltonianEstimator

# x, y, width and height of both axes inside the space for the drawing
_LOSS_BOX, _GAP_BOX = (0.0, 0.37, 1.0, 0.63), (0.0, 0.0, 1.0, 0.29)
_LOSSES = {"nat": "loss (nat)", "variance of the targets": "half the squared error\n(variance of the targets)"}
_GAP = "smallest gap\n(field at\nstart = 1)"
_LABEL_X = -0.15  # keeps the two vertical labels in one line


class TrainingDisplay:
    """Loss of every epoch, and below it the smallest gap. Grey lines mark epochs that began with new basis states.

    Where rows were held out, their loss is drawn beside that of the others. The first epoch is number 1, as in
    ``n_iter_``, while ``history_`` counts from 0. Gaps are in units of the field along z that training starts from.

    Parameters
    ----------
    history : xarray.Dataset
        ``loss``, ``validation_loss``, ``smallest_gap`` and ``refreshed`` along ``epoch``, as in
        `HamiltonianClassifier.history_`.

    Attributes
    ----------
    bounding_ax_ : matplotlib Axes
        The axes that were given, made invisible except for their title; the next two lie inside them.
    ax_, gap_ax_ : matplotlib Axes
        The upper and the lower axes.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.display.training import TrainingDisplay
    >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> TrainingDisplay.from_estimator(model).ax_.get_ylabel()
    'loss (nat)'
    >>> TrainingDisplay(model.history_.isel(epoch=slice(3))).plot().gap_ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, history: xr.Dataset) -> None:
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: HamiltonianEstimator, *, ax: Axes | None = None) -> TrainingDisplay:
        """Draw the training of a fitted ``estimator`` on ``ax`` or on new axes.

        Returns
        -------
        TrainingDisplay
            The display itself, drawn.
        """
        return cls(estimator.history_).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> TrainingDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        TrainingDisplay
            The display itself, drawn.
        """
        self.bounding_ax_: Axes
        self.figure_: Figure | SubFigure
        self.bounding_ax_, self.figure_ = axes_for(ax)
        self.bounding_ax_.set_axis_off()
        self.ax_ = self.bounding_ax_.inset_axes(_LOSS_BOX)
        self.gap_ax_ = self.bounding_ax_.inset_axes(_GAP_BOX, sharex=self.ax_)
        unit = self.history["loss"].attrs.get("units", "nat")
        for axes, name, label in (
            (self.ax_, "loss", _LOSSES.get(unit, f"loss ({unit})")),
            (self.gap_ax_, "smallest_gap", _GAP),
        ):
            self._draw(axes, self.history[name].values)
            axes.set_ylabel(label)
            axes.yaxis.set_label_coords(_LABEL_X, 0.5)
        self._draw_validation()
        self.ax_.legend(loc="best", frameon=True, framealpha=1, edgecolor="none")
        self.ax_.tick_params(labelbottom=False)
        self.gap_ax_.set_xlabel("epoch")
        self.gap_ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.gap_ax_.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        return self

    def _draw_validation(self) -> None:
        held = self.history["validation_loss"].values
        if np.isfinite(held).any():
            self.ax_.get_lines()[-1].set_label("rows trained on")
            epochs = self.history["epoch"].values + 1
            self.ax_.plot(epochs, held, color="black", linestyle="--", linewidth=1.2, label="rows held out")
            self.ax_.set_ylim(top=max(self.ax_.get_ylim()[1], 1.05 * np.nanmax(held)))

    def _draw(self, axes: Axes, values: NDArray[np.float64]) -> None:
        epochs = self.history["epoch"].values + 1
        label: str | None = "new basis states"
        for epoch in epochs[self.history["refreshed"].values.astype(bool)]:
            axes.axvline(epoch, color=LIGHT, linewidth=0.8, zorder=0, label=label)
            label = None  # one entry in the legend
        axes.plot(epochs, values, color=DARK, marker=".", markersize=4, linewidth=1.2)
        axes.set_xlim(0.5, epochs[-1] + 0.5)
        axes.set_ylim(bottom=0)
