"""Energy error, accuracy and decisions through the noise of three generations; training and gradients in noise."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter, style
from experiments.fits import line
from experiments.parts import Verdict, held, small
from hamiltonian_ml.study.statistics import compare, estimate

_PLACES = {"auto": "no noise", "fake_kingston": "Heron r2"}
_LOST = 0.02  # accuracy
_MIN_SIZES, _MIN_SEEDS = 5, 2  # for a verdict


def draw(results: xr.DataTree) -> Figure:
    """Draw three panels on the ladder and three on training."""
    rungs, noisy = (results[name].to_dataset() for name in ("rungs", "noisy"))
    figure, panels = plt.subplots(2, 3, figsize=(WIDTH, 4.4))
    for axes, (name, label) in zip(
        panels[0],
        {
            "energy_error": "relative energy error, median",
            "test_accuracy": "test accuracy",
            "agreement": "decisions as referee's",
        }.items(),
        strict=True,
    ):
        _ladder(axes, rungs, name)
        axes.set(xlabel="errors expected in a shot", ylabel=label)
        axes.set_xscale("symlog", linthresh=0.1)
    panels[0, 0].set_yscale("log")
    for axes in (panels[0, 0], panels[1, 0]):
        axes.set_ylim(1e-6, 1e-3)
    panels[0, 0].legend(fontsize=6)
    for axes in panels[0, 1:]:
        axes.set_ylim(0.8, 1.01)
    for number, (place, label) in enumerate(_PLACES.items()):
        here = noisy.sel(backend=place, drop=True)
        curve(panels[1, 0], here.energy_error.clip(1e-16), along="n_qubits", number=number, label=label)
        curve(panels[1, 1], here.test_accuracy, along="n_qubits", number=number, label=label)
        curve(panels[1, 2], late_mean_square(here), along="n_qubits", number=number, label=label)
    panels[1, 0].set(xlabel="qubits", ylabel="relative energy error, median", yscale="log")
    panels[1, 1].set(xlabel="qubits", ylabel="test accuracy", ylim=(0.8, 1.01))
    panels[1, 2].set(xlabel="qubits", ylabel="mean square derivative\n(nat²/field²)")
    panels[1, 2].ticklabel_format(axis="y", scilimits=(0, 0))
    panels[1, 0].legend(fontsize=6)
    titles = (
        "sampled again",
        "sampled again",
        "sampled again",
        "trained in noise",
        "trained in noise",
        "late in training",
    )
    for axes, name, title in zip(panels.flat, "abcdef", titles, strict=True):
        letter(axes, f"({name}) {title}")
    return figure


def _ladder(axes: Axes, rungs: xr.Dataset, name: str) -> None:
    """Draw mean and standard error against the number of errors, which is the same for all seeds."""
    for number, n in enumerate(rungs.n_qubits.values):
        here = rungs.sel(n_qubits=n, drop=True).dropna("seed", how="all", subset=[name])
        if not here.sizes["seed"]:
            continue
        values = here[name].clip(1e-16) if name == "energy_error" else here[name]
        mean = values.mean("seed").values
        error = values.std("seed", ddof=1).values / np.sqrt(here.sizes["seed"]) if here.sizes["seed"] > 1 else 0 * mean
        x = here.expected_errors.mean("seed").values
        axes.errorbar(x, mean, error, label=f"{int(n)} qubits", capsize=2, **style(number))


def late_mean_square(noisy: xr.Dataset) -> xr.DataArray:
    """Return the mean square of all derivatives over the second half of training."""
    return noisy.mean_square.isel(epoch=slice(noisy.sizes["epoch"] // 2, None)).mean("epoch")


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Decide on gradients in training, and on what noise costs."""
    rungs, noisy = (results[name].to_dataset() for name in ("rungs", "noisy"))
    return [_gradients(noisy), _noise(rungs, noisy)]


