"""Labelled arrays of what an estimator knows: training history and certificates, with units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from hamiltonian_ml.learning.decisions import Decisions
from hamiltonian_ml.subspace.certificate import Certificate

_HISTORY = {  # no unit: that of the loss
    "loss": ("training loss", ""),
    "validation_loss": ("loss of the rows held out", ""),
    "gradient_norm": ("Euclidean norm of the gradient", ""),
    "smallest_gap": ("smallest gap of any training row", "start field"),
    "outside_variance": ("energy variance outside the subspace over the coefficients' mean square a qubit", "1"),
    "dimension": ("basis states in the subspace", "1"),
    "refreshed": ("subspace chosen anew", "1"),
}
_UNITS = ("1", "{}", "{} squared")  # by power of the energy
_CERTIFICATE = {
    "energy": ("ground-state energy in the subspace", 1),
    "gap": ("distance to the second level", 1),
    "residual": ("norm of (H - E) psi in the full space", 1),
    "variance": ("energy variance", 2),
    "correction": ("second-order estimate of the missing energy", 1),
    "captured_weight": ("estimated weight of the exact state in the subspace", 0),
    "tilt": ("residual over the distance to the next energy inside or just outside, at most 1", 0),
    "overlap": ("squared overlap with the ground state when the states just outside are let in", 0),
    "trusted": ("residual below half the distance to the next energy, weight captured, overlap large if known", 0),
}


def history(epochs: Sequence[dict[str, Any]], estimator: Any, *, loss_unit: str) -> xr.Dataset:
    """Return the epochs' records along ``epoch``, with the estimator's parameters as attributes."""
    variables = {
        name: ("epoch", np.array([epoch[name] for epoch in epochs]), {"long_name": text, "units": unit or loss_unit})
        for name, (text, unit) in _HISTORY.items()
    }
    attributes = {f"parameter_{k}": repr(v) for k, v in estimator.get_params(deep=False).items()}
    title = f"Training history of {type(estimator).__name__}"
    return xr.Dataset(variables, {"epoch": np.arange(len(epochs))}, {"title": title, **attributes})


def certificate(parts: Sequence[Certificate], *, unit: str = "start field") -> xr.Dataset:
    """Return certificates of consecutive chunks of rows as one dataset along ``row``, energies in some unit."""
    variables = {}
    for each in fields(Certificate):
        text, power = _CERTIFICATE[each.name]
        values = np.concatenate([getattr(part, each.name) for part in parts])
        variables[each.name] = ("row", values, {"long_name": text, "units": _UNITS[power].format(unit)})
    n_rows = len(variables["energy"][1])
    return xr.Dataset(variables, {"row": np.arange(n_rows)}, {"title": "Certificates of ground states"})


def decisions(parts: Sequence[Decisions]) -> xr.Dataset:
    """Return decisions on consecutive chunks of rows, with the certificates behind them, along ``row``."""
    found = certificate([part.certificate for part in parts])
    margins, errors, dimensions = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("margins", "errors", "dimensions")
    )
    values = {
        "dimension": (dimensions, "basis states behind the prediction", "1"),
        "margin": (margins, "winning logit less its closest rival", "nat"),
        "margin_error": (errors, "what the states left out can move the margin by, to first order", "nat"),
        "decided": (margins > errors, "margin above its error", "1"),
    }
    return found.assign({k: ("row", v, {"long_name": text, "units": unit}) for k, (v, text, unit) in values.items()})


def comparison(base: NDArray[Any], head: NDArray[Any], truth: NDArray[Any]) -> xr.Dataset:
    """Return which rows a head fixes and breaks, with the exact test of McNemar; see `HamiltonianHeadClassifier`."""
    right, now_right = base == truth, head == truth
    fixed, broken = now_right & ~right, right & ~now_right
    n_changed = int(fixed.sum() + broken.sum())
    p_value = binomtest(int(fixed.sum()), n_changed).pvalue if n_changed else 1.0
    rows = {
        "base": (base, "answer of the base"),
        "head": (head, "answer with the head"),
        "fixed": (fixed, "base wrong, head right"),
        "broken": (broken, "base right, head wrong"),
    }
    numbers = {
        "base_accuracy": (right.mean(), "share of rows that the base answers rightly"),
        "head_accuracy": (now_right.mean(), "share of rows answered rightly with the head"),
        "p_value": (p_value, "McNemar's exact test, two-sided"),
    }
    return xr.Dataset(
        {name: ("row", values, {"long_name": text}) for name, (values, text) in rows.items()}
        | {name: ((), value, {"long_name": text, "units": "1"}) for name, (value, text) in numbers.items()},
        {"row": np.arange(len(truth))},
        {"title": "A head beside its base"},
    )


def sensitivities(derivatives: NDArray[np.float64], estimator: Any) -> xr.DataArray:
    """Return derivatives along ``row``, ``output`` and ``feature``, with names where the estimator has some."""
    n_rows, n_outputs, n_features = derivatives.shape
    names = getattr(estimator, "feature_names_in_", np.arange(n_features))
    coordinates = {
        "row": np.arange(n_rows),
        "output": getattr(estimator.targets_, "classes", np.arange(n_outputs)),
        "feature": names if len(names) == n_features else np.arange(n_features),  # a head may look at others
    }
    unit = "nat" if hasattr(estimator.targets_, "classes") else "unit of the target"
    attributes = {"long_name": "derivative of the output by the feature", "units": f"{unit} / unit of the feature"}
    return xr.DataArray(derivatives, coordinates, ("row", "output", "feature"), "sensitivity", attributes)
