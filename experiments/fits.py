"""Straight lines through logarithms: exponents with their standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import linregress


def line(x: Any, y: Any) -> tuple[float, float, float]:
    """Return slope, its standard error and the coefficient of determination, over the finite points."""
    x, y = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    there = np.isfinite(x) & np.isfinite(y)
    found = linregress(x[there], y[there])
    return float(found.slope), float(found.stderr), float(found.rvalue**2)
