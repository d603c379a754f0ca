"""A service that runs jobs, seen from here: hand one in, ask after it, fetch what it measured.

In: PUBs. Out: a job's name, its state, and the measured registers. `JobService` is the whole of what is needed of a
service; `RuntimeService` is IBM's.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BaseSamplerV2

TRIES = 4  # of one question to the service, with pauses that double
_Answer = TypeVar("_Answer")
Registers = list[NDArray[np.uint8]]
# A job that was accepted is listed at once or within seconds; before a job that may have been accepted is handed in
# again, so long is waited.
LISTING_SECONDS = 30.0
_LOG = logging.getLogger(__name__)
_STATES = {"DONE": "done", "ERROR": "failed", "CANCELLED": "cancelled", "LOST": "lost"}
_TIMED_OUT, _PAYLOAD_TOO_LARGE, _TOO_MANY_REQUESTS = 408, 413, 429
# Limits are told in words: their codes have changed over the years, and many share one. A smaller job helps only where
# the words are about what is in a job, and not about how many jobs there are, how fast they come or what they cost.
_SIZE = re.compile(
    r"payload|(job|program|request|circuit)\w* (is|are|was)? ?too (large|big|long)"
    r"|too many (circuits|executions|shots|instructions|parameters|pubs)"
    r"|(circuit|execution|shot|instruction|job size|parameter|pub)s?\b.*\b(exceed|limit|maximum)"
    r"|(exceed|limit|maximum)\w*\b.*\b(circuit|execution|shot|instruction|job size|parameter|pub|execution time)s?\b"
    r"|(ran|runs|running) (too long|longer)",
    re.IGNORECASE,
)
_OTHER_LIMITS = re.compile(r"pending|concurrent|rate|usage|quota|angle|too many requests", re.IGNORECASE)


class ServiceError(OSError):
    """The service could not be reached, or gave no sensible answer. Trying again later may help."""


class JobRefusedError(OSError):
    """The service does not take the job as it is.

    Attributes
    ----------
    too_large : bool
        Whether the job is beyond a limit of the service, so that smaller ones may be taken.
    """

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        self.too_large = too_large
        super().__init__(message)


def blames_the_size(reason: str) -> bool:
    """Return whether a service's words say that a job is too large.

    Examples
    --------
    >>> blames_the_size("The number of executions exceeds the limit."), blames_the_size("Invalid token.")
    (True, False)
    """
    return _SIZE.search(reason) is not None and _OTHER_LIMITS.search(reason) is None


class JobService(Protocol):
    """What is needed of a service. All methods raise ServiceError when the service cannot be reached."""

    listing_seconds: float
    """Longest time until an accepted job is found by its tag."""
    poll_seconds: float
    """Time between two questions whether a job is done."""

    def submit(self, pubs: Sequence[Any], *, shots: int, tag: str) -> str:
        """Hand in (circuit, parameter values) pairs as one job with a tag, and return its name."""
        ...

    def close(self) -> None:
        """End what was opened to hand jobs in; those that wait still run."""
        ...

    def find(self, tag: str) -> str | None:
        """Return the name of the job with this tag, or None if the service has none."""
        ...

    def status(self, job_id: str) -> str:
        """Return "waiting" (queued or running), "done", "failed", "cancelled" or "lost" (there is no such job)."""
        ...

    def reason(self, job_id: str) -> str:
        """Return why a job failed, in the service's words."""
        ...

    def result(self, job_id: str) -> Registers:
        """Return the measured bytes (n_rows, shots, n_bytes) of each PUB, in order; fewer rows if some were lost.

        Fewer PUBs than were handed in count as none, for nothing says which they are.
        """
        ...

    def seconds(self, job_id: str) -> float | None:
        """Return the processor time that was charged, or None if the service does not say."""
        ...


