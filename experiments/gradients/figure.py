"""Gradient variance against qubits, derivative against distance, error of a cut sum over excited states."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter, style
from experiments.fits import line
from experiments.gradients.run import GROWN
from experiments.parts import Verdict, held

_NAMES = {0.02: "start scale .02", 0.15: ".15", 0.0: "isotropic"}


def draw(results: xr.DataTree) -> Figure:
    """Draw the three panels."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDTH, 2.7))
    start, distance, check = (results[name].to_dataset() for name in ("start", "distance", "check"))
    looks = {
        "full": ("all states", {}),
        "sampled": ("sampled", {"markerfacecolor": "white", "linestyle": "--"}),
        "grown": (f"{GROWN:,} states", {"markerfacecolor": "0.8", "linestyle": ":"}),
    }
    for states, (name, look) in looks.items():
        for scale in (0.02, 0.15, 0.0):
            if (
                states not in start.states.values
                or not start.mean_square.sel(states=states, scale=scale).notnull().any()
            ):
                continue
            values = start.mean_square.sel(states=states, scale=scale, drop=True)
            label = f"{_NAMES[scale]}, {name}"
            curve(left, values, along="n_qubits", number=(0.02, 0.15, 0.0).index(scale), label=label, **look)
    left.set(yscale="log", xlabel="qubits", ylabel="mean square derivative (nat²/field²)")
    left.set_ylim(2e-6, 20)
    left.legend(fontsize=6, loc="upper right")
    for number, strength in enumerate(distance.strength.values):
        values = distance.derivative.sel(strength=strength, drop=True)
        curve(middle, values, along="distance", number=number, label=f"random terms of {strength:g}")
    middle.set(yscale="log", xlabel="distance (sites)", ylabel="rms derivative of ⟨Z₀⟩ (1/field)")
    middle.set_ylim(1e-14, 50)
    middle.legend(fontsize=6, loc="upper right")
    curve(right, check.cut_error, along="levels", number=0)
    right.set(yscale="log", xlabel="excited states kept", ylabel="relative gradient error")
    right.set_ylim(1e-3, 2)
    for axes, text in zip((left, middle, right), "abc", strict=True):
        letter(axes, f"({text})")
        del text
    return figure


def decay_length(distance: xr.Dataset, strength: float) -> tuple[float, float]:
    """Return the length over which derivatives fall by e, in sites, with its error."""
    rms = np.sqrt((distance.derivative.sel(strength=strength) ** 2).mean("seed")).values
    kept = slice(0, max(3, len(rms) - 2))  # the far end has fewer strings, and no neighbour beyond
    slope, error, _ = line(distance.distance.values[kept], np.log(rms[kept]))
    return -1 / slope, error / slope**2


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Fit exponential and power laws, lengths, and compare gradients."""
    return [_decay(results["start"].to_dataset()), _reach(results["distance"].to_dataset()), *_agreement(results)]


def _laws(start: xr.Dataset, states: str, scale: float) -> tuple[tuple[float, float, float], ...]:
    """Return slope, error and R2 of log2 of the mean square against n, and of its log against log n."""
    mean = start.mean_square.sel(states=states, scale=scale).mean("seed").dropna("n_qubits")
    return line(mean.n_qubits, np.log2(mean)), line(np.log(mean.n_qubits), np.log(mean))


def _decay(start: xr.Dataset) -> Verdict:
    fits, worst = [], -1.0
    pairs = [("sampled", 0.02), ("sampled", 0.15), ("grown", 0.15)]
    for states, scale in (pair for pair in pairs if pair[0] in start.states.values):
        (rate, rate_error, r_exponential), (power, power_error, r_power) = _laws(start, states, scale)
        fits.append(
            f"scale {scale:g}, {states}: 2^({rate:.3f} +- {rate_error:.3f}) a qubit (R2 {r_exponential:.2f}), "
            f"n^({power:.2f} +- {power_error:.2f}) (R2 {r_power:.2f})"
        )
        worst = max(worst, r_exponential - r_power if rate < 0 else -1.0)  # growth is no decay
    sampled = start.mean_square.sel(states="sampled").dropna("n_qubits", how="all")
    return Verdict(
        5,
        held(worst <= 0.02),
        "; ".join(fits),
        f"mean square of the derivatives by the bias operator, {start.sizes['seed']} seeds, at most 1,276 states "
        f"sampled (grown: {GROWN:,} with those that the certificate misses), n = {sampled.n_qubits.values.tolist()}; "
        "held (no exponential decay) if the exponential law fits no better than the power law, which is a mean over "
        "strings of which a fixed share feels the label operators",
    )


def _reach(distance: xr.Dataset) -> Verdict:
    lengths = {float(s): decay_length(distance, float(s)) for s in distance.strength.values}
    return Verdict(
        7,
        held(all(length < 3 for length, _ in lengths.values())),
        ", ".join(f"{length:.3f} +- {error:.1g} sites ({s:g})" for s, (length, error) in lengths.items()),
        "length over which the derivative of <Z> on the first qubit falls by e; in brackets the size of random terms "
        "beside a field of one; held if below 3 sites",
    )


def _agreement(results: xr.DataTree) -> list[Verdict]:
    check = results["check"].to_dataset()
    differences, nudged = (float(check[name].max()) for name in ("differences", "nudged"))
    cuts = ", ".join(
        f"{k}: {v:.2g}" for k, v in zip(check.levels.values, check.cut_error.mean("seed").values, strict=True)
    )
    return [
        Verdict(
            8,
            held(differences < 1e-6),
            f"largest deviation {differences:.1e}; cut sums {cuts}",
            f"against central differences, {check.sizes['seed']} trained models; then the relative error of the sum "
            "over the lowest excited states only",
        ),
        Verdict(
            9,
            held(nudged < 1e-5),
            f"largest deviation {nudged:.1e}",
            "derivative of <P> by the nudge of H + s G, by central differences of step 1e-4, against the adjoint "
            "gradient",
        ),
    ]


__all__ = ["decay_length", "draw", "style", "verdicts"]


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    start, distance, check = (results[name].to_dataset() for name in ("start", "distance", "check"))
    rates = {states: _laws(start, states, 0.15)[0] for states in ("sampled", "grown") if states in start.states.values}
    length, error = decay_length(distance, 0.15)
    return {
        **{
            f"gradientRate{states.capitalize()}": f"{rate:.3f} +- {off:.3f}" for states, (rate, off, _) in rates.items()
        },
        "grownStates": f"{GROWN:,}",
        "decayLength": f"{length:.2f} +- {error:.2f}",
        "gradientDeviation": f"{float(check.differences.max()):.1e}",
        "cutOfTen": f"{float(check.cut_error.sel(levels=10).mean()):.2f}",
    }
