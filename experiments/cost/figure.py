"""Layers of CZ against qubits, and processor time against basis states."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, letter, style
from experiments.fits import line
from experiments.parts import Verdict, held


def draw(results: xr.DataTree) -> Figure:
    """Draw both panels."""
    depth, seconds = (results[name].to_dataset() for name in ("depth", "seconds"))
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    lines = {
        "generic_depth": "generic evolution gate, level 1",
        "generic_depth_3": "generic evolution gate, level 3",
        "depth": "this package",
    }
    for number, (name, label) in enumerate(lines.items()):
        left.plot(depth.n_qubits, depth[name], label=label, **style(number))
    left.set(yscale="log", xlabel="qubits of a chain", ylabel="CZ layers of one Trotter step")
    left.legend(loc="center right", bbox_to_anchor=(1.0, 0.36), fontsize=6)
    for number, (name, label) in enumerate({"building": "structure, once", "solving": "each ground state"}.items()):
        slope, error, _ = line(np.log(seconds.n_states), np.log(seconds[name]))
        right.loglog(
            seconds.n_states, seconds[name], label=f"{label}: exponent {slope:.2f} ± {error:.2f}", **style(number)
        )
    right.set(xlabel="basis states", ylabel="processor time (s)")
    right.legend()
    letter(left, "(a)")
    letter(right, "(b)")
    return figure


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Compare depths with six layers a step."""
    depth = results["depth"].to_dataset()
    at_50 = depth.sel(n_qubits=depth.n_qubits.max())
    layers, swaps, gates = int(at_50.depth), int(depth.swaps.max()), int(at_50.cz_count)
    generic = f"{int(at_50.generic_depth)} and {int(at_50.generic_depth_3)}"
    n = int(depth.n_qubits.max())
    return [
        Verdict(
            10,
            held(layers <= 6 and swaps == 0),
            f"{layers} CZ layers and {swaps} SWAPs a step, {gates} CZ",
            f"one first-order step on a chain of {n}; a generic evolution gate, transpiled at levels 1 and 3, "
            f"has {generic} "
            "layers. Exact count, no error bar",
        ),
        Verdict(
            12,
            "held",
            f"{layers} CZ layers for any number of features",
            "features change the angles of one template and nothing else: the circuits of a model are built from its "
            "strings alone. By construction, no error bar",
        ),
    ]


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    at = results["depth"].to_dataset().isel(n_qubits=-1)
    return {
        "depthOurs": str(int(at.depth)),
        "depthGeneric": str(int(at.generic_depth)),
        "depthGenericOptimised": str(int(at.generic_depth_3)),
    }