def _gradients(noisy: xr.Dataset) -> Verdict:
    parts, worst, fewest = [], -np.inf, np.inf
    for place, label in _PLACES.items():
        mean = late_mean_square(noisy.sel(backend=place, drop=True)).mean("seed").dropna("n_qubits")
        rate, rate_error, r_exponential = line(mean.n_qubits, np.log2(mean))
        power, power_error, r_power = line(np.log(mean.n_qubits), np.log(mean))
        sizes = [int(n) for n in mean.n_qubits.values]
        parts.append(
            f"{label}, n = {sizes}: 2^({rate:.3f} +- {rate_error:.3f}) a qubit (R2 {r_exponential:.2f}), "
            f"n^({power:.2f} +- {power_error:.2f}) (R2 {r_power:.2f})"
        )
        worst = max(worst, r_exponential - r_power if rate < 0 else -1.0)
        fewest = min(fewest, len(sizes))
    there = noisy.test_accuracy.notnull().sum("seed")
    least, most = int(there.min()), int(there.max())
    seeds = f"{most} seeds" if least == most else f"{least} to {most} seeds"
    return Verdict(
        6,
        held(worst <= 0.02) if fewest >= _MIN_SIZES else "not decidable",
        "; ".join(parts),
        f"mean square of all derivatives over the second half of {noisy.sizes['epoch']} epochs, two moons, "
        f"{seeds}, basis states sampled without noise and through Heron r2's; held (no exponential "
        "decay) if over at least 5 sizes the exponential law fits no better than the power law",
    )


def _noise(rungs: xr.Dataset, noisy: xr.Dataset) -> Verdict:
    parts, lost, fewest = [], [], _MIN_SEEDS
    for n in rungs.n_qubits.values:
        here = rungs.sel(n_qubits=n, drop=True)
        if not here.test_accuracy.notnull().any():
            continue
        each = []
        for name in here.generation.values:
            rung = here.sel(generation=name)
            drop = estimate(rung.test_accuracy - here.test_accuracy.sel(generation="none"))
            spread = f" +- {100 * drop.error:.1f}" if drop.n > 1 else ""
            said = "" if name == "none" else f", accuracy {100 * drop.mean:+.1f}{spread} points"
            each.append(f"{name} energy {small(rung.energy_error)}{said}, "
                        f"agreement {float(rung.agreement.mean()):.3f}")  # fmt: skip
            lost.append(-drop.mean)
            fewest = min(fewest, drop.n)
        parts.append(f"{int(n)} qubits ({estimate(here.test_accuracy[..., 0]).n} seeds): {'; '.join(each)}")
    accuracy = {str(b): noisy.test_accuracy.sel(backend=b).values.ravel() for b in _PLACES}
    test = compare(accuracy, [("fake_kingston", "auto")])[0]
    largest = noisy.isel(n_qubits=-1)
    errors = [small(largest.energy_error.sel(backend=backend)) for backend in ("fake_kingston", "auto")]
    return Verdict(
        13,
        held(max(lost) <= _LOST and test.difference >= -_LOST) if fewest >= _MIN_SEEDS else "not decidable",
        f"{'; '.join(parts)}; trained in Heron r2's noise: accuracy {100 * test.difference:+.1f} points (p = "
        f"{test.corrected:.2g}), energy error at {int(largest.n_qubits)} qubits {errors[0]}, without {errors[1]}",
        "a model on two moons, basis states sampled again for the test rows through the calibrations of fake_boston "
        f"(r3), fake_kingston (r2) and fake_torino (r1), at most {rungs.attrs.get('setting_max_dimension', '?')} "
        f"states; relative energy error and agreement on {rungs.attrs.get('setting_judged_rows', '?')} rows a seed "
        "(median over rows, mean over seeds); held if no generation costs more than 2 points of accuracy, "
        "over two seeds or more at every size",
    )


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    rungs = results["rungs"].to_dataset().dropna("n_qubits", how="all", subset=["test_accuracy"])
    last = rungs.isel(n_qubits=-1)
    drop = estimate(last.test_accuracy.sel(generation="Heron r1") - last.test_accuracy.sel(generation="none"))
    return {
        "noiseQubits": str(int(last.n_qubits)),
        "noiseSeeds": str(drop.n),
        "noiseChange": f"{100 * drop.mean:+.1f}" + (f" +- {100 * drop.error:.1f}" if drop.n > 1 else ""),
        "noiseEnergyClean": small(last.energy_error.sel(generation="none")),
        "noiseEnergyWorst": small(last.energy_error.sel(generation="Heron r1")),
    }
