from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hamiltonian_ml.sampling.pieces import Piece, halves, joined, packed, seconds_of, seconds_with_delay, split_jobs


@given(
    n_rows=st.integers(0, 30), n_circuits=st.integers(1, 5), shots=st.integers(1, 90), limit=st.integers(1, 500)
)  # fmt: skip
def test_jobs_measure_every_row_of_every_circuit_once_and_stay_below_the_limit(n_rows, n_circuits, shots, limit):
    jobs = split_jobs(n_rows, n_circuits, shots, executions_a_job=limit)
    measured = {}
    for job in jobs:
        assert 0 < sum(piece.executions for piece in job) <= limit
        assert len({piece.shots for piece in job}) == 1  # the service takes one number of shots a job
        for piece in job:
            for row in range(piece.start, piece.stop):
                measured[row, piece.circuit] = measured.get((row, piece.circuit), 0) + piece.shots
    assert measured == {(row, circuit): shots for row in range(n_rows) for circuit in range(n_circuits)}


def test_ten_million_executions_are_one_job_and_one_more_row_makes_two():
    assert len(split_jobs(2_000, 5, 1_000)) == 1
    assert [sum(piece.executions for piece in job) for job in split_jobs(2_001, 5, 1_000)] == [5_000_000, 5_005_000]


@given(n_rows=st.integers(1, 30), n_circuits=st.integers(1, 5), order=st.randoms(use_true_random=False))
def test_a_job_that_is_cut_to_single_circuits_is_joined_to_what_it_was(n_rows, n_circuits, order):
    (whole,) = split_jobs(n_rows, n_circuits, 100)
    done, waiting = [], [whole]
    while waiting:
        job = waiting.pop()
        waiting += halves(job)
        done += [] if halves(job) else job
    order.shuffle(done)
    assert len(done) == n_rows * n_circuits
    assert joined(done) == tuple(whole)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 3)), max_size=20), limit=st.integers(60, 200)
)  # fmt: skip
def test_what_is_packed_is_all_there_and_keeps_to_the_limit_with_one_number_of_shots_a_job(sizes, limit):
    pieces = [Piece(number, 0, rows, shots) for number, (rows, shots) in enumerate(sizes)]
    jobs = packed(pieces, executions_a_job=limit)
    assert sorted((piece for job in jobs for piece in job), key=lambda piece: piece.circuit) == pieces
    assert all(sum(piece.executions for piece in job) <= limit for job in jobs)
    assert all(len({piece.shots for piece in job}) == 1 for job in jobs)


def test_pieces_that_fit_together_are_one_job():
    assert len(packed([Piece(k, 0, 10, 100) for k in range(9)], executions_a_job=9_000)) == 1
    assert len(packed([Piece(k, 0, 10, 100) for k in range(9)], executions_a_job=8_999)) == 2


def test_no_job_takes_longer_than_three_hours_however_long_its_repetitions_are_apart():
    slow = {"seconds_an_execution": seconds_with_delay(5e-3)}
    planned = split_jobs(2_400, 1, 1_000, **slow)  # 12,240 s in all
    repacked = packed([Piece(0, row, row + 1, 1_000) for row in range(2_400)], **slow)
    for jobs in (planned, repacked):
        assert len(jobs) == 2
        assert all(seconds_of(sum(piece.executions for piece in job), **slow) <= 3 * 3600 for job in jobs)
    assert len(split_jobs(2_400, 1, 1_000)) == 1
