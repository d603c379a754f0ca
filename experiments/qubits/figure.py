"""Accuracy, training curves, energy errors and sizes against the number of qubits."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.figures import WIDTH, curve, letter
from experiments.parts import Verdict, held, small
from hamiltonian_ml.study.statistics import compare, estimate

_EXACT = 1e-12  # energy errors that are round-off, where all states are sampled
_DATA = {"moons": "two moons", "breast_cancer": "breast cancer"}


_STATES = ("sampled", "exact", "noisy", "equal", "classical", "random", "noise")
_SETTLED = ("settled_agreement", "settled_accuracy", "doubtful", "settled_dimension", "settled_seconds")


def draw(results: xr.DataTree) -> Figure:
    """Draw six panels."""
    found = _table(results)
    figure, panels = plt.subplots(2, 3, figsize=(WIDTH, 4.4))
    for axes, (dataset, title) in zip(panels[0, :2], _DATA.items(), strict=True):
        for number, (states, label) in {
            0: ("sampled", "sampled"),
            1: ("exact", "all states"),
            3: ("noisy", ""),
        }.items():
            values = _of(found.test_accuracy, dataset, states)
            if values.notnull().any():
                said = label or f"Heron r2, {_seeds(values.dropna('n_qubits', how='all'))}"
                curve(axes, values, along="n_qubits", number=number, label=said)
        sampled = found.sel(dataset=dataset, states="sampled", drop=True)
        curve(
            axes,
            sampled.referee_accuracy,
            along="n_qubits",
            number=2,
            label="sampled, judged by true states",
            linestyle=":",
        )
        curve(axes, sampled.svc_accuracy, along="n_qubits", number=6, label="RBF SVC", marker="", linestyle="--")
        axes.set(xlabel="qubits", ylabel="test accuracy", ylim=(0.8, 1.0))
        letter(axes, f"({'ab'[list(_DATA).index(dataset)]}) {title}, {_seeds(sampled.test_accuracy)}")
    panels[0, 0].legend(loc="lower right", fontsize=6)
    _rest(found, panels)
    return figure


def _seeds(values: xr.DataArray) -> str:
    """Say how many seeds stand behind the sizes, which differ where models are missing."""
    done = values.notnull().sum("seed")
    few, many = int(done.min()), int(done.max())
    word = "seed" if many == 1 else "seeds"
    return f"{many} {word}" if few == many else f"{few} to {many} {word}"


def _table(results: xr.DataTree) -> xr.Dataset:
    """Return the results with all ways to choose states, NaN where none of their models is done.

    Results before revision 4 count the shots of all rounds of sampling but the last one, which follows training.
    """
    found = results["training"].to_dataset().reindex(states=list(_STATES))
    if found.attrs["setting_revision"] < 4:
        rounds = np.ceil(found.max_iter / found.attrs["setting_refresh_every"])
        found["shots_spent"] = found.shots_spent * (rounds + 1) / rounds
    return found.assign({name: found.agreement * np.nan for name in _SETTLED if name not in found})


def _rest(found: xr.Dataset, panels: np.ndarray) -> None:
    sampled = found.sel(states="sampled", drop=True)
    sizes = [int(n) for n in found.n_qubits.values]
    for number, n in enumerate((sizes[0], sizes[len(sizes) // 2], sizes[-1])):
        loss = sampled.loss.sel(dataset="moons", n_qubits=n, drop=True)
        curve(
            panels[0, 2],
            loss.assign_coords(epoch=loss.epoch + 1),
            along="epoch",
            number=number,
            label=f"{n} qubits",
            marker="",
        )
    panels[0, 2].set(xlabel="epoch", ylabel="loss (nat)", ylim=(0, None))
    panels[0, 2].legend()
    for number, (dataset, title) in enumerate(_DATA.items()):
        here = sampled.sel(dataset=dataset, drop=True)
        errors = here.energy_error.where(~(here.energy_error <= _EXACT), 0.0)  # round-off of exact states
        errors = errors.where(errors.mean("seed") > 0)  # which a logarithmic axis does not show
        curve(panels[1, 0], errors, along="n_qubits", number=number, label=title)
        curve(panels[1, 1], here.dimension, along="n_qubits", number=number, label=title)
        curve(panels[1, 2], here.cell_processor_seconds, along="n_qubits", number=number, label=title)
    panels[1, 0].set(yscale="log", ylim=(1e-6, 1e-2), xlabel="qubits", ylabel="relative energy error, median")
    panels[1, 0].axhline(2e-3, color="0.5", linestyle=":", linewidth=0.8)
    panels[1, 1].plot(sizes[:3], 2.0 ** np.array(sizes[:3]), color="0.5", linestyle=":", label="all states")
    panels[1, 1].set(yscale="log", xlabel="qubits", ylabel="basis states used", ylim=(8, 3000))
    panels[1, 2].set(xlabel="qubits", ylabel="processor time a model (s)", ylim=(0, None))
    panels[1, 0].legend(fontsize=6)
    panels[1, 1].legend(fontsize=6)
    for axes, text in zip((panels[0, 2], *panels[1]), ("(c) two moons, sampled", "(d)", "(e)", "(f)"), strict=True):
        letter(axes, text)


def _of(values: xr.DataArray, dataset: str, states: str) -> xr.DataArray:
    return values.sel(dataset=dataset, states=states, drop=True)


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Decide what can be said from training alone."""
    found = _table(results)
    return [_best(found), _loop(found), _largest(found), _trend(found), _classical(found), _controls(found)]


