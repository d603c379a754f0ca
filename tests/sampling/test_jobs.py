from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import jobs, pieces
from hamiltonian_ml.sampling.jobs import SamplesPendingError
from hamiltonian_ml.sampling.layout import NoLayoutError
from hamiltonian_ml.sampling.ledger import Ledger
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.sampling.runtime import DeviceOptions
from hamiltonian_ml.sampling.service import JobRefusedError, ServiceError
from hamiltonian_ml.sampling.store import MissingSamplesError, SampleStore
from hamiltonian_ml.sampling.usage import OverBudgetError
from tests.sampling.fake_service import FakeRemote, FakeService, fake_remote

BASIS = PauliBasis.chain(3)
ROWS = np.random.default_rng(1).normal(size=(4, BASIS.n_terms))
EXECUTIONS = 4 * 3 * 10  # rows, powers, shots


@pytest.fixture
def place(tmp_path):
    backend, service = fake_remote(tmp_path / "service")
    return backend, service, tmp_path / "store"


def draw(backend, store, rows=ROWS, **options):
    return sample_krylov(BASIS, rows, backend=backend, store=store, **{"shots": 10, "seed": 3, **options})


def same(first, second):
    return all(
        np.array_equal(a.words, b.words) and np.array_equal(a.counts, b.counts)
        for a, b in zip(first, second, strict=True)
    )


def test_one_job_measures_all_rows_and_is_never_paid_for_again(place):
    backend, service, store = place
    first = draw(backend, store)
    assert [row.n_shots for row in first] == [30] * 4
    assert same(first, draw(backend, store))
    assert (len(service.jobs()), service.executions) == (1, EXECUTIONS)


def test_job_calibration_options_and_pieces_are_on_disk_before_the_wait(place):
    backend, service, store = place
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError, match="1 jobs are sent and not done yet: job0"):
        draw(backend, SampleStore(store, mode="submit"))
    (record,) = Ledger(store / "jobs").records()
    (job,) = record.jobs
    assert job.circumstances["fingerprint"]["calibrated"] == "2026-01-01"
    assert job.circumstances["options"]["name"] == "statevector"
    assert job.circumstances["layout"] is None
    assert (job.state, job.job_id, len(job.pieces)) == ("submitted", "job0", 3)
    assert not list((store / "samples").glob("*"))


def test_each_job_keeps_the_calibration_of_the_day_on_which_it_was_sent(place, monkeypatch):
    backend, service, store = place
    monkeypatch.setattr(jobs, "split_jobs", partial(pieces.split_jobs, executions_a_job=60))
    monkeypatch.setattr(FakeRemote, "fingerprint", lambda self, n_qubits: {"calibrated": "mon"})
    service.script(submit=["", *["down"] * 4])  # the second of two jobs waits for the next day
    with pytest.raises(ServiceError, match="could not be handed in"):
        draw(backend, store)
    monkeypatch.setattr(FakeRemote, "fingerprint", lambda self, n_qubits: {"calibrated": "tue"})
    draw(backend, store)
    (file,) = (store / "samples").iterdir()
    with np.load(file) as content:
        sent = json.loads(str(content["description"]))["circumstances"]["circumstances_of_jobs"]
    assert {name: marks["fingerprint"]["calibrated"] for name, marks in sent.items()} == {"job0": "mon", "job1": "tue"}


def test_a_ledger_with_one_calibration_for_all_jobs_is_read_as_theirs(place):
    backend, service, store = place
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError):
        draw(backend, SampleStore(store, mode="submit"))
    (file,) = (store / "jobs").glob("*.json")
    record = json.loads(file.read_text())
    record["circumstances"] = record["jobs"][0].pop("circumstances")
    file.write_text(json.dumps(record))
    (read,) = Ledger(store / "jobs").records()
    assert read.jobs[0].circumstances["fingerprint"]["calibrated"] == "2026-01-01"
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


def test_circuits_are_compiled_to_send_jobs_and_not_to_collect_them(place, monkeypatch):
    backend, service, store = place
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError):
        draw(backend, SampleStore(store, mode="submit"))
    monkeypatch.setattr(FakeRemote, "compile", lambda *arguments: pytest.fail("compiled"))
    assert len(draw(backend, store)) == 4


