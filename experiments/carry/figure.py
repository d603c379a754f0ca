"""Energy error against the size of the subspace, with and without states of other rows and of an earlier epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter
from experiments.parts import Verdict, held
from hamiltonian_ml.study.statistics import compare

_DATA = {"moons": "two moons", "breast_cancer": "breast cancer"}
_SIZE = 64
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
    values = logarithms(results).sel(size=_SIZE)
    scores = {str(rule): values.sel(rule=rule).values.ravel() for rule in values.rule.values}
    tests = compare(scores, list(_PAIRS))
    said = ", ".join(
        f"{t.second} against {t.first} {10**-t.difference:.2f} times the error (p = {t.corrected:.2g})" for t in tests
    )
    better = [t.difference > 0 and t.corrected < 0.05 for t in tests[:3]]
    attrs = results["carry"].attrs
    return [
        Verdict(
            21,
            held(all(better)),
            said,
            f"geometric means of median energy errors in at most {_SIZE} basis states a row, {len(scores['own'])} "
            f"models on {attrs.get('setting_n_qubits', '?')} qubits; 3 circuits of "
            f"{attrs.get('setting_shots', '?')} shots a row and epoch, epochs {attrs.get('setting_later', '?')} apart, "
            "rows pooled or each on its own; Wilcoxon tests with Holm's correction; held if carry-over between rows "
            "and between epochs each lowers the error at the 5 % level",
        )
    ]
