"""Blocks over threads."""

from __future__ import annotations

import time

import pytest

from hamiltonian_ml.bases import threads
from hamiltonian_ml.bases.threads import map_blocks


def test_an_error_is_raised_after_all_blocks_have_ended(monkeypatch):
    monkeypatch.setattr(threads, "n_threads", lambda: 2)
    ended = []

    def work(block):
        if block == 0:
            raise ValueError("the first block")
        time.sleep(0.1)
        ended.append(block)

    with pytest.raises(ValueError, match="the first block"):
        map_blocks(work, range(4))
    assert sorted(ended) == [1, 2, 3]
