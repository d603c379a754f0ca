"""The bench of Dask workers runs every cell on one worker and on two; no timing is asserted."""

from __future__ import annotations

import pytest

from experiments.cluster import run

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


def test_one_worker_and_two_are_timed_in_every_round():
    found = run.measure(2, 0.05, 2)
    assert found.shape == (2, 2)
    assert (found[:, 0] > 0.1).all()  # one worker cannot be quicker than the cells' own 2 x 0.05 s
    assert (found[:, 1] > 0.05).all()


def test_the_median_ratio_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(run, "measure", lambda *_: run.np.array([[2.0, 1.0], [6.0, 2.0], [9.0, 3.0]]))
    run.main(["--rounds", "3"])
    printed = capsys.readouterr().out
    assert "round 0: one worker    2.0 s" in printed
    assert "3.00 times faster (median; 2.00 to 3.00)" in printed
