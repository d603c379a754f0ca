"""Lengths rounded up, so that JAX, which compiles anew for every shape, mostly runs what is there.

In: arrays of any length. Out: arrays of one of few lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats

SMALLEST_BATCH = 64  # rows of a loss, which costs next to nothing
SMALLEST_MAPPED = 8  # rows of a map, which may be a network


def padded(length: int, smallest: int = 1) -> int:
    """Round up to one of four lengths between powers of two, at least ``smallest``.

    Compiling takes seconds. This way a subspace that is chosen anew, with a few pairs more or less, a last, smaller
    batch, or a fit of a few rows more mostly run what is there; beyond ``smallest``, at most a quarter of the work is
    idle.
    """
    step = 1 << max(0, (length - 1).bit_length() - 3)
    return max(smallest, -(-length // step) * step)


def pad_rows(values: NDArray[Any], smallest: int) -> NDArray[Any]:
    """Return an array (n_rows, ...) with its first row again as often as it takes: what maps that one maps these."""
    missing = padded(len(values), smallest) - len(values)
    return np.concatenate([values, np.repeat(values[:1], missing, axis=0)])


def pad_with_zeros(values: Floats, smallest: int) -> Floats:
    """Return an array (n_rows, ...) with rows of zeros up to the same length."""
    missing = padded(len(values), smallest) - len(values)
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]))])
