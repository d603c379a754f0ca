"""Which rows of a batch decide on the shared subspace: equal ones once, and no more than a given number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.rounding import rounded


def distinct_rows(
    coefficients: NDArray[np.float64], weights: NDArray[np.float64], *, max_rows: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distinct rows in ascending order, with the summed weights of those that are equal but for round-off.

    Parameters
    ----------
    coefficients : (n_rows, n_terms) float
        One Hamiltonian a row.
    weights : (n_rows,) float
        How much each row matters. A row of weight two comes out like two equal rows of weight one.
    max_rows : int
        Of more distinct rows, so many are drawn in proportion to their weights; rows of weight zero never are.
    rng : numpy.random.Generator
        Draws them; left alone if there are few enough.
    """
    _, first, inverse = np.unique(rounded(coefficients), axis=0, return_index=True, return_inverse=True)
    rows = coefficients[first]
    pooled = np.bincount(inverse.reshape(-1), weights, minlength=len(rows)).astype(np.float64)
    rows, pooled = rows[pooled > 0], pooled[pooled > 0]
    if len(rows) > max_rows:
        drawn = np.sort(rng.choice(len(rows), max_rows, replace=False, p=pooled / pooled.sum()))
        rows, pooled = rows[drawn], pooled[drawn]
    return rows, pooled