def test_what_does_not_fit_on_the_device_is_not_planned(place, monkeypatch):
    backend, _, store = place

    def refuse(self, circuits, basis):
        raise NoLayoutError("no chain of 3 qubits")

    monkeypatch.setattr(FakeRemote, "compile", refuse)
    with pytest.raises(NoLayoutError):
        draw(backend, store)
    assert Ledger(store / "jobs").spent() == 0


def test_what_was_submitted_is_collected_later_without_another_job(place):
    backend, service, store = place
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError):
        draw(backend, SampleStore(store, mode="submit"))
    assert len(draw(backend, SampleStore(store, mode="submit"))) == 4
    assert service.executions == EXECUTIONS


def test_two_copies_of_a_store_that_go_on_pay_for_one_job(place, tmp_path):
    backend, service, store = place
    draw(backend, store, seed=4)
    shutil.copytree(store, tmp_path / "copy")
    first = draw(backend, store)
    assert same(first, draw(backend, tmp_path / "copy"))
    assert service.executions == 2 * EXECUTIONS


def test_copies_whose_jobs_were_cut_in_other_ways_do_not_take_them_for_their_own(place, tmp_path):
    backend, service, store = place
    service.limit(6)
    draw(backend, store)  # jobs 1 and 2 are halves of job 0
    service.limit(100)
    service.script(status=["failed"])
    rows = draw(backend, tmp_path / "other")  # job 1 is job 0 once more
    assert [row.n_shots for row in rows] == [30] * 4
    assert [sum(rows for rows, _ in job["pubs"]) for job in service.jobs()] == [6, 6, 12, 12]


def test_a_copied_store_replays_without_a_service(place, tmp_path):
    backend, service, store = place
    first = draw(backend, store)
    copied = store.rename(tmp_path / "elsewhere")
    for file in service.folder.iterdir():
        file.unlink()
    assert same(first, draw(backend, SampleStore(copied, mode="replay")))
    with pytest.raises(MissingSamplesError, match=r"has no samples of these 4 Hamiltonians .* it only replays"):
        draw(backend, SampleStore(copied, mode="replay"), seed=4)
    assert not service.jobs()


def test_rows_that_differ_by_round_off_or_order_find_their_samples_and_their_jobs(place):
    backend, service, store = place
    first = draw(backend, store)
    order = [2, 0, 3, 1]
    second = draw(backend, store, ROWS[order] * (1 + 1e-9))
    assert same([first[k] for k in order], second)
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError):
        draw(backend, SampleStore(store, mode="submit"), seed=5)
    third = draw(backend, store, ROWS[order] * (1 - 1e-9), seed=5)
    assert same([draw(backend, store, seed=5)[k] for k in order], third)
    assert len(service.jobs()) == 2


def test_equal_rows_are_paid_once_and_never_lost(place):
    backend, service, store = place
    twice = ROWS[[0, 0, 1, 0]]
    first = draw(backend, store, twice)
    assert [row.n_shots for row in first] == [30] * 4
    assert same(first, draw(backend, store, twice))
    assert len(service.jobs()) == 1


@pytest.mark.parametrize(
    "change", [{"shots": 11}, {"seed": 4}, {"time_step": 0.1}, {"krylov_dimension": 3}, {"trotter_order": 2}]
)
def test_another_option_is_another_measurement(place, change):
    backend, service, store = place
    draw(backend, store)
    draw(backend, store, **change)
    draw(backend, store, ROWS * (1 + 1e-3))
    assert len(service.jobs()) == 3


@pytest.mark.parametrize("trouble", ["", "refuse"])
def test_a_session_is_closed_once_its_jobs_are_sent_or_refused(place, trouble):
    backend, service, store = place
    service.script(submit=[trouble], status=["waiting"])
    with pytest.raises((SamplesPendingError, JobRefusedError)):
        draw(backend, SampleStore(store, mode="submit"))
    assert not service.is_open


def test_a_job_whose_acknowledgement_was_lost_is_found_by_its_tag(place):
    backend, service, store = place
    service.script(submit=["silent"])
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


