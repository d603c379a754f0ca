"""Mirror circuits: forwards and back again, so that every bit that is not 0 at the end is an error.

In: a `KrylovTemplate` and its samples. Out: mirror circuits for the same angles, and error rates of the bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.sampling.template import KrylovTemplate


def mirrored(template: KrylovTemplate) -> KrylovTemplate:
    """Return the template of one mirror circuit, as deep as the template's circuits are on average.

    Half of it evolves the reference state, the other half takes the evolution back, gate by gate: the Trotter error
    cancels, and without noise all bits read 0. A barrier between the halves keeps a compiler from cancelling them.
    """
    power = max(1, round(np.mean(range(1, len(template.circuits) + 1)) / 2))
    forwards = template.circuits[power - 1].remove_final_measurements(inplace=False)
    circuit = forwards.copy(name=f"mirror_{power}")
    circuit.barrier()
    circuit.compose(forwards.inverse(), inplace=True)
    circuit.measure_all()
    return replace(template, circuits=(circuit,), places=(template.places[power - 1],))


def flip_probabilities(samples: Sequence[Samples]) -> NDArray[np.float64]:
    """Return the rate (n_qubits,) at which each bit of mirror circuits reads 1, gate and readout errors together.

    One event is added to each bit's count, so that no rate is 0 and a flip never impossible; rates are .5 at most.
    """
    pooled = Samples.union(samples)
    bits = Subspace.span(pooled.n_qubits, pooled.words).bits()  # samples are sorted as a subspace is
    rates: NDArray[np.float64] = np.minimum((pooled.counts @ bits + 1) / (pooled.n_shots + 1), 0.5)
    return rates
