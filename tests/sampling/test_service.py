from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from qiskit_ibm_runtime import SamplerOptions
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMRuntimeError, RuntimeJobNotFound
from qiskit_ibm_runtime.options_models.sampler import SamplerOptions as NewSamplerOptions

from hamiltonian_ml.sampling.service import JobRefusedError, RuntimeService, ServiceError


class Job:
    """What the runtime documents of a job."""

    def __init__(self, name, state="DONE"):
        self.name, self.state = name, state

    def job_id(self):
        return self.name

    def status(self):
        return self.state

    def error_message(self):
        return "error 1517"

    def metrics(self):
        return {"usage": {"quantum_seconds": 3}}

    def result(self):
        return [SimpleNamespace(data=SimpleNamespace(meas=SimpleNamespace(array=np.zeros((2, 5, 1), np.uint8))))]


class Sampler:
    """A sampler, its session and its device, which knows a service."""

    def __init__(self, options):
        self.options, self.mode = options, self
        self.sent, self.asked = [], []
        self.trouble = None
        self.known = {"first": Job("first")}
        self.events = []
        self.service = SimpleNamespace(job=self.known.__getitem__, jobs=self.jobs)

    def opened(self):
        self.events.append("opened")
        return self

    def close(self):
        self.events.append("closed")
        if self.trouble is not None:
            raise self.trouble

    def jobs(self, **options):
        self.asked.append(options)
        return [Job("second")] if options["job_tags"] == ["known"] else []

    def run(self, pubs, *, shots):
        if self.trouble is not None:
            raise self.trouble
        self.sent.append((len(pubs), shots, list(self.options.environment.job_tags)))
        return Job("first")


def refusal(code, words="the server says no"):
    """Return the runtime's error for an answer of its server: the code is in the error that it hides."""
    try:
        try:
            raise RequestsApiError(words, status_code=code)
        except RequestsApiError as error:
            raise IBMRuntimeError(f"Failed to run program: {error}") from None
    except IBMRuntimeError as error:
        return error


@pytest.fixture(params=[SamplerOptions, NewSamplerOptions], ids=["older class", "current class"])
def sampler(request):
    return Sampler(request.param())


def test_a_job_carries_its_tag_beside_those_of_the_options(sampler):
    sampler.options.environment.job_tags = ["mine"]
    assert RuntimeService(sampler, sampler.opened).submit([1, 2], shots=7, tag="once") == "first"
    assert sampler.sent == [(2, 7, ["mine", "once"])]
    assert sampler.options.environment.job_tags == ["mine"]


def test_a_session_is_opened_for_the_first_job_and_closed_after_the_last(sampler):
    service = RuntimeService(sampler, sampler.opened)
    service.find("known")
    service.status("first")
    service.close()
    assert sampler.events == []
    for _ in range(2):
        service.submit([1], shots=1, tag="t")
    service.close()
    service.close()
    assert sampler.events == ["opened", "closed"]
    service.submit([1], shots=1, tag="t")
    assert sampler.events == ["opened", "closed", "opened"]


def test_a_session_that_does_not_close_is_a_warning_in_the_log(sampler, caplog):
    service = RuntimeService(sampler, sampler.opened)
    service.submit([1], shots=1, tag="t")
    sampler.trouble = ConnectionError("no route to host")
    service.close()
    assert "is not closed, and ends when it has been idle for too long: the service cannot be reached" in caplog.text


def test_a_session_that_the_account_may_not_open_is_a_refusal(sampler):
    def closed_to_you():
        raise refusal(403)

    with pytest.raises(JobRefusedError, match="the service answers 403"):
        RuntimeService(sampler, closed_to_you).submit([], shots=1, tag="t")


def test_a_job_is_found_by_its_tag_and_by_its_name(sampler):
    service = RuntimeService(sampler, sampler.opened)
    assert service.find("known") == "second"
    assert service.find("unknown") is None
    assert service.status("first") == "done"
    assert service.seconds("first") == 3.0
    assert service.reason("first") == "error 1517"
    (register,) = service.result("first")
    assert register.shape == (2, 5, 1)


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("QUEUED", "waiting"),
        ("RUNNING", "waiting"),
        ("INITIALIZING", "waiting"),
        ("ERROR", "failed"),
        ("CANCELLED", "cancelled"),
    ],
)
def test_every_state_of_the_runtime_has_a_meaning(sampler, state, meaning):
    sampler.known["first"].state = state
    assert RuntimeService(sampler, sampler.opened).status("first") == meaning


def test_a_job_that_the_runtime_does_not_find_is_lost(sampler):
    def job(name):
        raise RuntimeJobNotFound(f"Job not found: {name}")

    sampler.service.job = job
    assert RuntimeService(sampler, sampler.opened).status("first") == "lost"


@pytest.mark.parametrize("code", [403, 413, 422])
def test_an_answer_that_blames_the_job_is_a_refusal(sampler, code):
    sampler.trouble = refusal(code)
    with pytest.raises(JobRefusedError, match=rf"the service answers {code}: .*the server says no"):
        RuntimeService(sampler, sampler.opened).submit([], shots=1, tag="t")


@pytest.mark.parametrize(
    ("code", "words", "too_large"),
    [
        (413, "no", True),
        (400, "the job exceeds the execution limit", True),
        (422, "too many circuits", True),
        (400, "no", False),
        (403, "the job exceeds the execution limit", False),
        (400, "maximum number of pending jobs (3)", False),
        (400, "Rate limit exceeded", False),
        (400, "Instance usage limit exceeded", False),
        (400, "the maximum angle of rzz is pi/2", False),
    ],
)
def test_a_refusal_says_whether_a_smaller_job_may_be_taken(sampler, code, words, too_large):
    sampler.trouble = refusal(code, words)
    with pytest.raises(JobRefusedError) as refused:
        RuntimeService(sampler, sampler.opened).submit([], shots=1, tag="t")
    assert refused.value.too_large is too_large


@pytest.mark.parametrize("code", [408, 429, 500, 503, -1])
def test_an_answer_that_may_change_is_worth_another_try(sampler, code):
    sampler.trouble = refusal(code)
    with pytest.raises(ServiceError, match="the service answers: "):
        RuntimeService(sampler, sampler.opened).submit([], shots=1, tag="t")


def test_no_network_is_worth_another_try(sampler):
    sampler.trouble = ConnectionError("no route to host")
    with pytest.raises(ServiceError, match="the service cannot be reached: no route to host"):
        RuntimeService(sampler, sampler.opened).submit([], shots=1, tag="t")