def test_a_job_that_is_listed_late_is_waited_for_before_it_is_sent_again(place, monkeypatch):
    backend, service, store = place
    seconds = [1000.0]
    clock = SimpleNamespace(
        time=lambda: seconds[0], monotonic=lambda: seconds[0], sleep=lambda more: seconds.append(seconds.pop() + more)
    )
    found = FakeService.find
    monkeypatch.setattr(jobs, "time", clock)
    monkeypatch.setattr(FakeService, "listing_seconds", 30.0)
    monkeypatch.setattr(FakeService, "find", lambda self, tag: found(self, tag) if clock.time() >= 1030 else None)
    service.script(submit=["silent"])
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS
    assert clock.time() == 1030


def test_a_job_is_not_given_up_because_the_question_for_it_is_refused(place):
    backend, service, store = place
    service.script(submit=["silent"], find=["", "refuse"])
    with pytest.raises(ServiceError, match=r"a question about a job is refused: .* 401: token expired; mend"):
        draw(backend, store)
    (record,) = Ledger(store / "jobs").records()
    assert [job.state for job in record.jobs] == ["sending"]
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


def test_a_service_that_is_down_for_a_moment_is_asked_again(place):
    backend, service, store = place
    service.script(submit=["down", "down"], result=["down"])
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


def test_a_service_that_stays_down_is_one_line_and_the_next_run_goes_on(place):
    backend, service, store = place
    service.script(submit=["down"] * 4)
    with pytest.raises(ServiceError, match=r"could not be handed in to backend 'statevector' in 4 tries \(.*route"):
        draw(backend, store)
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


def test_partial_results_are_kept_and_only_the_rest_is_measured_again(place):
    backend, service, store = place
    service.script(result=["one row less"])
    rows = draw(backend, store)
    assert [row.n_shots for row in rows] == [30] * 4
    assert [len(job["pubs"]) for job in service.jobs()] == [3, 1]


def test_samples_that_were_deleted_are_fetched_again_and_not_measured_again(place):
    backend, service, store = place
    first = draw(backend, store)
    (samples,) = (store / "samples").iterdir()
    samples.unlink()
    assert same(first, draw(backend, store))
    assert service.executions == EXECUTIONS


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:100])])
def test_a_part_that_is_damaged_before_all_is_whole_is_fetched_again(place, tmp_path, monkeypatch, damage):
    backend, service, store = place

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(jobs._Work, "keep_samples", killed)
        with pytest.raises(KeyboardInterrupt):
            draw(backend, store)
    (part,) = (store / "parts").iterdir()
    damage(part)
    again = draw(backend, store)
    assert service.executions == EXECUTIONS
    assert same(again, draw(backend, tmp_path / "another store"))
    assert not list((store / "parts").iterdir())


def test_a_part_that_comes_whole_the_second_time_counts_once(place):
    backend, service, store = place
    service.script(result=["one row less"])
    draw(backend, store)
    (samples,) = (store / "samples").iterdir()
    samples.unlink()
    assert [row.n_shots for row in draw(backend, store)] == [30] * 4
    assert [len(job["pubs"]) for job in service.jobs()] == [3, 1]


def test_what_neither_the_store_nor_the_service_has_is_one_line(place):
    backend, service, store = place
    draw(backend, store)
    (samples,) = (store / "samples").iterdir()
    samples.unlink()
    service.script(status=["lost"])
    with pytest.raises(
        ServiceError, match=r"what job job0 on .* measured is no more in .*, nor at the service; restore"
    ):
        draw(backend, store)


def test_results_of_fewer_circuits_are_of_nobody_knows_which_and_all_are_measured_again(place):
    backend, service, store = place
    service.script(result=["one less"])
    assert [row.n_shots for row in draw(backend, store)] == [30] * 4
    assert [job["pubs"] for job in service.jobs()] == [[[4, 10]] * 3] * 2


def test_a_failed_job_is_repeated_and_three_failures_are_one_line(place):
    backend, service, store = place
    service.script(status=["failed"])
    assert len(draw(backend, store)) == 4
    assert len(service.jobs()) == 2
    service.script(status=["failed"] * 3)
    with pytest.raises(ServiceError, match=r"failed or came back incomplete 3 times in a row \(error 9999\)"):
        draw(backend, store, seed=4)
    assert len(draw(backend, store, seed=4)) == 4


