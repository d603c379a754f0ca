"""The figure of the demonstration, drawn from its results alone.

In: results of `hamiltonian_ml.study.demo.run_demo`, fresh or read back from their file. Out: a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.display.certificate import CertificateDisplay
from hamiltonian_ml.display.confusion import ConfusionDisplay
from hamiltonian_ml.display.operators import OPERATORS, OperatorDisplay
from hamiltonian_ml.display.training import TrainingDisplay

if TYPE_CHECKING:
    import xarray as xr

_STYLE: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "figure.titlesize": 9.0,
    "axes.titlelocation": "left",
}
_SIZE, _DPI = (7.2, 6.2), 200  # inches, dots an inch


def demo_figure(results: xr.DataTree) -> Figure:
    """Draw training curve, confusion matrix, the last class's label operator and the certificates of the test rows."""
    found, operators = results.to_dataset(), results["operators"].to_dataset()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
        upper, lower = figure.subplots(2, 2, width_ratios=(1.15, 1))
        TrainingDisplay(results["history"].to_dataset()).plot(ax=upper[0])
        upper[0].set_title("training")
        ConfusionDisplay(found["confusion"].values, found["truth"].values).plot(ax=upper[1])
        upper[1].set_title("labels of the test rows")
        name = str(operators["label"].values[-1])
        OperatorDisplay(operators["labels"].values[-1], basis_of(operators), unit=OPERATORS["label"]).plot(ax=lower[0])
        lower[0].set_title(f"learned operator of the class “{name}”")
        CertificateDisplay(results["certificate"].to_dataset()).plot(ax=lower[1])
        lower[1].set_title("ground states of the test rows")
        figure.suptitle(_headline(found))
    return figure


def _headline(found: xr.Dataset) -> str:
    accuracy = found["accuracy"].sel(part="test")
    figures = ", ".join(f"{name} {float(accuracy.sel(model=name)):.3f}" for name in accuracy["model"].values)
    return f"{found.attrs['setting_dataset']}, test accuracy: {figures}"


def basis_of(operators: xr.Dataset) -> PauliBasis:
    """Return the basis of stored operators."""
    qubits, paulis = (np.asarray(operators[name].values, dtype=np.int64) for name in ("qubits", "paulis"))
    edges = tuple(sorted({(int(i), int(j)) for i, j in qubits if j >= 0}))
    return PauliBasis(int(operators.attrs["n_qubits"]), edges, qubits, paulis)
