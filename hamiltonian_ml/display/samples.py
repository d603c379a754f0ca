"""The spectrum of what was sampled: how often each basis state was seen, and how many of its qubits are flipped.

In: a fitted estimator, or samples and the subspace that they led to. Out: a drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.display.style import DARK, axes_for

if TYPE_CHECKING:
    from hamiltonian_ml.estimators.base import HamiltonianEstimator

# x, y, width and height of both axes inside the space for the drawing
_RANK_BOX, _FLIP_BOX = (0.0, 0.0, 0.66, 1.0), (0.71, 0.0, 0.29, 1.0)
_MARK: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 3.5, "markeredgewidth": 0.7}
_KEPT: dict[str, Any] = {"color": DARK}
_LEFT_OUT: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": "black"}
_FEW = 100  # ranks, that plain numbers at 1, 2, 5, 10 and so on say best


class SampleDisplay:
    """Share of the shots of every basis state by rank, and of every number of flipped qubits.

    Filled marks are states that the subspace keeps. A spectrum that falls steeply is one that few basis
    states can hold; one that is flat, with many flips, is what noise makes.

    Parameters
    ----------
    samples : Samples
        What was measured, pooled over rows.
    subspace : Subspace
        The states that were kept.

    Attributes
    ----------
    bounding_ax_ : matplotlib Axes
        The axes that were given, made invisible except for their title; the next two lie inside them.
    ax_, flips_ax_ : matplotlib Axes
        The left and the right axes.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from hamiltonian_ml import HamiltonianClassifier, Samples, Subspace
    >>> from hamiltonian_ml.display.samples import SampleDisplay
    >>> samples = Samples.from_bits([[0, 0], [0, 0], [1, 0], [1, 1]])
    >>> SampleDisplay(samples, Subspace.excitations(2, 1)).plot().flips_ax_.get_xlabel()
    'flipped qubits'
    >>> model = HamiltonianClassifier(3, selection="krylov", shots=50, max_iter=2, random_state=0)
    >>> SampleDisplay.from_estimator(model.fit([[0.0], [1.0]], ["a", "b"])).ax_.get_ylabel()
    'share of shots'
    """

    def __init__(self, samples: Samples, subspace: Subspace) -> None:
        self.samples = samples
        self.subspace = subspace

    @classmethod
    def from_estimator(cls, estimator: HamiltonianEstimator, *, ax: Axes | None = None) -> SampleDisplay:
        """Draw the samples behind the subspace of a fitted ``estimator``, on ``ax`` or on new axes.

        Returns
        -------
        SampleDisplay
            The display itself, drawn.

        Raises
        ------
        ValueError
            If its basis states were not sampled.
        """
        if estimator.samples_ is None:
            raise ValueError(
                f"estimator has no samples, because selection={estimator.selection!r} took none; fit with "
                'selection="krylov".'
            )
        return cls(estimator.samples_, estimator.subspace_).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> SampleDisplay:
        """Draw on ``ax`` or on new axes.

        Returns
        -------
        SampleDisplay
            The display itself, drawn.
        """
        self.bounding_ax_: Axes
        self.figure_: Figure | SubFigure
        self.bounding_ax_, self.figure_ = axes_for(ax)
        self.bounding_ax_.set_axis_off()
        self.ax_ = self.bounding_ax_.inset_axes(_RANK_BOX)
        self.flips_ax_ = self.bounding_ax_.inset_axes(_FLIP_BOX, sharey=self.ax_)
        shares = self.samples.counts / self.samples.counts.sum()
        kept = self.subspace.contains(self.samples.words)
        ranks = np.empty(len(shares))
        ranks[np.argsort(-shares, kind="stable")] = np.arange(len(shares)) + 1
        flips = np.bitwise_count(self.samples.words).sum(axis=1).astype(int)
        for chosen, style, name in ((kept, _KEPT, "kept"), (~kept, _LEFT_OUT, "left out")):
            if chosen.any():
                label = f"{name}: {chosen.sum():,} states, {100 * shares[chosen].sum():.3g} %"
                self.ax_.plot(ranks[chosen], shares[chosen], **_MARK, **style, label=label)
                by_flips = np.bincount(flips[chosen], shares[chosen])
                seen = np.flatnonzero(by_flips)
                self.flips_ax_.plot(seen, by_flips[seen], **_MARK, **style)
        self._label(len(shares))
        return self

    def _label(self, n_states: int) -> None:
        self.ax_.set_xscale("log")
        if n_states <= _FEW:
            self.ax_.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            self.ax_.xaxis.set_major_formatter("{x:g}")
        self.ax_.xaxis.set_minor_formatter(NullFormatter())  # numbers there would run into each other
        self.ax_.set_xlabel("rank of the basis state")
        self.ax_.legend(loc="upper right", frameon=False, handletextpad=0.2)
        self.flips_ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.flips_ax_.set_xlabel("flipped qubits")
        self.ax_.set_yscale("log")
        self.ax_.set_ylabel("share of shots")
        self.flips_ax_.tick_params(labelleft=False)
