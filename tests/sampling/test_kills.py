from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def trials(folder, n_steps, n_times):
    """Kill runs at chosen steps and at random times, in a process without threads, and return what came of them."""
    command = [sys.executable, "-m", "tests.sampling.kill_runs", str(folder), str(n_steps), str(n_times)]
    root = Path(__file__).parents[2]
    return json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


def check(found):
    for trial in found["trials"]:
        assert trial["finished"]
        assert trial["lost"] == 0
        assert {name: trial[name] for name in ("executions", "jobs")} == found["expected"]


def test_a_killed_run_loses_no_job_and_pays_for_none_twice(tmp_path):
    found = trials(tmp_path, 6, 0)
    assert found["steps"] > 300
    assert found["expected"]["jobs"] == 6
    assert all(trial["killed"] for trial in found["trials"])
    check(found)


@pytest.mark.slow
def test_fifty_kills_at_random_steps_and_ten_at_random_times_lose_nothing_and_pay_nothing_twice(tmp_path):
    found = trials(tmp_path, 50, 10)
    assert sum(trial["killed"] for trial in found["trials"]) >= 50
    check(found)
