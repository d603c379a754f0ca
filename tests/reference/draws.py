"""Independent draws until there are enough different strings, one string at a time.

In: a number of qubits and the probability that a bit is one. Out: integers in order of first appearance. Nothing of the
package is used here.
"""

from __future__ import annotations

import numpy as np


def drawn_until_enough(n_qubits: int, probability: float, count: int, rng: np.random.Generator) -> list[int]:
    """Return the first ``count`` different strings; bit ``q`` is qubit ``q``."""
    found: list[int] = []
    while len(found) < count:
        bits = rng.random(n_qubits) < probability
        string = sum(1 << q for q in range(n_qubits) if bits[q])
        if string not in found:
            found.append(string)
    return found
