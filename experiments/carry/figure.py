"""Energy error against the size of the subspace, with and without states of other rows and of an earlier epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter
from experiments.parts import Verdict, held
from hamiltonian_ml.study.statistics import Comparison, compare

_DATA = {"moons": "two moons", "breast_cancer": "breast cancer"}
_EQUAL, _LARGE = 16, 64  # every rule has 16 states to choose from; at 64 most keep all they have
# Off and on, between rows and between epochs; then on against as many shots that are all fresh.
_PAIRS = (
    ("own", "pooled"),
    ("own", "own, carried"),
    ("pooled", "pooled, carried"),
    ("own, twice the shots", "own, carried"),
    ("pooled, twice the shots", "pooled, carried"),
)


def logarithms(results: xr.DataTree) -> xr.DataArray:
    """Return log10 of the median energy errors."""
    return np.log10(results["carry"].to_dataset().energy_error.clip(1e-16))


def draw(results: xr.DataTree) -> Figure:
    """Draw a panel for each data set."""
    found = 10.0 ** logarithms(results)
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.7), sharey=True)
    for axes, (dataset, title), name in zip(panels, _DATA.items(), "ab", strict=True):
        for number, rule in enumerate(found.rule.values):
            own = str(rule).startswith("own")
            values = found.sel(dataset=dataset, rule=rule, drop=True)
            curve(axes, values, along="size", number=number, label=str(rule), linestyle=":" if own else "-")
        axes.set(xscale="log", yscale="log", xlabel="most basis states")
        axes.set_xticks(found["size"].values, [str(size) for size in found["size"].values])
        axes.minorticks_off()
        letter(axes, f"({name}) {title}")
    panels[0].set_ylabel("relative energy error, median")
    panels[1].legend(loc="lower left", fontsize=6)
    return figure


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Compare on and off at equal size."""
    tests, n_models = _compared(results, _EQUAL)
    larger, _ = _compared(results, _LARGE)
    better = [t.difference > 0 and t.corrected < 0.05 for t in tests[:3]]
    attrs = results["carry"].attrs
    return [
        Verdict(
            21,
            held(all(better)),
            f"{_EQUAL} states: {_said(tests)}; up to {_LARGE} states, of which each rule uses what it has: "
            f"{_said(larger)}",
            f"ratios of geometric means of median energy errors, {n_models} models on "
            f"{attrs.get('setting_n_qubits', '?')} qubits; 3 circuits of {attrs.get('setting_shots', '?')} shots a row "
            f"and epoch, epochs {attrs.get('setting_later', '?')} apart, rows pooled or each on its own; Wilcoxon "
            f"tests with Holm's correction; held if at {_EQUAL} states carry-over between rows and between epochs each "
            "lowers the error at the 5 % level",
        )
    ]


def _compared(results: xr.DataTree, size: int) -> tuple[list[Comparison], int]:
    values = logarithms(results).sel(size=size)
    scores = {str(rule): values.sel(rule=rule).values.ravel() for rule in values.rule.values}
    return compare(scores, list(_PAIRS)), len(scores["own"])


def _said(tests: list[Comparison]) -> str:
    each = (f"{t.second} / {t.first} {10**-t.difference:.2f} (p = {t.corrected:.2g})" for t in tests)
    return ", ".join(each)
