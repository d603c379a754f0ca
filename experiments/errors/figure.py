"""Observable and gradient errors against energy errors, with their slopes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, letter, style
from experiments.fits import line
from experiments.parts import Verdict, held

_FLOOR = 1e-12  # below this an energy error is round-off


def _pairs(results: xr.DataTree, name: str) -> tuple[np.ndarray, np.ndarray]:
    found = results["errors"].to_dataset()
    x, y = found.energy_error.values.ravel(), found[name].values.ravel()
    there = (x > _FLOOR) & (y > 0)
    return x[there], y[there]


def draw(results: xr.DataTree) -> Figure:
    """Draw both clouds and the lines through them."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.6), sharex=True)
    for number, (axes, name, label) in enumerate(
        zip(
            panels,
            ("observable_error", "gradient_error"),
            ("error of ⟨O⟩", "relative error of the gradient"),
            strict=True,
        )
    ):
        x, y = _pairs(results, name)
        slope, error, _ = line(np.log(x), np.log(y))
        axes.loglog(x, y, linestyle="none", **{**style(number), "markersize": 2.5})
        ends = np.array([x.min(), x.max()])
        middle = np.exp(np.mean(np.log(y)) + slope * (np.log(ends) - np.mean(np.log(x))))
        axes.plot(ends, middle, color="black", label=f"slope {slope:.2f} ± {error:.2f}")
        axes.set(xlabel="energy error (start field)", ylabel=label)
        axes.legend()
        letter(axes, f"({'ab'[number]})")
    return figure


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Say what the slopes are."""
    slopes = {name: line(*map(np.log, _pairs(results, name))) for name in ("observable_error", "gradient_error")}
    (o, eo, _), (g, eg, _) = slopes.values()
    return [
        Verdict(
            23,
            held(abs(o - 0.5) < 0.15 and abs(g - 0.5) < 0.15),
            f"slopes {o:.2f} +- {eo:.2f} (<O>), {g:.2f} +- {eg:.2f} (gradient)",
            "log-log slopes against the energy error over subspaces of 8 to 512 sampled states, 12 qubits; "
            "expected 1/2, "
            "held if both are within .15 of it",
        )
    ]


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    (o, eo, _), (g, eg, _) = (line(*map(np.log, _pairs(results, x))) for x in ("observable_error", "gradient_error"))
    return {"observableSlope": f"{o:.2f} +- {eo:.2f}", "gradientSlope": f"{g:.2f} +- {eg:.2f}"}
