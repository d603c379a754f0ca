"""Fifty qubits end to end, from a table to test rows, on samples alone."""

from __future__ import annotations

import pytest

from experiments.fifty_qubits.run import Task, run


@pytest.mark.slow
def test_two_moons_are_learned_at_fifty_qubits():
    found = run(Task(seed=0))
    assert found["test"] >= 0.93
    assert found["trusted"] > 0.9  # the certificate agrees that these are ground states
    assert found["states"] <= 1276
