"""How far the ground states behind predictions can be trusted, row by row.

In: a fitted estimator and rows, or the certificate of rows. Out: a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.display.style import DARK, axes_for
from hamiltonian_ml.subspace.certificate import TRUSTED_TILT

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.estimators.base import HamiltonianEstimator

_SMALLEST = 1e-12  # the tilt of an exact state rounds to zero, which a logarithmic axis lacks
_MARK: dict[str, Any] = {"linestyle": "none", "markersize": 3.5, "markerfacecolor": "none", "markeredgewidth": 0.8}
_LARGER: dict[str, Any] = {"markersize": 5, "markerfacecolor": "white"}  # among filled marks on both sides
_LEAST_RANGE = 0.05, 1.3  # a decade, so that the axis has numbers; a tilt is at most 1
_MOST_ROOM = 0.6  # of the axes, for the legend


class CertificateDisplay:
    """Tilt of every row's ground state, in ascending order. Filled marks are trusted rows.

    The tilt bounds the angle to the exact state, and no row above the dashed line is trusted. A row below it can fail
    too, and has a mark of its own: its basis states capture too little weight, as is estimated or as their neighbours
    show, or are too few to know a gap. See `hamiltonian_ml.subspace.certificate.Certificate`.

    Parameters
    ----------
    certificate : xarray.Dataset
        ``tilt``, ``gap`` and ``trusted`` along ``row``, as from `HamiltonianClassifier.certify`.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.display.certificate import CertificateDisplay
    >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> CertificateDisplay.from_estimator(model, [[0.2], [0.4]]).ax_.get_xlabel()
    'share of rows, sorted'
    >>> CertificateDisplay(model.certify([[0.2]])).plot().ax_.get_yscale()
    'log'
    """

    def __init__(self, certificate: xr.Dataset) -> None:
        self.certificate = certificate

    @classmethod
    def from_estimator(
        cls, estimator: HamiltonianEstimator, X: ArrayLike, *, ax: Axes | None = None
    ) -> CertificateDisplay:
        """Certify rows ``X`` (n_rows, n_features) with a fitted ``estimator``, and draw on ``ax`` or on new axes.

        Returns
        -------
        CertificateDisplay
            The display itself, drawn.
        """
        return cls(estimator.certify(X)).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> CertificateDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        CertificateDisplay
            The display itself, drawn.
        """
        self.ax_: Axes
        self.figure_: Figure | SubFigure
        self.ax_, self.figure_ = axes_for(ax)
        tilts = np.maximum(self.certificate["tilt"].values, _SMALLEST)
        order = np.argsort(tilts, kind="stable")
        shares = (np.arange(len(order)) + 1) / len(order)
        kinds = self._kinds(tilts)
        for name, (chosen, style) in kinds.items():
            marked = chosen[order]
            label = f"{name}: {chosen.sum()} of {len(chosen)}"
            self.ax_.plot(shares[marked], tilts[order][marked], **_MARK | style, label=label)
        self.ax_.axhline(TRUSTED_TILT, color="black", linestyle="--", linewidth=0.8, label="limit of the tilt")
        self.ax_.set_yscale("log")
        self.ax_.set_xlim(0, 1.02)
        self.ax_.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        self.ax_.set_xlabel("share of rows, sorted")
        self.ax_.set_ylabel("tilt: residual /\ndistance to the next energy")
        _make_room(self.ax_, len(kinds) + 1)
        self.ax_.legend(loc="lower right", frameon=False, handlelength=1.5)
        return self

    def _kinds(self, tilts: NDArray[np.float64]) -> dict[str, tuple[NDArray[np.bool_], dict[str, Any]]]:
        """Return which rows (n_rows,) are trusted, and which are not for each of three reasons, with their marks."""
        trusted = self.certificate["trusted"].values.astype(bool)
        tilted, gaps_known = tilts >= TRUSTED_TILT, np.isfinite(self.certificate["gap"].values)
        kinds: dict[str, tuple[NDArray[np.bool_], dict[str, Any]]] = {
            "trusted": (trusted, {"marker": "o", "color": DARK, "markerfacecolor": DARK}),
            "not trusted, tilt": (~trusted & tilted, {"marker": "o", "color": "black"}),
            "not trusted, weight": (~trusted & ~tilted & gaps_known, {"marker": "^", "color": "black"} | _LARGER),
            "not trusted, no gap": (~trusted & ~tilted & ~gaps_known, {"marker": "s", "color": "black"} | _LARGER),
        }
        return {name: kind for name, kind in kinds.items() if kind[0].any()}


def _make_room(ax: Axes, n_entries: int) -> None:
    """Lower the end of a logarithmic axis until a legend fits below whatever is drawn."""
    size = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    points = ax.get_window_extent().height * 72 / ax.figure.dpi
    share = min(_MOST_ROOM, (1.5 * n_entries + 2.5) * size / points)  # lines, space between and around them
    low, high = np.log10([min(ax.get_ylim()[0], _LEAST_RANGE[0]), max(ax.get_ylim()[1], _LEAST_RANGE[1])])
    ax.set_ylim(10 ** (high - (high - low) / (1 - share)), 10**high)