def test_a_cancelled_job_is_one_line_and_is_sent_anew_by_the_next_run_only(place):
    backend, service, store = place
    service.script(status=["cancelled"])
    with pytest.raises(ServiceError, match="job job0 on backend 'statevector' was cancelled; run again"):
        draw(backend, store)
    assert len(service.jobs()) == 1
    assert len(draw(backend, store)) == 4
    assert len(service.jobs()) == 2


def test_a_job_that_the_service_deleted_is_one_line_and_is_sent_anew_by_the_next_run_only(place):
    backend, service, store = place
    service.script(status=["lost"])
    with pytest.raises(ServiceError, match=r"does not know job job0 any more: it was deleted, .* run again to send it"):
        draw(backend, store)
    assert len(service.jobs()) == 1
    service.script(status=["lost"])
    assert len(draw(backend, store)) == 4
    assert len(service.jobs()) == 2
    assert Ledger(store / "jobs").spent() == 2 * (2 + 3.5e-4 * EXECUTIONS)  # the first may have been charged


def test_a_job_that_another_account_did_not_know_is_not_sent_anew(place):
    backend, service, store = place
    service.script(status=["lost"])
    with pytest.raises(ServiceError, match="or is of another account"):
        draw(backend, store)
    assert len(draw(backend, store)) == 4
    assert service.executions == EXECUTIONS


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
@pytest.mark.parametrize(("charged", "counted"), [(7.5, 7.5), (0.0, 0.0), (None, 2 + 3.5e-4 * EXECUTIONS)])
def test_what_a_job_was_charged_counts_and_its_estimate_where_nobody_knows(place, state, charged, counted):
    backend, service, store = place
    service.script(status=[state, "waiting"], seconds=[charged])
    with suppress(ServiceError, SamplesPendingError):  # a cancelled job, and the new one for one that failed
        draw(backend, SampleStore(store, mode="submit"))
    (record,) = Ledger(store / "jobs").records()
    assert record.jobs[0].seconds == counted


def test_a_refused_job_is_one_line_and_costs_nothing(place):
    backend, service, store = place
    service.script(submit=["refuse"])
    with pytest.raises(JobRefusedError, match=r"refused a job of 12 circuits with 120 executions: .* 403: not allowed"):
        draw(backend, store)
    assert Ledger(store / "jobs").spent() == 0
    assert len(draw(backend, store)) == 4


@pytest.mark.parametrize(("limit", "sizes"), [(6, [6, 6]), (4, [3, 3, 3, 3]), (1, [1] * 12)])
def test_a_job_that_is_too_large_is_split_until_it_is_taken(place, limit, sizes):
    backend, service, store = place
    service.limit(limit)
    rows = draw(backend, store)
    assert [row.n_shots for row in rows] == [30] * 4
    assert [sum(rows for rows, _ in job["pubs"]) for job in service.jobs()] == sizes
    assert Ledger(store / "jobs").spent() == pytest.approx(2 * len(sizes) + 3.5e-4 * EXECUTIONS)
    assert same(rows, draw(backend, store))
    assert service.executions == EXECUTIONS


def test_a_single_circuit_that_is_refused_is_one_line(place):
    backend, service, store = place
    service.limit(0)
    with pytest.raises(JobRefusedError, match=r"refused even a single circuit with 10 executions: .*413.*take fewer"):
        draw(backend, store)
    assert not service.jobs()


def test_what_was_split_and_not_sent_is_one_job_again_after_a_refusal(place):
    backend, service, store = place
    service.limit(0)
    with pytest.raises(JobRefusedError):
        draw(backend, store)
    assert Ledger(store / "jobs").spent() == 0  # nothing is sent or promised, and the budget knows it
    service.limit(100)
    rows = draw(backend, store, max_qpu_seconds=2 + 3.5e-4 * EXECUTIONS)  # the seconds of one job
    assert [row.n_shots for row in rows] == [30] * 4
    assert [job["pubs"] for job in service.jobs()] == [[[4, 10]] * 3]


