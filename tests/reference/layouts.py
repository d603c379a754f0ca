"""Every placement of a small graph on a small device, tried one by one."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np


def best_by_trying_all(calibration, n_qubits, edges, *, n_layers):
    """Return the placement with the largest sum of log-fidelities, or None."""
    waiting = calibration.idle_error(calibration.step_seconds(n_layers))
    best = None
    for image in permutations(range(calibration.n_qubits), n_qubits):
        pairs = [(min(image[a], image[b]), max(image[a], image[b])) for a, b in edges]
        if any(pair not in calibration.couplers for pair in pairs):
            continue
        if any(not np.isfinite(calibration.readout_error[q]) for q in image):
            continue
        score = sum(3 * math.log(1 - calibration.couplers[pair][0]) for pair in pairs)
        score += sum(math.log(1 - calibration.readout_error[q]) + math.log(1 - waiting[q]) for q in image)
        if best is None or score > best:
            best = score
    return best
