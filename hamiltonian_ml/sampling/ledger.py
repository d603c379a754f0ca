"""What was sent to a service, written down before it is waited for: one JSON file a request.

In: plans and news of jobs. Out: the same after any interruption, and the seconds that all of them took.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hamiltonian_ml.bases.files import lock
from hamiltonian_ml.sampling.files import reading, write_whole
from hamiltonian_ml.sampling.pieces import SECONDS_AN_EXECUTION, Piece, joined, seconds_of
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.usage import check_budget

_REMEDY = "restore it from a copy, or delete it: jobs that the service still has are found there by their tags"
PLANNED, SENDING, SUBMITTED, COLLECTED = "planned", "sending", "submitted", "collected"
JOINED, LOST = "joined", "lost"


@dataclass(frozen=True)
class JobRecord:
    """One job: what it measures, and how far it has come.

    Attributes
    ----------
    tag : str
        Label under which the service can be asked for the job: the request's key, the job's number and a digest of its
        pieces, so that copies of a store know each other's jobs.
    pieces : tuple of Piece
        What it measures.
    state : str
        "planned", "sending" (it may have reached the service), "submitted", "collected" (its registers are on disk),
        "failed", "cancelled", "refused", "lost" (the service knows it no more), or "joined" (never sent; another job
        measures it with what it was split from).
    job_id : str or None
        The service's name for it.
    seconds : float
        Processor time: the estimate until it is done, then what was charged, if the service says so.
    sent_at : float
        Unix time just before it was handed in.
    reason : str
        Why it failed or was refused.
    missing : tuple of Piece
        What it was to measure and did not, and no other job was planned for.
    part_of : str
        Tag of the job that it was split from; empty for a whole one.
    circumstances : dict
        Options, calibration, layout and versions of the day on which it was handed in; empty if another copy of the
        store did that.
    """

    tag: str
    pieces: tuple[Piece, ...]
    state: str = PLANNED
    job_id: str | None = None
    seconds: float = 0.0
    sent_at: float = 0.0
    reason: str = ""
    missing: tuple[Piece, ...] = ()
    part_of: str = ""
    circumstances: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestRecord:
    """All jobs of one request, and the estimated seconds of a shot."""

    key: str
    jobs: tuple[JobRecord, ...]
    planned_at: float = field(default_factory=time.time)
    seconds_an_execution: float = SECONDS_AN_EXECUTION

    @property
    def seconds(self) -> float:
        """Processor time spent or promised."""
        return sum(job.seconds for job in self.jobs)

    def with_job(self, place: int, **changes: Any) -> RequestRecord:
        """Return the record with one job changed."""
        jobs = list(self.jobs)
        jobs[place] = replace(jobs[place], **changes)
        return replace(self, jobs=tuple(jobs))

    def with_more(self, plans: list[list[Piece]], *, part_of: str = "") -> RequestRecord:
        """Return the record with more jobs, each with a tag of its own and its estimated seconds."""
        each = self.seconds_an_execution
        more = [
            JobRecord(
                tag=f"hamiltonian_ml-{self.key}-{len(self.jobs) + number}-{_digest(pieces)}",
                pieces=tuple(pieces),
                seconds=seconds_of(sum(piece.executions for piece in pieces), seconds_an_execution=each),
                part_of=part_of,
            )
            for number, pieces in enumerate(plans)
        ]
        return replace(self, jobs=(*self.jobs, *more))

    def with_unsent_joined(self, place: int) -> RequestRecord:
        """Return the record with one job missing all that was split off the same whole as it and is not sent."""
        job = self.jobs[place]
        family = [k for k, other in enumerate(self.jobs) if job.part_of and other.part_of == job.part_of]
        unsent = [k for k in family if self.jobs[k].state == PLANNED]
        record = self.with_job(place, missing=joined(p for k in (place, *unsent) for p in self.jobs[k].pieces))
        for k in unsent:
            record = record.with_job(k, state=JOINED, seconds=0.0)
        return record


@dataclass(frozen=True)
class Ledger:
    """The records of a store, in its folder ``jobs``."""

    folder: Path

    def file(self, key: str) -> Path:
        """Return where the record of a request is, or will be."""
        return self.folder / f"{key}.json"

    def read(self, key: str) -> RequestRecord | None:
        """Return the record of a request, or None."""
        try:
            return _read(self.file(key))
        except FileNotFoundError:
            return None

    def as_planned(self, request: SampleRequest) -> SampleRequest:
        """Return a request with the coefficients, and the order of rows, of the jobs that were planned for it before.

        They may differ from today's by round-off, which must not lead to a second payment.
        """
        for file in sorted(self.folder.glob(f"{request.family}-*.npy")):
            with reading(file, remedy=_REMEDY):
                planned = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
            if request.places_in(planned) is not None:
                return replace(request, coefficients=planned)
        return request

    def plan(self, request: SampleRequest, record: RequestRecord, max_qpu_seconds: float | None) -> RequestRecord:
        """Write down what a request is about to send, if the budget allows.

        Raises
        ------
        OverBudgetError
            If it does not; nothing is written.
        """
        with lock(self.folder / ".lock"):  # one process at a time compares what is spent with a budget and adds to it
            before = self.read(record.key)
            extra = record.seconds - (0.0 if before is None else before.seconds)
            check_budget(extra, self.spent(), max_qpu_seconds)
            buffer = io.BytesIO()
            np.save(buffer, request.coefficients, allow_pickle=False)
            write_whole(self.folder / f"{record.key}.npy", buffer.getvalue())
            return self.write(record)

    def write(self, record: RequestRecord) -> RequestRecord:
        """Write a record down and return it."""
        text = json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"
        write_whole(self.file(record.key), text.encode())
        return record

    def records(self) -> list[RequestRecord]:
        """Return all records, the oldest first."""
        found = [_read(file) for file in self.folder.glob("*.json")]
        return sorted(found, key=lambda record: record.planned_at)

    def spent(self) -> float:
        """Return the processor seconds of all jobs, estimates included."""
        return sum(record.seconds for record in self.records())


def _digest(pieces: list[Piece]) -> str:
    return hashlib.sha256(json.dumps([astuple(piece) for piece in pieces]).encode()).hexdigest()[:8]


def _read(file: Path) -> RequestRecord:
    with reading(file, remedy=_REMEDY):
        return _from_json(file.read_text())


def _from_json(text: str) -> RequestRecord:
    values = json.loads(text)
    before = {"circumstances": values.pop("circumstances", {})}  # older ledgers have one entry for all jobs
    jobs = tuple(
        JobRecord(**{**before, **job, **{name: tuple(Piece(**p) for p in job[name]) for name in ("pieces", "missing")}})
        for job in values["jobs"]
    )
    return RequestRecord(**{**values, "jobs": jobs})