def _best(found: xr.Dataset) -> Verdict:
    mean = _of(found.test_accuracy, "moons", "sampled").mean("seed")
    n = int(mean.idxmax())
    value = estimate(_of(found.test_accuracy, "moons", "sampled").sel(n_qubits=n))
    return Verdict(
        1, held(value.mean >= 0.91), f"{value} at {n} qubits", f"two moons, sampled, {value.n} seeds; at least .91"
    )


def _loop(found: xr.Dataset) -> Verdict:
    small = found.n_qubits.values[found.n_qubits.values <= 12]
    pairs = {s: _of(found.test_accuracy, "moons", s).sel(n_qubits=small).values.ravel() for s in ("sampled", "exact")}
    other = {s: _of(found.test_accuracy, "breast_cancer", s).sel(n_qubits=small).values.ravel() for s in pairs}
    joined = {s: np.concatenate([pairs[s], other[s]]) for s in pairs}
    difference = estimate(joined["sampled"] - joined["exact"])
    p_value = compare(joined, [("sampled", "exact")])[0].corrected
    return Verdict(
        2,
        held(abs(difference.mean) <= 0.02),
        f"sampled less exact: {difference} (p = {p_value:.2g})",
        f"test accuracy, both data sets, n = {small.tolist()}, {difference.n} pairs; within 2 points",
    )


def _largest(found: xr.Dataset) -> Verdict:
    n = int(found.n_qubits.max())
    here = found.sel(n_qubits=n, states="sampled", drop=True)
    parts = []
    for dataset, title in _DATA.items():
        one = here.sel(dataset=dataset)
        if not one.test_accuracy.notnull().any():
            continue
        parts.append(
            f"{title}: accuracy {estimate(one.test_accuracy)}, {float(one.dimension.mean()):.0f} states, "
            f"{float(one.shots_spent.mean()):.2g} shots, {float(one.cz_count.mean()):.0f} CZ at depth "
            f"{float(one.cz_depth.mean()):.0f}, energy error {small(one.energy_error)}, "
            f"{_agreement(one)}, {float(one.cell_processor_seconds.mean()):.0f} s of processor time a seed, referee "
            "included"
        )
    moons = here.sel(dataset="moons")
    fine = (
        float(moons.test_accuracy.mean()) >= 0.95
        and float(moons.energy_error.mean()) <= 2e-3
        and float(_decided(moons).min()) == 1
    )
    return Verdict(
        3,
        held(fine),
        "; ".join(parts),
        f"n = {n}, {estimate(moons.test_accuracy).n} seeds, one core; held if on two moons the "
        "accuracy is at least .95, the energy error (median over rows, mean over seeds) at most 2e-3 and every "
        "decision of the classifier the "
        "referee's; accuracies are those in the shared subspace",
    )


def _decided(here: xr.Dataset) -> xr.DataArray:
    """Return the share of the classifier's own decisions that are the referee's, with rows in doubt solved again."""
    return here.settled_agreement.where(here.settled_agreement.notnull(), here.agreement)


def _agreement(here: xr.Dataset) -> str:
    """Say how often the referee decides the same, of rows in the shared subspace and of the classifier's own."""
    n_rows = float(here.judged_rows.sum())
    shared = f"{float((here.agreement * here.judged_rows).sum()):.0f} of {n_rows:.0f} decisions the referee's in the "
    if not here.settled_agreement.notnull().any():
        return shared + "shared subspace"
    there = here.where(here.settled_agreement.notnull())
    own = f"{float((there.settled_agreement * there.judged_rows).sum()):.0f} of {float(there.judged_rows.sum()):.0f}"
    return (
        f"{shared}shared subspace, {own} where the {100 * float(there.doubtful.mean()):.0f} % of rows in doubt are "
        f"solved again, in {float(there.settled_dimension.mean()):.0f} states"
    )


