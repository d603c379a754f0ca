"""Bond dimensions of ground states: chain against heavy-hex, and trained chains by the referee."""

from __future__ import annotations

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from experiments import studies
from experiments.figures import WIDTH, curve, letter
from experiments.parts import Verdict
from hamiltonian_ml.study.statistics import estimate


def draw(results: xr.DataTree) -> Figure:
    """Draw both panels."""
    cut, chain = (results[name].to_dataset() for name in ("cut", "chain"))
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    for number, graph in enumerate(("chain", "heavy-hex")):
        curve(
            left,
            cut.bond.sel(graph=graph, drop=True),
            along="strength",
            number=number,
            label=f"{graph}, {_qubits(cut, graph)} qubits",
        )
    left.set(xlabel="size of random terms (start field)", ylabel="bond dimension", ylim=(0, None))
    left.legend()
    for number, epochs in enumerate(chain.max_iter.values):
        values = chain.bond.sel(max_iter=epochs)
        values = values if "seed" in values.dims else values.expand_dims("seed")
        curve(right, values, along="n_qubits", number=number, label=f"{epochs:g} epochs")
    right.set(xlabel="qubits of a trained chain", ylabel="bond dimension of the referee", ylim=(0, None))
    right.legend(loc="lower right")
    letter(left, "(a)")
    letter(right, "(b)")
    return figure


def _qubits(cut: xr.Dataset, graph: str) -> str:
    if "n_qubits" not in cut:
        return str(cut.attrs["setting_n_qubits"])
    return f"{float(cut.n_qubits.sel(graph=graph).max()):.0f}"


def verdicts(results: xr.DataTree) -> list[Verdict]:
    """Say which bonds suffice."""
    cut, chain = (results[name].to_dataset() for name in ("cut", "chain"))
    last = chain.isel(n_qubits=-1, max_iter=-1)
    strongest = cut.bond.isel(strength=-1)
    pair = ", ".join(
        f"{g} {estimate(strongest.sel(graph=g))} ({_qubits(cut, g)} qubits)" for g in ("chain", "heavy-hex")
    )
    return [
        Verdict(
            24,
            "described",
            f"trained chain of {int(last.n_qubits)}: bond {estimate(last.bond)}, "
            f"{float(last.row_seconds.mean()):.2g} s a row; "
            f"random terms of {float(strongest.strength):g}: {pair}; {_classical_run()}",
            "A chain is classically easy: the referee solves each row of the trained model in the time given, "
            "with bonds that "
            "do not grow with the length. Loops of a heavy-hex patch need larger bonds at equal strength; "
            "patches of this size "
            "are still exact on a laptop, so that no hardness is shown here",
        )
    ]


def _classical_run() -> str:
    """Say what training from classically chosen states takes at the largest size, from the figure of training."""
    found = studies.results("qubits")["training"].to_dataset().sel(dataset="moons", states="classical", drop=True)
    found = found.dropna("n_qubits", how="all", subset=["test_accuracy"]).isel(n_qubits=-1)
    return (
        f"training on two moons at {int(found.n_qubits)} qubits from classically chosen states "
        f"{estimate(found.training_seconds / 60)} minutes, accuracy {estimate(found.test_accuracy)}"
    )


def numbers(results: xr.DataTree) -> dict[str, str]:
    """Return what the paper's text quotes."""
    last = results["chain"].to_dataset().isel(n_qubits=-1, max_iter=-1)
    return {"trainedBond": f"{float(last.bond.mean()):.1f}", "trainedBondQubits": str(int(last.n_qubits))}