def persistently(service: JobService, question: Callable[[], _Answer]) -> _Answer:
    """Return a service's answer to a question about a job; ask a few times.

    Raises
    ------
    ServiceError
        If there is none, or the question is refused: that says nothing about the job, which may be there all the same.
    """
    try:
        for attempt in range(TRIES - 1):
            try:
                return question()
            except ServiceError:
                time.sleep(service.poll_seconds * 2**attempt)
        return question()
    except JobRefusedError as error:
        raise ServiceError(
            f"a question about a job is refused: {error}; mend what it says and run again, jobs that are sent are kept."
        ) from error


class RuntimeService:
    """IBM's service behind a device.

    Parameters
    ----------
    device : BackendV2
        Knows the service.
    open_sampler : callable
        Opens a runtime sampler, of the current class or the older one, with its mode (job, batch or session) and
        options, for the first job that is handed in: a session exists at the service as soon as it is opened.
    """

    listing_seconds = LISTING_SECONDS
    poll_seconds = 5.0

    def __init__(self, device: Any, open_sampler: Callable[[], BaseSamplerV2]) -> None:
        self._device, self._open_sampler = device, open_sampler
        self._sampler: Any = None

    def submit(self, pubs: Sequence[Any], *, shots: int, tag: str) -> str:
        """Hand in a job. The tag stands beside any that the options have."""
        if self._sampler is None:
            self._sampler = self._ask(self._open_sampler)
        sampler = self._sampler
        environment = sampler.options.environment
        before = list(environment.job_tags or [])
        environment.job_tags = [*before, tag]
        try:
            return str(self._ask(lambda: sampler.run(pubs, shots=shots)).job_id())
        finally:
            environment.job_tags = before

    def close(self) -> None:
        """End the batch or session that was opened; the runtime still runs what waits in it."""
        mode, self._sampler = getattr(self._sampler, "mode", None), None
        if mode is not None:
            try:
                self._ask(mode.close)
            except (ServiceError, JobRefusedError) as error:  # the jobs are handed in all the same
                _LOG.warning("a batch or session is not closed, and ends when it has been idle for too long: %s", error)

    def find(self, tag: str) -> str | None:
        """Return the name of the job with this tag."""
        jobs = self._ask(lambda: self._device.service.jobs(job_tags=[tag], limit=1))
        return str(jobs[0].job_id()) if jobs else None

    def status(self, job_id: str) -> str:
        """Return where a job stands."""
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        def state() -> str:
            try:
                return str(self._job(job_id).status()).rpartition(".")[2]
            except RuntimeJobNotFound:
                return "LOST"

        return _STATES.get(self._ask(state), "waiting")

    def reason(self, job_id: str) -> str:
        """Return the service's error message."""
        return str(self._ask(lambda: self._job(job_id).error_message()) or "no reason given")

    def result(self, job_id: str) -> Registers:
        """Return the registers ``meas`` of a job that is done."""
        return [pub.data.meas.array for pub in self._ask(lambda: self._job(job_id).result())]

    def seconds(self, job_id: str) -> float | None:
        """Return the usage in the job's metrics."""
        usage = self._ask(lambda: self._job(job_id).metrics()).get("usage", {})
        charged = usage.get("quantum_seconds", usage.get("seconds"))
        return None if charged is None else float(charged)

    def _job(self, job_id: str) -> Any:
        return self._device.service.job(job_id)

    def _ask(self, question: Any) -> Any:
        """Return the answer; turn the errors of the runtime and of the network into the two kinds known here."""
        from qiskit.exceptions import QiskitError

        try:
            return question()
        except (OSError, TimeoutError) as error:
            raise ServiceError(f"the service cannot be reached: {error}") from error
        except QiskitError as error:
            # The runtime hides the answer of its server behind an error of its own.
            code = getattr(error, "status_code", getattr(error.__context__, "status_code", -1))
            if 400 <= code < 500 and code not in (_TIMED_OUT, _TOO_MANY_REQUESTS):
                too_large = code == _PAYLOAD_TOO_LARGE or (code in (400, 422) and blames_the_size(str(error.message)))
                raise JobRefusedError(f"the service answers {code}: {error.message}", too_large=too_large) from error
            raise ServiceError(f"the service answers: {error.message}") from error
