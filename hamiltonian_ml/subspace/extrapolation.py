"""The energy that a growing subspace heads for: extrapolation in the variance.

In: a structure, coefficients and levels. Out: for each row, the energy at zero variance. Smaller subspaces are made by
dropping the states of least weight, so that one structure is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import Levels, lowest_levels
from hamiltonian_ml.subspace.structure import SubspaceStructure, shrink

FRACTIONS = (1.0, 0.5, 0.25)


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """Energies of a batch, extrapolated to zero variance.

    Attributes
    ----------
    energy : (n_rows,) float
        Where the straight line ends, in the coefficients' unit: at most that of the largest subspace, but not a bound.
    slope : (n_rows,) float
        Energy over variance, in inverse energy; 0 where the energy does not grow with the variance.
    energies, variances : (n_points, n_rows) float
        The points, the largest subspace first.
    """

    energy: NDArray[np.float64]
    slope: NDArray[np.float64]
    energies: NDArray[np.float64]
    variances: NDArray[np.float64]


def extrapolate(
    structure: SubspaceStructure,
    coefficients: NDArray[np.float64],
    levels: Levels,
    *,
    fractions: tuple[float, ...] = FRACTIONS,
) -> Extrapolation:
    """Extrapolate the ground-state energy of every row in the variance.

    Parameters
    ----------
    structure : SubspaceStructure
        The largest subspace.
    coefficients : (n_rows, n_terms) float
        The Hamiltonians, in the frame of the subspace.
    levels : Levels
        Their levels in it.
    fractions : tuple of float
        Shares of its states that make the points, from 1 down; at least two.

    Raises
    ------
    ValueError
        If there are fewer than two fractions, or one is not above 0 and at most 1.

    Notes
    -----
    Near an eigenstate both energy error and variance are of second order in the state's error, so that one grows
    linearly with the other. The line goes through the point of the largest subspace, which is the best known, and is
    closest to the others: where that point has no variance, or all have the same, its energy stays. So it does where
    the line would rise towards zero variance, since the energy is a bound already.
    """
    if len(fractions) < 2 or not all(0 < f <= 1 for f in fractions):
        raise ValueError(f"fractions must be at least two numbers above 0 and at most 1, got {fractions!r}.")
    mean_weights = (np.abs(levels.ground_states) ** 2).mean(axis=0)
    order = np.argsort(-mean_weights, kind="stable")
    energies, variances = [], []
    for fraction in sorted(fractions, reverse=True):
        keep = np.zeros(structure.dimension, dtype=bool)
        keep[order[: max(1, round(fraction * structure.dimension))]] = True
        part = structure if keep.all() else shrink(structure, keep)
        found = levels if keep.all() else lowest_levels(part, coefficients, n_levels=1)
        certificate = certify(part, coefficients, found)
        energies.append(certificate.energy)
        variances.append(certificate.variance)
    x, y = np.array(variances), np.array(energies)
    unit = np.where(x.max(axis=0) > 0, x.max(axis=0), 1.0)  # squares of variances may leave the range of numbers
    run, rise = (x - x[0]) / unit, y - y[0]
    spread = (run**2).sum(axis=0)
    flat = spread <= 1e-24
    slope = np.maximum(np.where(flat, 0.0, (run * rise).sum(axis=0) / np.where(flat, 1.0, spread)), 0.0) / unit
    return Extrapolation(y[0] - slope * x[0], slope, y, x)
