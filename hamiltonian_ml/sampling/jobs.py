"""Measure a request on a service that queues and charges: plan, send, wait, collect, each step on disk first.

In: a `SampleRequest`, circuits and angles, a store. Out: the samples. Killed anywhere, the next run goes on from what
is on disk: no job is lost, and none is sent twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from hamiltonian_ml.sampling.ledger import (
    COLLECTED,
    LOST,
    PLANNED,
    SENDING,
    SUBMITTED,
    JobRecord,
    Ledger,
    RequestRecord,
)
from hamiltonian_ml.sampling.parts import Parts
from hamiltonian_ml.sampling.pieces import Piece, halves, packed, split_jobs
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.service import (
    TRIES,
    JobRefusedError,
    JobService,
    ServiceError,
    blames_the_size,
    persistently,
)
from hamiltonian_ml.sampling.store import SampleStore

Compiled = tuple[Sequence[QuantumCircuit], dict[str, Any]]
_ROUNDS = 3  # of jobs in one run: the planned ones, and twice new ones for what failed or came back incomplete
_LOG = logging.getLogger(__name__)


class SamplesPendingError(OSError):
    """Jobs are sent and written down, but not done; collect them later.

    Attributes
    ----------
    job_ids : list of str
        Their names at the service.
    """

    def __init__(self, job_ids: Sequence[str]) -> None:
        self.job_ids = list(job_ids)
        super().__init__(f"{len(self.job_ids)} jobs are sent and not done yet: {', '.join(self.job_ids)}.")


@dataclass(frozen=True)
class RemoteRun:
    """How to measure requests on a service.

    Parameters
    ----------
    store : SampleStore
        Holds the ledger; its mode says whether to wait.
    service : JobService
    n_circuits : int
        One for each power.
    compiled : callable
        Makes the circuits ready for the device as it is now, each time that jobs are sent. Gives them, and options,
        calibration and layout to write down with each job.
    angles : callable
        From coefficients (n_rows, n_terms) to the parameter values of each circuit.
    max_qpu_seconds : float or None
        Budget of all jobs in the store.
    """

    store: SampleStore
    service: JobService
    n_circuits: int
    compiled: Callable[[], Compiled]
    angles: Callable[[NDArray[np.float64]], Sequence[NDArray[np.float64]]]
    max_qpu_seconds: float | None = None

    def measure(self, request: SampleRequest) -> None:
        """Measure a request whose lock is held, and keep its samples in the store.

        Raises
        ------
        OverBudgetError
            If its jobs would exceed the budget; nothing is sent.
        SamplesPendingError
            If the store's mode is "submit" and jobs are not done.
        ServiceError, JobRefusedError
            If the service cannot be reached, or jobs failed, were cancelled or refused. What is done stays on disk.
        """
        ledger = Ledger(self.store.path / "jobs")
        request = ledger.as_planned(request)
        record, compiled = ledger.read(request.key), None
        if record is None:
            compiled = self.compiled()  # what does not fit on the device is not planned
            each, n_rows = request.seconds_an_execution, len(request.coefficients)
            plans = split_jobs(n_rows, self.n_circuits, request.shots, seconds_an_execution=each)
            record = RequestRecord(request.key, (), seconds_an_execution=each).with_more(plans)
            record = ledger.plan(request, record, self.max_qpu_seconds)
        work = _Work(self, ledger, request, record)
        work.look_for_lost()
        work.fetch_damaged()
        for _ in range(_ROUNDS):
            work.plan_missing()
            with closing(self.service):  # a session is charged until it is closed and its jobs are done
                work.send(compiled)
            compiled = None
            work.collect()
            if work.is_whole:
                work.keep_samples()
                return
        raise ServiceError(
            f"jobs on backend {request.backend.name!r} failed or came back incomplete {_ROUNDS} times in a row "
            f"({work.last_reason}); what was measured is kept, and the next run asks for the rest only."
        )


class _Work:
    """The jobs of one request on their way from plan to samples; the record on disk is always ahead of the service."""

    def __init__(self, run: RemoteRun, ledger: Ledger, request: SampleRequest, record: RequestRecord) -> None:
        self._run, self._ledger, self._request, self._record = run, ledger, request, record
        self._parts = Parts(run.store.path / "parts")
        self._angles = run.angles(request.coefficients)
        self.last_reason = ""

    @property
    def is_whole(self) -> bool:
        """Whether every piece has been measured."""
        return not any(job.missing or job.state == PLANNED for job in self._record.jobs)

    def look_for_lost(self) -> None:
        """Wait again for jobs that the service did not know and now does: it may have been another account."""
        service = self._run.service
        for place, job in enumerate(self._record.jobs):
            if job.state == LOST and job.missing:
                state = persistently(service, partial(service.status, str(job.job_id)))
                if state != LOST:
                    self._note(place, state=SUBMITTED, missing=())

    def fetch_damaged(self) -> None:
        """Fetch once more what was fetched and is damaged or gone, as it is after samples were deleted."""
        for job in self._record.jobs:
            if job.state == COLLECTED and self._parts.read(job) is None:
                if self._state(str(job.job_id)) != "done":
                    raise ServiceError(
                        f"what job {job.job_id} on backend {self._request.backend.name!r} measured is no more in "
                        f"{self._run.store.path}, nor at the service; restore the folder from a copy, or delete "
                        f"{self._ledger.file(self._record.key)} to measure anew."
                    )
                self._fetch(job)

    def plan_missing(self) -> None:
        """Plan jobs for pieces that older jobs left out, if the budget allows."""
        missing = [piece for job in self._record.jobs for piece in job.missing]
        if missing:
            jobs = tuple(replace(job, missing=()) for job in self._record.jobs)
            plans = packed(missing, seconds_an_execution=self._record.seconds_an_execution)
            record = replace(self._record, jobs=jobs).with_more(plans)
            self._record = self._ledger.plan(self._request, record, self._run.max_qpu_seconds)

    def send(self, compiled: Compiled | None) -> None:
        """Hand in every planned job, unless it is there already; two smaller ones instead of one that is too large."""
        place = 0
        while place < len(self._record.jobs):  # jobs that are split add to them
            if self._record.jobs[place].state in (PLANNED, SENDING):
                compiled = compiled or self._run.compiled()
                try:
                    job_id = self._sent(place, *compiled)
                except JobRefusedError as error:
                    self._split(place, error)
                else:
                    self._note(place, state=SUBMITTED, job_id=job_id)
                    _LOG.info("sent job %s to %s", job_id, self._request.backend.name)
            place += 1

    def collect(self) -> None:
        """Fetch every job that is done. In the mode "run", wait for it first.

        Raises
        ------
        SamplesPendingError
            If jobs are not done.
        """
        pending = []
        for place, job in enumerate(self._record.jobs):
            if job.state == SUBMITTED:
                state = self._state(str(job.job_id))
                if state == "waiting":
                    pending.append(str(job.job_id))
                else:
                    self._finish(place, state)
        if pending:
            raise SamplesPendingError(pending)

    def keep_samples(self) -> None:
        """Put the registers of all jobs together, keep the samples in the store and remove the parts."""
        collected = [job for job in self._record.jobs if job.state == COLLECTED]
        whole = self._parts.join(collected, self._request, self._run.n_circuits)
        sent = [job for job in self._record.jobs if job.job_id is not None]
        seconds, marks = {job.job_id: job.seconds for job in sent}, {job.job_id: job.circumstances for job in sent}
        self._run.store.keep(self._request, whole, jobs=seconds, circumstances_of_jobs=marks)
        self._parts.remove(collected)

    def _sent(self, place: int, circuits: Sequence[QuantumCircuit], circumstances: dict[str, Any]) -> str:
        """Return the name of a job that the service has; hand it in if, and only if, the service does not have it.

        It may be there although no answer came back, or have been sent from a copy of the store.
        """
        job, service = self._record.jobs[place], self._run.service
        pubs = [(circuits[p.circuit], self._angles[p.circuit][p.start : p.stop]) for p in job.pieces]
        for attempt in range(TRIES):
            job = self._record.jobs[place]
            time.sleep(max(0.0, job.sent_at + service.listing_seconds - time.time()))  # 0 if it was never sent
            found = persistently(service, partial(service.find, job.tag))
            if found is not None:
                return str(found)
            self._note(place, state=SENDING, sent_at=time.time(), circumstances=circumstances)
            try:
                return service.submit(pubs, shots=job.pieces[0].shots, tag=job.tag)
            except ServiceError as error:
                self.last_reason = str(error)
                time.sleep(service.poll_seconds * 2**attempt)
        raise ServiceError(
            f"a job could not be handed in to backend {self._request.backend.name!r} in {TRIES} tries "
            f"({self.last_reason}); the next run goes on from here and sends nothing twice."
        )

    def _split(self, place: int, error: JobRefusedError) -> None:
        """Plan two jobs in place of one that was refused for its size, if the budget allows."""
        job = self._record.jobs[place]
        if error.too_large and halves(job.pieces):
            _LOG.info("job %s was refused for its size (%s); two smaller ones are planned", job.tag, error)
            record = self._record.with_job(place, state="refused", seconds=0.0, reason=str(error))
            self._plan_halves(record, job)
            return
        self._record = self._record.with_unsent_joined(place)  # so that the next run sends one job again
        self._note(place, state="refused", seconds=0.0, reason=str(error))
        n_circuits, executions = (sum(getattr(p, name) for p in job.pieces) for name in ("circuits", "executions"))
        what = "even a single circuit" if n_circuits == 1 else f"a job of {n_circuits} circuits"
        raise JobRefusedError(
            f"backend {self._request.backend.name!r} refused {what} with {executions:,} executions: {error}; take "
            f"fewer shots or qubits, or mend what it says. Other jobs are kept.",
            too_large=error.too_large,
        ) from error

    def _plan_halves(self, record: RequestRecord, job: JobRecord) -> None:
        more = record.with_more(halves(job.pieces), part_of=job.part_of or job.tag)
        self._record = self._ledger.plan(self._request, more, self._run.max_qpu_seconds)

    def _state(self, job_id: str) -> str:
        """Return where a job stands; in the mode "run", once it does not wait any more or the time is over."""
        store, service = self._run.store, self._run.service
        end = np.inf if store.timeout_seconds is None else time.monotonic() + store.timeout_seconds
        while True:
            state = persistently(service, lambda: service.status(job_id))
            if state != "waiting" or store.mode != "run" or time.monotonic() >= end:
                return state
            time.sleep(service.poll_seconds)

    def _finish(self, place: int, state: str) -> None:
        """Fetch what a job measured, or note that it measured nothing."""
        job, service = self._record.jobs[place], self._run.service
        job_id = str(job.job_id)
        if state == LOST:
            self._note(place, state=LOST, missing=job.pieces, reason="the service does not know it")
            raise ServiceError(
                f"backend {self._request.backend.name!r} does not know job {job_id} any more: it was deleted, or is of "
                "another account or instance. Mend that, or run again to send it anew; its seconds stay counted."
            )
        charged = persistently(service, lambda: service.seconds(job_id))
        seconds = job.seconds if charged is None else charged  # what is not known may have been charged
        if state == "done":
            missing = self._fetch(job)
            self.last_reason = "results were incomplete" if missing else self.last_reason
            self._note(place, state=COLLECTED, missing=missing, seconds=seconds)
            return
        reason = persistently(service, lambda: service.reason(job_id)) if state == "failed" else "cancelled"
        self.last_reason = reason
        if state == "failed" and blames_the_size(reason) and halves(job.pieces):  # some limits show only as it runs
            record = self._record.with_job(place, state=state, reason=reason, seconds=seconds)
            self._plan_halves(record, job)
            return
        self._note(place, state=state, missing=job.pieces, reason=reason, seconds=seconds)
        if state == "cancelled":  # that was somebody's wish, so it is not sent again without being asked for again
            raise ServiceError(
                f"job {job_id} on backend {self._request.backend.name!r} was cancelled; run again to send it anew, "
                "other jobs are kept."
            )

    def _fetch(self, job: JobRecord) -> tuple[Piece, ...]:
        """Write down what a job measured; return the pieces that are missing or not whole."""
        registers = persistently(self._run.service, lambda: self._run.service.result(str(job.job_id)))
        return self._parts.keep(job, registers)

    def _note(self, place: int, **changes: Any) -> None:
        self._record = self._ledger.write(self._record.with_job(place, **changes))