def test_what_was_sent_before_a_refusal_is_kept_and_the_rest_is_one_job(place):
    backend, service, store = place
    service.limit(6)
    service.script(submit=["", "", "refuse"])  # the whole is too large, one half is taken, the other is not allowed
    with pytest.raises(JobRefusedError, match="refused a job of 6 circuits"):
        draw(backend, store)
    service.limit(3)
    assert [row.n_shots for row in draw(backend, store)] == [30] * 4
    assert [sum(rows for rows, _ in job["pubs"]) for job in service.jobs()] == [6, 3, 3]
    assert service.executions == EXECUTIONS


def test_jobs_that_failed_together_are_planned_anew_within_the_limits_of_a_job(place, monkeypatch):
    backend, service, store = place
    limited = {"executions_a_job": 60}
    monkeypatch.setattr(jobs, "split_jobs", partial(pieces.split_jobs, **limited))
    monkeypatch.setattr(jobs, "packed", partial(pieces.packed, **limited))
    service.script(status=["failed"] * 2)
    assert [row.n_shots for row in draw(backend, store)] == [30] * 4
    assert [sum(rows for rows, _ in job["pubs"]) for job in service.jobs()] == [6, 6, 6, 6]


def test_the_budget_counts_the_delay_between_repetitions(place):
    backend, service, store = place
    slow = replace(backend, device=DeviceOptions(rep_delay=1e-2))
    needed = 2 + 1.01e-2 * EXECUTIONS
    with pytest.raises(OverBudgetError, match=r"the next jobs need about 3\.2"):
        draw(slow, store, max_qpu_seconds=0.99 * needed)
    service.script(status=["failed"])  # the job may have cost its estimate, and is planned anew at the same pace
    draw(slow, store, max_qpu_seconds=2.01 * needed)
    (record,) = Ledger(store / "jobs").records()
    assert [job.seconds for job in record.jobs] == pytest.approx([needed, needed])


def test_splitting_keeps_to_the_budget(place):
    backend, service, store = place
    service.limit(6)
    with pytest.raises(OverBudgetError, match=r"max_qpu_seconds is 3, of which"):  # two jobs take 4 s
        draw(backend, store, max_qpu_seconds=3)
    assert not service.jobs()
    assert len(draw(backend, store, max_qpu_seconds=5)) == 4


def test_a_job_that_fails_at_a_limit_is_split(place):
    backend, service, store = place
    service.script(status=["failed"], reason=["the instruction limit was exceeded"])
    assert [row.n_shots for row in draw(backend, store)] == [30] * 4
    assert [sum(rows for rows, _ in job["pubs"]) for job in service.jobs()] == [12, 6, 6]


def test_a_wait_that_takes_too_long_leaves_the_job_to_the_next_run(place):
    backend, service, store = place
    service.poll_seconds = 0.0
    service.script(status=["waiting"] * 100_000)
    with pytest.raises(SamplesPendingError, match="job0"):
        draw(backend, SampleStore(store, timeout_seconds=0.05))
    service.script()
    assert len(draw(backend, store)) == 4
    assert len(service.jobs()) == 1


def test_a_budget_refuses_before_anything_is_sent_and_counts_all_jobs_of_the_store(place):
    backend, service, store = place
    needed = 2 + 3.5e-4 * EXECUTIONS
    with pytest.raises(OverBudgetError, match=r"max_qpu_seconds is 2, of which 0\.0 are spent .* need about 2\.0"):
        draw(backend, store, max_qpu_seconds=2)
    assert not service.jobs()
    assert not list((store / "jobs").glob("*.json"))
    draw(backend, store, max_qpu_seconds=1.5 * needed)
    assert Ledger(store / "jobs").spent() == pytest.approx(needed)
    draw(backend, store, max_qpu_seconds=1.5 * needed)  # costs nothing now
    with pytest.raises(OverBudgetError, match=r"of which 2\.0 are spent"):
        draw(backend, store, seed=4, max_qpu_seconds=1.5 * needed)
    assert len(service.jobs()) == 1


def test_a_remote_backend_without_a_store_is_refused(place):
    backend, service, _ = place
    with pytest.raises(ValueError, match=r"charges for its jobs: give store=<folder>"):
        draw(backend, None)
    assert not service.jobs()


def test_the_ledger_can_be_read_by_anything_that_reads_json(place):
    backend, _, store = place
    draw(backend, store)
    (file,) = (store / "jobs").glob("*.json")
    assert json.loads(file.read_text())["jobs"][0]["state"] == "collected"
