"""Both ways to solve a batch: one row after the other, and side by side."""

from __future__ import annotations

import pytest

from hamiltonian_ml.subspace.side_by_side import groups


@pytest.fixture(params=["one by one", "side by side"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Solve every batch, however small, in the way that the parameter names."""
    way: str = request.param
    for least in ("_FEWEST_ROWS", "_FEWEST_ENTRIES"):
        monkeypatch.setattr(groups, least, 1 if way == "side by side" else 10**12)
    monkeypatch.setattr(groups, "_STATES", (1, 1 << 17))
    return way
