"""Test accuracy and captured weight against seven settings."""

from __future__ import annotations

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter
from experiments.parts import Verdict, held
from experiments.sensitivity.run import VALUES
from hamiltonian_ml.study.statistics import compare, estimate

_UNITS = {
    "time_step": " (1/field)",
    "refresh_every": " (epochs)",
    "shots": " (a circuit)",
    "max_dimension": " (states)",
    "start_scale": " (field)",
}


def one(results: xr.DataTree, setting: str, what: str = "test_accuracy") -> xr.DataArray:
    """Return one quantity (seed, value) of the runs that changed one setting."""
    return results["setting"].to_dataset()[what].sel(setting=setting, drop=True).dropna("value", how="all")


def draw(results: xr.DataTree) -> Figure:
    """Draw a panel for each setting."""
    figure, panels = plt.subplots(2, 4, figsize=(WIDTH, 3.7), sharey=True)
    panels[1, 3].set_axis_off()
    for axes, setting, text in zip(panels.flat[:-1], VALUES, "abcdefg", strict=True):
        curve(axes, one(results, setting), along="value", number=0, label="test accuracy")
        curve(axes, one(results, setting, "captured_weight"), along="value", number=1, label="captured weight")
        values = one(results, setting).value.values
        axes.set(xscale="log", xlabel=setting.replace("_", " ") + _UNITS.get(setting, ""))
        axes.set_xticks(values, [f"{v:g}" for v in values])
        axes.minorticks_off()
        letter(axes, f"({text})")
    for axes in panels[:, 0]:
        axes.set_ylabel("share")
    panels[1, 3].legend(*panels[0, 0].get_legend_handles_labels(), loc="center")
    return figure


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Say by how much each setting moves the accuracy, and whether more strings raise it."""
    moves = []
    for setting in VALUES:
        mean = one(results, setting).mean("seed")
        low, high = (
            f"{estimate(one(results, setting).sel(value=at))} (at {float(at):g})"
            for at in (mean.idxmin(), mean.idxmax())
        )
        moves.append(f"{setting} {low} to {high}")
    found = results["setting"].to_dataset()
    attrs, n_seeds = found.attrs, found.sizes["seed"]
    return [
        Verdict(
            15,
            "described",
            "; ".join(moves),
            f"how much, not whether: two moons, {attrs.get('setting_n_qubits', '?')} qubits, sampled, "
            f"{attrs.get('setting_max_iter', '?')} epochs, {n_seeds} seeds, one setting changed at a time. What the "
            "start scale does to the states is in the figure of concentration",
        ),
        _operators(results["operators"].to_dataset()),
    ]


def _operators(found: xr.Dataset) -> Verdict:
    scores = {str(k): found.test_accuracy.sel(operators=k).values.ravel() for k in found.operators.values}
    richer = [name for name in scores if name not in ("chain", "no edges")]
    tests = compare(scores, [(name, "chain") for name in richer])
    better = [test.first for test in tests if test.corrected < 0.05 and test.difference > 0]
    each = ", ".join(f"{name} {estimate(values)}" for name, values in scores.items())
    p_values = ", ".join(
        f"{test.first} {100 * test.difference:+.1f} points (p = {test.corrected:.2g})" for test in tests
    )
    return Verdict(
        26,
        held(better),
        f"{each}; against the chain: {p_values}",
        f"test accuracy in all basis states of 5 qubits, {found.sizes['dataset']} data sets x "
        f"{found.sizes['seed']} seeds; "
        "Wilcoxon tests with Holm's correction; held if one of the richer models is better at the 5 % level",
    )
