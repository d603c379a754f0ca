"""A beam search for where the qubits of a graph lie on a device.

In: the order in which qubits are placed, and log-fidelities of qubits and couplers. Out: the best placement found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats


@dataclass(frozen=True)
class Visit:
    """The next qubit to place: those of its neighbours that are placed, and the qubits that then wait for others."""

    qubit: int
    placed: tuple[int, ...]
    waiting: tuple[int, ...]


@dataclass(frozen=True)
class _Beam:
    """Partial placements, in the order of their physical qubits as they were placed.

    ``scores`` (n,) are log-fidelities, ``spots`` (n, n_qubits) the physical qubit of each qubit placed, ``occupied``
    (n, n_spots) marks them.
    """

    scores: Floats
    spots: NDArray[np.int16]
    occupied: NDArray[np.bool_]


def search(visits: list[Visit], nodes: Floats, links: Floats, width: int) -> tuple[list[int] | None, bool]:
    """Return the best placement found, and whether nothing was dropped on the way that could have been better.

    Parameters
    ----------
    visits : list of Visit
        One for each qubit.
    nodes : (n_spots,) float
        Log-fidelity of each physical qubit; NaN where it does not work.
    links : (n_spots, n_spots) float
        Of each coupler, symmetric; NaN where there is none.
    width : int
        Partial placements kept for each place of the newest qubit.

    Notes
    -----
    Placements of one future are those that occupy the same spots and agree on the qubits that wait for neighbours. They
    are told apart by 64-bit hashes. Of equal ones the first is kept, in the order of the spots.
    """
    n_spots, exact = len(nodes), True
    free, coupled = np.isfinite(nodes), np.isfinite(links)
    keys = np.random.default_rng(0).integers(0, 2**64, (len(visits) + 1, n_spots), dtype=np.uint64)
    beam = _Beam(np.zeros(1), np.full((1, len(visits)), -1, dtype=np.int16), np.zeros((1, n_spots), dtype=bool))
    hashes = np.zeros(1, dtype=np.uint64)  # of the spots that are occupied
    for visit in visits:
        allowed = free & ~beam.occupied
        for qubit in visit.placed:
            allowed &= coupled[beam.spots[:, qubit]]
        parents, spots = np.nonzero(allowed)
        scores = beam.scores[parents] + nodes[spots]
        scores += sum(links[beam.spots[parents, qubit], spots] for qubit in visit.placed)
        hashes = hashes[parents] ^ keys[-1, spots]
        futures = hashes.copy()
        for qubit in visit.waiting:
            futures ^= keys[qubit, spots if qubit == visit.qubit else beam.spots[parents, qubit]]
        different = _best_of_each(futures, scores, 1)
        kept = different[_best_of_each(spots[different], scores[different], width)]
        exact = exact and len(kept) == len(different)
        parents, spots, hashes = parents[kept], spots[kept], hashes[kept]
        beam = _Beam(scores[kept], beam.spots[parents], beam.occupied[parents])
        beam.spots[:, visit.qubit] = spots
        beam.occupied[np.arange(len(kept)), spots] = True
    return (beam.spots[np.argmax(beam.scores)].tolist() if len(beam.scores) else None), exact


def _best_of_each(groups: NDArray[np.generic], scores: Floats, n: int) -> NDArray[np.intp]:
    """Return, in ascending order, the places of the n highest scores of each group; of equal ones, the first."""
    order = np.lexsort((-scores, groups))  # stable
    ordered = groups[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: len(order)]
    rank = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    return np.sort(order[rank < n])