def _trend(found: xr.Dataset) -> Verdict:
    parts, rises, behind = [], [], []
    for dataset, title in _DATA.items():
        values = _of(found.test_accuracy, dataset, "sampled")
        behind.append(f"{title} {_seeds(values)} a size")
        whole = values.transpose("seed", "n_qubits").dropna("seed")
        rise = estimate([1000 * np.polyfit(whole.n_qubits, one, 1)[0] for one in whole.values])
        means = ", ".join(
            f"{int(n)}: {estimate(values.sel(n_qubits=n))}"
            for n in values.n_qubits
            if values.sel(n_qubits=n).notnull().any()
        )
        word = "flat" if not abs(rise.mean) >= 2 * rise.error else "rises" if rise.mean > 0 else "falls"
        parts.append(f"{title} {word} ({rise} points per 10 qubits): {means}")
        rises.append(word)
    return Verdict(
        4,
        held(all(word != "falls" for word in rises)),
        "; ".join(parts),
        f"test accuracy against n, sampled; {', '.join(behind)}; a slope for each seed; held if their mean is not "
        "below zero by two standard errors or more",
    )


def _classical(found: xr.Dataset) -> Verdict:
    names = ("test", "network", "svc", "logistic")
    parts = []
    for dataset, title in _DATA.items():
        here = found.sel(dataset=dataset, states="sampled", drop=True)
        means = ", ".join(
            f"{'ours' if k == 'test' else k} {estimate(here[f'{k}_accuracy'].mean('n_qubits'))}" for k in names
        )
        parts.append(f"{title}: {means}")
    return Verdict(
        11,
        held(float((found.test_accuracy - found.network_accuracy).sel(states="sampled").mean()) >= -0.02),
        "; ".join(parts),
        "mean over n and seeds; the network has one hidden layer and (1 + F + K)(12 n - 9) parameters; held if "
        "ours is at most 2 "
        "points below it",
    )


def _controls(found: xr.Dataset) -> Verdict:
    moons = found.sel(dataset="moons", drop=True)
    ours = "equal" if bool(moons.test_accuracy.sel(states="equal").notnull().any()) else "sampled"
    names, parts = (ours, "classical", "random", "noise"), []
    for n in (12, 50) if 50 in found.n_qubits.values else found.n_qubits.values[:3]:
        here = moons.sel(n_qubits=n, drop=True)
        done = [s for s in names if bool(here.test_accuracy.sel(states=s).notnull().any())]
        each = ", ".join(
            f"{'sampled' if s == ours else s} {estimate(here.test_accuracy.sel(states=s))} (energy "
            f"{small(here.energy_error.sel(states=s))}, {float(here.dimension.sel(states=s).mean()):.0f} "
            "states)"
            for s in done
        )
        parts.append(f"{int(n)} qubits: {each}")
    scores = {name: moons.test_accuracy.sel(states=name).values.ravel() for name in names}
    paired = [name for name in names[1:] if np.isfinite(scores[name] - scores[ours]).sum() > 1]
    tests = compare(scores, [(ours, name) for name in paired])
    worse = [test for test in tests if test.difference > 0.02]
    said = ", ".join(f"{t.second} {100 * t.difference:+.1f} points (p = {t.corrected:.2g})" for t in tests)
    verdict = held(len(worse) == 3) if len(paired) == 3 else "not decidable"
    return Verdict(
        14,
        verdict,
        f"{'; '.join(parts)}; sampled less {said or 'nothing yet'}",
        f"two moons, {estimate(here.test_accuracy.sel(states='random')).n} seeds, accuracy on all test rows and energy "
        "error on ten (median over rows, mean over seeds) when at most 200 basis states are sampled, chosen "
        "classically, drawn at random or by noise alone, with the reference state and its single flips among them; "
        "held if sampling is more than 2 points better than each of the three, Wilcoxon tests with Holm's correction "
        "beside. Training fits the operators to whatever states there are",
    )


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    found = _table(results)
    n = int(found.n_qubits.max())
    here = found.sel(n_qubits=n, states="sampled", dataset="moons", drop=True)
    return {
        "largestQubits": str(n),
        "moonsLargest": str(estimate(here.test_accuracy)),
        "moonsSeeds": str(estimate(here.test_accuracy).n),
        "moonsStates": f"{float(here.dimension.mean()):.0f}",
        "moonsEnergyError": small(here.energy_error),
        "moonsAgreement": f"{100 * float(here.agreement.mean()):.2f}",
        "moonsSettled": f"{100 * float(_decided(here).mean()):.2f}",
        "moonsDoubtful": f"{100 * float(here.doubtful.mean()):.0f}",
        "moonsSeconds": f"{float(here.cell_processor_seconds.mean()):.0f}",
        "moonsCz": f"{float(here.cz_count.mean()):.0f}",
        "trainingCells": str(results["training"].attrs["n_cells"]),
    }
