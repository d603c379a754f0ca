"""Both ways to solve a batch: one row after the other, and side by side."""

from __future__ import annotations

import pytest

from hamiltonian_ml.subspace.side_by_side import groups


@pytest.fixture(params=["one by one", "side by side"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Solve every batch, however small, in the way that the parameter names."""
    way: str = request.param
    for name, least in (("_FEWEST", 0), ("_FEWEST_ENTRIES", 1)):
        monkeypatch.setattr(groups, name, least if way == "side by side" else 10**12)
    monkeypatch.setattr(groups, "_STATES", (1, 1 << 17))
    return way
