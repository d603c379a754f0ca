"""Which Hamiltonians are the same but for round-off: coefficients, rounded in a way that knows their unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DECIMALS = 10
_SMALL = 1e-3  # largest coefficients below this, as in joules, are rounded by their size


def rounded(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coefficients (n_rows, n_terms) to ten decimals, or ten digits of the largest where all are small."""
    largest = np.abs(coefficients).max(initial=0.0)
    more = -int(np.floor(np.log10(largest))) if 0.0 < largest < _SMALL else 0
    digits: NDArray[np.float64] = coefficients.round(_DECIMALS + more) + 0.0  # -0.0 becomes 0.0, which has other bytes
    return digits
