"""Which features matter: how much the outputs change with each, over the rows of a table.

In: a fitted estimator and rows, or derivatives. Out: a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike

from hamiltonian_ml.display.style import DARK, axes_for
from hamiltonian_ml.estimators.targets import RealTargets

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.estimators.base import HamiltonianEstimator

_PERCENTILES = (10, 90)  # of the rows, that a whisker spans


class SensitivityDisplay:
    """Sensitivity of the outputs to each feature, the largest first; whiskers span the middle 80 % of the rows.

    A bar is the root of the mean square over rows and outputs, a whisker that of single rows. Features are compared for
    a step of one in each, so they should have the same spread.

    Parameters
    ----------
    sensitivities : xarray.DataArray
        Along ``row``, ``output`` and ``feature``, as from `HamiltonianClassifier.sensitivities`. Outputs are pooled as
        they are: select one of several targets in different units, or let `from_estimator` bring them to one.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.display.sensitivities import SensitivityDisplay
    >>> table = load_iris(as_frame=True)
    >>> X = table.data.apply(scale)
    >>> model = HamiltonianClassifier(2, learning_rate=0.1, max_iter=20, random_state=0).fit(X, table.target)
    >>> SensitivityDisplay.from_estimator(model, X).ax_.get_yticklabels()[0].get_text()
    'petal width (cm)'
    >>> SensitivityDisplay(model.sensitivities(X)).plot(most=2).ax_.get_yticks().tolist()
    [0, 1]
    """

    def __init__(self, sensitivities: xr.DataArray) -> None:
        self.sensitivities = sensitivities

    @classmethod
    def from_estimator(
        cls, estimator: HamiltonianEstimator, X: ArrayLike, *, most: int = 20, ax: Axes | None = None
    ) -> SensitivityDisplay:
        """Find and draw the sensitivities of a fitted ``estimator`` at rows ``X``; ``most`` and ``ax`` as in `plot`.

        Each of several targets of a regressor is measured by its own standard deviation among the training rows.

        Returns
        -------
        SensitivityDisplay
            The display itself, drawn.
        """
        found, targets = estimator.sensitivities(X), estimator.targets_
        if isinstance(targets, RealTargets) and targets.n_outputs > 1:
            found = found / np.where(targets.scale > 0, targets.scale, 1.0)[:, None]
            found.attrs["units"] = "standard deviation of the target / unit of the feature"
        return cls(found).plot(most=most, ax=ax)

    def plot(self, *, most: int = 20, ax: Axes | None = None) -> SensitivityDisplay:
        """Draw on ``ax`` or on new axes, the ``most`` important features at the most.

        Returns
        -------
        SensitivityDisplay
            The display itself, drawn.
        """
        self.ax_: Axes
        self.figure_: Figure | SubFigure
        self.ax_, self.figure_ = axes_for(ax)
        by_row = np.sqrt((self.sensitivities.values**2).mean(axis=1))
        sizes = np.sqrt((by_row**2).mean(axis=0))
        shown = np.argsort(-sizes, kind="stable")[:most]
        low, high = np.percentile(by_row[:, shown], _PERCENTILES, axis=0)
        places = np.arange(len(shown))
        self.ax_.barh(places, sizes[shown], height=0.6, color=DARK, alpha=0.45, label="root mean square of all rows")
        self.ax_.hlines(places, low, high, color="black", linewidth=1.2, label="middle 80 % of the rows")
        self.ax_.set_yticks(places, [str(name) for name in self.sensitivities["feature"].values[shown]])
        self.ax_.set_ylim(len(shown) - 0.4, -0.6)
        self.ax_.set_xlim(left=0)
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.set_xlabel(f"sensitivity ({self.sensitivities.attrs.get('units', '')})")
        self.ax_.set_ylabel("feature")
        self.ax_.legend(loc="lower right", frameon=False)
        return self
