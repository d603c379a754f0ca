"""States that hold 99 % of the weight against qubits, by start scale, in two frames."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter
from experiments.fits import line
from experiments.parts import Verdict, held
from hamiltonian_ml.study.statistics import estimate

_FRAMES = {"computational": "computational frame", "mean_field": "mean-field frames"}


def draw(results: xr.DataTree) -> Figure:
    """Draw a panel for each frame."""
    spread = results["spread"].to_dataset()
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.7), sharey=True)
    for axes, (frame, title), name in zip(panels, _FRAMES.items(), "ab", strict=True):
        for number, kind in enumerate(spread.kind.values):
            curve(
                axes,
                spread.log2_states.sel(kind=kind, frame=frame, drop=True),
                along="n_qubits",
                number=number,
                label=kind,
            )
        axes.axline((4, 4), slope=1, color="0.6", linewidth=0.8, linestyle=":")
        axes.text(11.2, 11.6, "all states", color="0.4", fontsize=6, rotation=35)
        axes.set(xlabel="qubits", ylim=(-0.3, 15.5))
        letter(axes, f"({name}) {title}")
    panels[0].set_ylabel("log₂ of the states that hold 99 %")
    panels[1].legend(loc="upper left", fontsize=6)
    return figure


def exponents(results: xr.DataTree) -> dict[tuple[str, str], tuple[float, float]]:
    """Return log2 of the states needed per qubit, with its error, for each kind and frame."""
    spread = results["spread"].to_dataset()
    found = {}
    for kind in spread.kind.values:
        for frame in _FRAMES:
            mean = spread.log2_states.sel(kind=kind, frame=frame).mean("seed").dropna("n_qubits")
            found[str(kind), frame] = line(mean.n_qubits, mean)[:2]
    return found


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Give the exponents, and compare frames."""
    found = exponents(results)

    def say(frame: str) -> str:
        return ", ".join(
            f"{kind}: {v:.2f}"
            + (f" +- {e:.2f}" if np.isfinite(e) else "")  # no error where no size needs more than one
            for (kind, f), (v, e) in found.items()
            if f == frame
        )

    lower = [found[kind, "mean_field"][0] < found[kind, "computational"][0] for kind, _ in found]
    spread = results["spread"].to_dataset()
    at_10 = spread.log2_states.sel(n_qubits=10, kind="trained")
    pairs = ", ".join(f"{estimate(2 ** at_10.sel(frame=f))} ({t})" for f, t in _FRAMES.items())
    return [
        Verdict(
            19,
            held(found["isotropic", "computational"][0] > 0.75 and found["trained", "mean_field"][0] < 0.5),
            f"log2 of states a qubit: computational {say('computational')}; mean-field {say('mean_field')}",
            f"states that hold 99 %, {spread.sizes['seed']} seeds of 8 Hamiltonians, 4 to "
            f"{int(spread.n_qubits.max())} qubits "
            "(trained: to 10); held if isotropic start values need more than 2^(.75 n) and trained rows in "
            "their frames "
            "fewer than 2^(.5 n)",
        ),
        Verdict(
            22,
            held(all(lower)),
            f"trained rows at 10 qubits: {pairs} states",
            "states needed in mean-field frames against the computational frame; held if the exponent is lower "
            "for every "
            "kind of Hamiltonian. Weight stands for the energy error here",
        ),
    ]


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    found = exponents(results)

    def said(kind: str, frame: str) -> str:
        value, error = found[kind, frame]
        return f"{value:.2f} +- {error:.2f}"

    return {
        "isotropicExponent": said("isotropic", "computational"),
        "trainedExponent": said("trained", "mean_field"),
        "trainedExponentComputational": said("trained", "computational"),
    }
