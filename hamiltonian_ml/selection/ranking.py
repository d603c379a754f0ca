"""Which measured states are likely to be real: counts, counts above the noise floor, or counts with flips undone.

In: samples, and the rate at which each bit is read wrong. Out: the same states with scores in the place of counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Samples, Subspace

RANKINGS = ("counts", "excess", "unfolded")
_MOST_STATES = 4096  # whose flips into each other are looked at: 64 MB of probabilities
_ITERATIONS = 10  # the ranking has settled by then; many more would fit the fluctuations of small counts


def scored(samples: Samples, ranking: str, flip_probabilities: NDArray[np.float64]) -> Samples:
    """Return samples whose counts are scores to rank by.

    Parameters
    ----------
    samples : Samples
        What was measured.
    ranking : str
        "counts" leaves the counts. "excess" takes off each count the noise floor: how often flips of the other measured
        states are expected to be read as this one. "unfolded" estimates the distribution before the flips.
    flip_probabilities : (n_qubits,) float
        Rate at which each bit is read wrong, above 0 and at most 0.5.

    Returns
    -------
    Samples
        The same states. Beyond the 4,096 most frequent ones states keep their order, behind all others.

    Notes
    -----
    "unfolded" maximises the likelihood of the counts by expectation maximisation, ten times over, among the measured
    states [1]_.

    References
    ----------
    .. [1] G. D'Agostini, Nucl. Instrum. Methods A 362, 487 (1995), Sec. 2.
    """
    if ranking == "counts" or samples.n_states == 0:
        return samples
    order = np.argsort(-samples.counts, kind="stable")
    first = np.sort(order[:_MOST_STATES])
    transfer = _transfer(samples.words[first], samples.n_qubits, flip_probabilities)
    counts = samples.counts[first]
    if ranking == "excess":
        before = counts / np.diagonal(transfer)  # a state that was read as itself so often was there more often
        found = counts - (transfer @ before - counts)
    else:
        found = counts.copy()
        for _ in range(_ITERATIONS):
            found = found * (transfer.T @ (counts / (transfer @ found)))
    scores = np.empty(samples.n_states)
    scores[order] = found.min() - 1.0 - np.arange(samples.n_states)
    scores[first] = found
    return Samples(samples.words, scores, samples.n_qubits)


def _transfer(words: NDArray[np.uint64], n_qubits: int, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability (n_states, n_states) that the state of a column is read as the state of a row."""
    bits = Subspace.span(n_qubits, words).bits().astype(np.float32)  # states of samples are in the subspace's order
    costs = np.log((1 - rates) / rates).astype(np.float32)  # of one flip; 0 at a rate of one half
    weighted = bits @ costs
    distances = weighted[:, None] + weighted[None, :] - 2 * (bits * costs) @ bits.T
    transfer: NDArray[np.float64] = np.exp(np.log1p(-rates).sum() - np.maximum(distances, 0))
    return transfer
