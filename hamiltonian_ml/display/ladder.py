"""The noise ladder as a figure: score, trust and captured weight from the ideal simulator to the noisy device.

In: a fitted estimator, rows and backends, or the ladder itself. Out: a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike

from hamiltonian_ml.display.style import DARK, axes_for
from hamiltonian_ml.study.ladder import noise_ladder

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.estimators.base import HamiltonianEstimator

# x, y, width and height of both axes inside the space for the drawing
_UPPER_BOX, _LOWER_BOX = (0.0, 0.5, 1.0, 0.5), (0.0, 0.0, 1.0, 0.42)
_LABEL_X = -0.12  # keeps the two vertical labels in one line
_SMALLEST = 1e-12  # nothing missed, which may round to below zero, on a logarithmic axis
_LINES: dict[str, dict[str, Any]] = {
    "score": {"marker": "o", "markersize": 8, "markerfacecolor": "white", "color": DARK, "label": "score"},
    "trusted": {"marker": ".", "color": "black", "linestyle": ":", "label": "rows trusted"},
}


class NoiseLadderDisplay:
    """What one model reaches with basis states from several backends, from left to right in the order given.

    Above, its score and the share of rows whose ground states can be trusted; below, the part of the exact ground
    states' weight that the basis states are estimated to miss, median of the rows.

    Parameters
    ----------
    ladder : xarray.Dataset
        As from `hamiltonian_ml.study.ladder.noise_ladder`.

    Attributes
    ----------
    bounding_ax_ : matplotlib Axes
        The axes that were given, made invisible except for their title; the next two lie inside them.
    ax_, missed_ax_ : matplotlib Axes
        The upper and the lower axes.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.display.ladder import NoiseLadderDisplay
    >>> X, y = [[0.0], [0.3], [0.7], [1.0]], ["a", "a", "b", "b"]
    >>> model = HamiltonianClassifier(4, selection="krylov", shots=50, max_iter=2, random_state=0).fit(X, y)
    >>> rungs = ["statevector", "fake_torino"]
    >>> display = NoiseLadderDisplay.from_estimator(model, X, y, backends=rungs)
    >>> [text.get_text() for text in display.missed_ax_.get_xticklabels()]
    ['statevector', 'fake_torino']
    >>> NoiseLadderDisplay(display.ladder.isel(backend=[1])).plot().ax_.get_ylabel()
    'share'
    """

    def __init__(self, ladder: xr.Dataset) -> None:
        self.ladder = ladder

    @classmethod
    def from_estimator(
        cls,
        estimator: HamiltonianEstimator,
        X: ArrayLike,
        y: Any,
        *,
        backends: Sequence[Any],
        seed: int = 0,
        ax: Axes | None = None,
    ) -> NoiseLadderDisplay:
        """Sample for the rows on each backend, judge the model there, and draw the result.

        Parameters
        ----------
        estimator, X, y, backends, seed
            As in `hamiltonian_ml.study.ladder.noise_ladder`.
        ax : matplotlib Axes, optional

        Returns
        -------
        NoiseLadderDisplay
            The display itself, drawn.
        """
        return cls(noise_ladder(estimator, X, y, backends=backends, seed=seed)).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> NoiseLadderDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        NoiseLadderDisplay
            The display itself, drawn.
        """
        self.bounding_ax_: Axes
        self.figure_: Figure | SubFigure
        self.bounding_ax_, self.figure_ = axes_for(ax)
        self.bounding_ax_.set_axis_off()
        self.ax_ = self.bounding_ax_.inset_axes(_UPPER_BOX)
        self.missed_ax_ = self.bounding_ax_.inset_axes(_LOWER_BOX, sharex=self.ax_)
        places = np.arange(self.ladder.sizes["backend"])
        for name, style in _LINES.items():
            self.ax_.plot(places, self.ladder[name].values, **style)
        missed = np.maximum(1 - self.ladder["captured_weight"].values, _SMALLEST)
        self.missed_ax_.plot(places, missed, marker="s", markersize=5, color=DARK)
        self._label([str(name) for name in self.ladder["backend"].values])
        return self

    def _label(self, names: list[str]) -> None:
        lowest = min(float(self.ladder[name].min()) for name in _LINES)
        self.ax_.set_ylim(min(0.0, lowest) - 0.05, 1.05)
        self.ax_.set_ylabel("share")
        self.ax_.tick_params(labelbottom=False)
        self.ax_.legend(loc="lower left", frameon=False)
        self.missed_ax_.set_yscale("log")
        self.missed_ax_.set_ylabel("weight missed")
        self.missed_ax_.set_xlabel("where basis states were sampled")
        self.missed_ax_.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
        self.missed_ax_.set_xlim(-0.3, len(names) - 0.7)
        for axes in (self.ax_, self.missed_ax_):
            axes.yaxis.set_label_coords(_LABEL_X, 0.5)
