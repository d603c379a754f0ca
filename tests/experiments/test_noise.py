from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.noise.training import NOISELESS, report, tasks
from hamiltonian_ml.study.cells import quantities
from hamiltonian_ml.study.gather import gather
from hamiltonian_ml.study.sweep import sweep

SCORES = {NOISELESS: 0.95, "fake_kingston": 0.94}


def scored(task):
    return quantities(
        train=(1.0, "1", "accuracy on training rows"),
        test=(SCORES[task.backend] - 0.01 * task.seed, "1", "accuracy on test rows"),
        states=(200 + task.seed, "1", "basis states"),
    )


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.mark.parametrize("qubits", [[50], [8, 50]])
def test_one_size_or_one_split_is_reported_as_well(tmp_path, pool, qubits):
    wanted = tasks(qubits, 1, "fake_kingston")
    sweep(wanted, scored, pool, folder=tmp_path)
    lines = report(gather(wanted, tmp_path), "fake_kingston")
    assert [int(line.split()[0]) for line in lines[1:]] == qubits
    assert all(line.split()[1:] == ["1", "0.950", "0.940", "+1.00", "200"] for line in lines[1:])


def test_sizes_without_both_trainings_are_left_out_and_points_have_standard_errors(tmp_path, pool):
    wanted = tasks([8, 50], 3, "fake_kingston")
    done = [task for task in wanted if task.n_qubits == 8 or task.backend == NOISELESS]
    sweep(done, scored, pool, folder=tmp_path)
    header, line = report(gather(wanted, tmp_path), "fake_kingston")
    assert "points lost" in header
    assert line.split() == ["8", "3", "0.940", "0.930", "+1.00", "+-", "0.00", "201"]
