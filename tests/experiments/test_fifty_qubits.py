"""Fifty qubits end to end, from a table to test rows, on samples alone."""

from __future__ import annotations

import pytest

from experiments.fifty_qubits.run import Task, run


@pytest.mark.slow
def test_two_moons_are_learned_at_fifty_qubits():
    found = run(Task(seed=0))
    assert found["test"] >= 0.93
    assert found["captured weight"] > 0.99  # of the median row: these are ground states, not just good features
    assert found["states"] <= 1276
