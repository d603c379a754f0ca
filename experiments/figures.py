"""Figures as files: one size, one style, vector for the paper and pixels for the eye."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")  # drawn into files, also where there is no screen

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments import studies
from experiments.parts import Profile
from hamiltonian_ml.bases.files import whole_file

FOLDER = Path(__file__).parents[1] / "paper" / "figures"
WIDTH = 7.0  # inches, as wide as two columns and as the paper sets them
# Okabe and Ito's colours, which all eyes tell apart, each with a marker of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "hamiltonian_ml",
    "pdf.fonttype": 42,
}


def draw(name: str, folder: Path, *, profile: Profile | None = None) -> list[Path]:
    """Draw a figure from cached results and return its files."""
    study = studies.STUDIES[name]
    results = studies.results(name, profile) if study.has_data else xr.DataTree()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with plt.rc_context(STYLE):
        figure = import_module(f"experiments.{name}.figure").draw(results)
        for suffix, options in (("pdf", {"metadata": {"CreationDate": None}}), ("png", {"dpi": 200})):
            path = folder / f"{name}.{suffix}"
            with whole_file(path) as partial:
                figure.savefig(partial, format=suffix, **options)
            paths.append(path)
        plt.close(figure)
    return paths


def table(name: str, *, profile: Profile | None = None) -> str | None:
    """Return the table beside a figure as text, None where there is none."""
    module = import_module(f"experiments.{name}.figure")
    if not hasattr(module, "table"):
        return None
    found: str = module.table(studies.results(name, profile))
    return found


def style(number: int) -> dict[str, Any]:
    """Return colour and marker of the curve with that number."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def curve(axes: Axes, values: xr.DataArray, *, along: str, number: int, label: str | None = None, **more: Any) -> None:
    """Draw mean and standard error over seeds, leaving out what is not there."""
    values = values.transpose("seed", along)
    n = values.notnull().sum("seed")
    mean = values.mean("seed")
    error = values.std("seed", ddof=1) / np.sqrt(n) if values.sizes["seed"] > 1 else mean * np.nan
    there = (n > 0).values
    x, y, e = values[along].values[there], mean.values[there], np.nan_to_num(error.values[there])
    axes.errorbar(x, y, e, label=label, capsize=2, **{**style(number), **more})


def letter(axes: Axes, text: str) -> None:
    """Give a panel its title, with its letter."""
    axes.set_title(text)
