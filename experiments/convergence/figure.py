"""Energy errors of Krylov samples along four settings, and the subspaces that were not sampled."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.convergence.run import COURSE_ENERGY, RING_ENERGY
from experiments.figures import WIDTH, curve, letter
from experiments.fits import line
from experiments.parts import Verdict, held
from hamiltonian_ml.study.statistics import estimate

_SCANS = (
    ("time step", "factor", "time step (π/W)"),
    ("powers", "krylov_dimension", "Krylov states"),
    ("shots", "shots", "shots a circuit"),
)
_STATES = ("sampled", "classical", "random", "noise")
_DEFAULTS = {"krylov_dimension": 4, "factor": 4.0, "shots": 2000, "max_dimension": 10_000}


def along(
    results: xr.DataTree, scan: str, name: str, *, states: str = "sampled", what: str = "energy_error"
) -> xr.DataArray:
    """Return one quantity (seed, name) along one setting, the others at their defaults."""
    found = results["scan"].to_dataset()[what].sel(scan=scan, states=states, drop=True)
    others = [key for key in _DEFAULTS if key != name and key in found.dims]
    return found.mean(others).dropna(name, how="all")  # one value of each other setting is not NaN


def draw(results: xr.DataTree) -> Figure:
    """Draw the three scans and the comparison at equal size."""
    figure, panels = plt.subplots(2, 2, figsize=(WIDTH, 4.4), sharey=True)
    for axes, (scan, name, label), text in zip(panels.flat, _SCANS, "abc", strict=False):
        curve(axes, along(results, scan, name), along=name, number=0)
        axes.set(yscale="log", xlabel=label)
        if name != "krylov_dimension":
            axes.set_xscale("log")
        letter(axes, f"({text})")
    last = panels[1, 1]
    for number, states in enumerate(_STATES):
        curve(
            last,
            along(results, "size", "max_dimension", states=states),
            along="max_dimension",
            number=number,
            label=states,
        )
    last.set(xscale="log", xlabel="most basis states", yscale="log")
    last.legend()
    letter(last, "(d)")
    for axes in panels[:, 0]:
        axes.set_ylabel("relative energy error")
    return figure


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Check bounds, find the best time step, and take the ring and the coupon collector."""
    return [_bounds(results), _best_step(results), _ring(results), _growth(results)]


def _bounds(results: xr.DataTree) -> Verdict:
    scan, bound = results["scan"].to_dataset(), results["bound"].to_dataset()
    exact_ok = float((bound.error <= bound.bound * (1 + 1e-9)).mean())
    there = scan.energy_error.notnull()
    sampled_ok = float((scan.energy_error <= scan.bound + 1e-12).where(there).mean())
    near = [estimate(_largest(share)) for share in (bound.error / bound.bound, scan.energy_error / scan.bound)]
    return Verdict(
        16,
        held(exact_ok == 1 and sampled_ok == 1),
        f"{exact_ok:.0%} of exact, {sampled_ok:.0%} of sampled errors obey; the largest of a Hamiltonian is {near[0]} "
        f"and {near[1]} of its bound",
        f"exact: {bound.sizes['seed']} Hamiltonians, 1 to {bound.sizes['dimension']} Krylov states, time "
        f"step pi/W; sampled: {int(there.sum())} subspaces, those of the controls among them, on "
        f"{_n_qubits(scan)} qubits",
    )


def _largest(shares: xr.DataArray) -> xr.DataArray:
    return shares.max([name for name in shares.dims if name != "seed"])


def _best_step(results: xr.DataTree) -> Verdict:
    scan, steps = results["scan"].to_dataset(), along(results, "time step", "factor")
    mean, best = steps.mean("seed"), float(steps.mean("seed").idxmin())
    error = steps.std("seed", ddof=1).sel(factor=best) / np.sqrt(steps.sizes["seed"])
    last = ", the longest tried" if best == float(steps.factor.max()) else ""
    return Verdict(
        17,
        "held" if best > 1 else "failed",
        f"best at {best:g} pi/W{last}: error {float(mean.sel(factor=best)):.2g} +- {float(error):.1g}, at pi/W "
        f"{float(mean.sel(factor=1.0)):.2g}",
        f"4 Krylov states, 2,000 shots, {scan.sizes['seed']} Hamiltonians on {_n_qubits(scan)} qubits, all states kept "
        "that are sampled, of which longer steps give more; held if the optimum for sampling is longer than pi/W",
    )


def _ring(results: xr.DataTree) -> Verdict:
    ring = results["ring"].to_dataset()
    gaps = ring.energy - RING_ENERGY
    most = int(ring.shots.max())
    each = ", ".join(
        f"{int(s)}: {estimate(gaps.sel(shots=s))} ({float(ring.dimension.sel(shots=s).mean()):.0f} states)"
        for s in ring.shots
    )
    return Verdict(
        18,
        held(float(ring.energy.sel(shots=most).mean()) <= COURSE_ENERGY),
        f"energy above the exact one by shots a circuit: {each}",
        f"held if {most} shots a circuit reach the course's {COURSE_ENERGY} (exact {RING_ENERGY}); one first-order "
        f"Trotter step a time step, no states added, mean of {ring.sizes['seed']} seeds",
    )


def _growth(results: xr.DataTree) -> Verdict:
    scan, new = results["scan"].to_dataset(), along(results, "shots", "shots", what="dimension")
    slope, slope_error, _ = line(np.log(new.shots), np.log(new.mean("seed")))
    counts = ", ".join(f"{int(s)}: {estimate(new.sel(shots=s))}" for s in new.shots)
    return Verdict(
        20,
        held(slope < 1),
        f"different states grow as shots^({slope:.2f} +- {slope_error:.2f}): {counts}",
        f"different states among 3 circuits, {_n_qubits(scan)} qubits, mean of {scan.sizes['seed']} Hamiltonians; held "
        "if slower than the shots",
    )


def _n_qubits(scan: xr.Dataset) -> object:
    return scan.attrs.get("setting_n_qubits", "?")


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    sizes = {
        s: along(results, "size", "max_dimension", states=s).mean("seed") for s in ("sampled", "classical", "random")
    }
    at = int(min(sizes["sampled"].max_dimension.values[1:2]))
    ring = results["ring"].to_dataset()
    gap = ring.energy.mean("seed").isel(shots=-1) - RING_ENERGY
    return {
        "sizeCompared": str(at),
        **{f"error{s.capitalize()}": f"{float(v.sel(max_dimension=at)):.1e}" for s, v in sizes.items()},
        "bestStep": f"{float(along(results, 'time step', 'factor').mean('seed').idxmin()):g}",
        "ringGap": f"{float(gap):.2g}",
        "ringShots": f"{int(ring.shots.max()):,}",
    }
