"""How far the ground states behind predictions can be trusted, row by row.

In: a fitted estimator and rows, or the certificate of rows. Out: a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from hamiltonian_ml.display.style import DARK, axes_for

if TYPE_CHECKING:
    import xarray as xr

    from hamiltonian_ml.estimators.base import HamiltonianEstimator

_LIMIT = 0.5  # of residual over gap, above which no row is trusted
_SMALLEST = 1e-12  # an exact state, whose residual may round to zero, on a logarithmic axis


class CertificateDisplay:
    """Residual over gap of every row, in ascending order. Filled marks are trusted rows.

    A ratio below one half says that the energy is closer to an exact level than to the next one of the subspace. A row
    below it can still fail to be trusted: see `hamiltonian_ml.subspace.certificate.Certificate`.

    Parameters
    ----------
    certificate : xarray.Dataset
        ``residual``, ``gap`` and ``trusted`` along ``row``, as from `HamiltonianClassifier.certify`.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> from hamiltonian_ml.display.certificate import CertificateDisplay
    >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> CertificateDisplay.from_estimator(model, [[0.2], [0.4]]).ax_.get_ylabel()
    'residual / gap'
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
        trusted = self.certificate["trusted"].values.astype(bool)
        with np.errstate(divide="ignore"):  # levels may coincide
            ratios = np.maximum(self.certificate["residual"].values / self.certificate["gap"].values, _SMALLEST)
        order = np.argsort(ratios)
        shares = (np.arange(len(order)) + 1) / len(order)
        for chosen, face, label in ((trusted, DARK, "trusted"), (~trusted, "none", "not trusted")):
            if chosen.any():
                marked = chosen[order]
                text = f"{label}: {chosen.sum()} of {len(chosen)}"
                self.ax_.plot(
                    shares[marked], ratios[order][marked], "o", markersize=3.5, markerfacecolor=face,
                    markeredgecolor=DARK if face != "none" else "black", markeredgewidth=0.8, label=text,
                )  # fmt: skip
        self.ax_.axhline(_LIMIT, color="black", linestyle="--", linewidth=0.8, label="limit of trust")
        self.ax_.set_yscale("log")
        self.ax_.set_xlim(0, 1.02)
        self.ax_.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        self.ax_.set_xlabel("share of rows, sorted")
        self.ax_.set_ylabel("residual / gap")
        self.ax_.legend(loc="lower right", frameon=False, handlelength=1.5)
        return self
