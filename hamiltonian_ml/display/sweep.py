"""The result of a sweep: test accuracy against the number of qubits, a curve for each selection and backend.

In: the dataset of a sweep. Out: a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

# Okabe and Ito's colours, which all eyes tell apart; markers and dashes say the same in grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "os^DvPX"
_DASHES = ("-", "--", "-.", ":")
_APART, _MOST_APART = 0.02, 0.8  # curves: of the axis each, but together at most of the step between numbers of qubits


def sweep_figure(results: xr.Dataset) -> Figure:
    """Draw mean and standard error over seeds, each curve a little beside the last, so that none hides another.

    Parameters
    ----------
    results : xarray.Dataset
        ``test_accuracy`` (n_qubits, selection, backend, seed), from `hamiltonian_ml.study.plan.on_axes`.
    """
    figure, axes = plt.subplots(figsize=(5.0, 3.4), layout="constrained")
    accuracy = results["test_accuracy"].transpose("selection", "backend", "n_qubits", "seed")
    several = accuracy.sizes["backend"] > 1
    number, (left, right) = 0, _limits(accuracy)
    shifts = _shifts(accuracy, right - left)
    for selection in accuracy["selection"].values:
        for backend in accuracy["backend"].values:
            here = accuracy.sel(selection=selection, backend=backend)
            n = here.notnull().sum("seed").values
            there = n > 0
            error = (here.std("seed", ddof=1).values / np.sqrt(np.maximum(n, 1))) if here.sizes["seed"] > 1 else 0.0 * n
            label = f"{selection}, {backend}" if several else str(selection)
            places = here["n_qubits"].values[there] + shifts[number]
            axes.errorbar(
                places, here.mean("seed").values[there], np.nan_to_num(error)[there], color=_COLOURS[number % 7],
                marker=_MARKERS[number % 7], linestyle=_DASHES[number % 4], markersize=5, capsize=2, label=label,
            )  # fmt: skip
            number += 1
    axes.set(xlabel="qubits", ylabel="share of test rows right", title=str(results.attrs.get("title", "")))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(left, right)
    axes.legend(frameon=False)
    return figure


def _limits(accuracy: xr.DataArray) -> tuple[float, float]:
    """Return where the axis of qubits ends: one number of qubits, too, has room to both sides and a tick."""
    counts = accuracy["n_qubits"].values
    margin = max(0.5, 0.05 * np.ptp(counts))
    return counts.min() - margin, counts.max() + margin


def _shifts(accuracy: xr.DataArray, width: float) -> NDArray[np.float64]:
    """Return how far from its numbers of qubits, evenly to both sides, each curve is drawn on an axis of some width."""
    counts = np.unique(accuracy["n_qubits"].values)
    n_curves = accuracy.sizes["selection"] * accuracy.sizes["backend"]
    closest = np.diff(counts).min() if len(counts) > 1 else 1
    step = float(min(_APART * width, _MOST_APART * closest / n_curves))
    return np.linspace(-0.5, 0.5, n_curves) * step * (n_curves - 1)
