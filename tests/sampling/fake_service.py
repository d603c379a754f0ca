"""A service on disk that counts what it is asked to run, and a backend that sends its jobs there.

Jobs are files, so that they outlive the process that handed them in. Registers hold random bits that the tag decides.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.service import JobRefusedError, ServiceError


class FakeService:
    """Takes jobs at once and finishes them as the file ``script`` of its folder says; "done" without one."""

    listing_seconds = 0.0
    poll_seconds = 0.0

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def script(self, **events):
        """Set what happens: ``submit``, ``find``, ``status`` and so on, each a list, used up one a call."""
        (self.folder / "script").write_text(json.dumps(events))

    def limit(self, circuits):
        """Refuse jobs of more circuits."""
        (self.folder / "limit").write_text(str(circuits))

    def _next(self, event):
        file = self.folder / "script"
        events = json.loads(file.read_text()) if file.exists() else {}
        waiting = events.get(event, [])
        if not waiting:
            return None
        first = waiting.pop(0)
        file.write_text(json.dumps(events))
        return first

    def jobs(self):
        return [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.job"))]

    @property
    def executions(self):
        return sum(shots * rows for job in self.jobs() for rows, shots in job["pubs"])

    @property
    def circuits(self):
        return sum(rows for job in self.jobs() for rows, _ in job["pubs"])

    @property
    def is_open(self):
        return (self.folder / "open").exists()

    def submit(self, pubs, *, shots, tag):
        (self.folder / "open").touch()
        trouble = self._next("submit")
        if trouble == "refuse":
            raise JobRefusedError("the service answers 403: not allowed")
        most = self.folder / "limit"
        if most.exists() and sum(len(values) for _, values in pubs) > int(most.read_text()):
            raise JobRefusedError("the service answers 413: payload too large", too_large=True)
        if trouble == "down":
            raise ServiceError("the service cannot be reached: no route")
        name = f"job{len(list(self.folder.glob('*.job')))}"
        sizes = [(len(values), shots) for _, values in pubs]
        bits = [circuit.num_clbits for circuit, _ in pubs]
        partial = self.folder / f"{name}.{os.getpid()}"
        partial.write_text(json.dumps({"id": name, "tag": tag, "pubs": sizes, "bits": bits}))
        os.replace(partial, self.folder / f"{name}.job")
        if trouble == "silent":  # it has arrived, but the answer is lost
            raise ServiceError("the service cannot be reached: timed out")
        return name

    def close(self):
        (self.folder / "open").unlink(missing_ok=True)

    def find(self, tag):
        if self._next("find") == "refuse":
            raise JobRefusedError("the service answers 401: token expired")
        return next((job["id"] for job in self.jobs() if job["tag"] == tag), None)

    def status(self, job_id):
        return self._next("status") or "done"

    def reason(self, job_id):
        return self._next("reason") or "error 9999"

    def result(self, job_id):
        trouble = self._next("result")
        if trouble == "down":
            raise ServiceError("the service cannot be reached: no route")
        job = json.loads((self.folder / f"{job_id}.job").read_text())
        rng = np.random.default_rng(zlib.crc32(job["tag"].encode()))
        registers = [
            rng.integers(0, 1 << (n_bits - 8 * (n_bytes - 1)), (rows, shots, n_bytes), dtype=np.uint8)
            for (rows, shots), n_bits, n_bytes in zip(
                job["pubs"], job["bits"], [-(-n // 8) for n in job["bits"]], strict=True
            )
        ]
        if trouble == "one row less":
            return [*registers[:-1], registers[-1][:-1]]
        return registers[1:] if trouble == "one less" else registers

    def seconds(self, job_id):
        return self._next("seconds")


@dataclass(frozen=True)
class FakeRemote(Backend):
    """A remote backend whose service is a folder. Opening it without need is an error."""

    service_folder: str = ""

    @property
    def is_remote(self):
        return True

    def service(self, n_qubits):
        return FakeService(self.service_folder)

    def compile(self, circuits, basis):
        return list(circuits)

    def fingerprint(self, n_qubits):
        return {"name": self.name, "calibrated": "2026-01-01"}


def fake_remote(folder):
    """Return a backend that sends its jobs to a folder, and the service."""
    return FakeRemote("statevector", service_folder=str(folder)), FakeService(folder)
