from __future__ import annotations

import pytest

from hamiltonian_ml.sampling.backends import Backend
from tests.sampling.fake_service import FakeService


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Let every remote backend send its jobs to a folder."""
    folder = tmp_path / "service"
    monkeypatch.setattr(Backend, "service", lambda self, n_qubits: FakeService(folder))
    monkeypatch.setattr(Backend, "compile", lambda self, circuits, basis: list(circuits))
    monkeypatch.setattr(Backend, "fingerprint", lambda self, n_qubits: {"name": self.name})
    return FakeService(folder)
