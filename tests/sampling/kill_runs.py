"""Kill fits with SIGKILL, at chosen steps and at random times, and take them up again. Prints one JSON object.

A step is anything that changes the disk or asks the service. Children are forked, so that the imports are paid once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import jobs
from hamiltonian_ml.sampling.ledger import Ledger
from hamiltonian_ml.sampling.pieces import split_jobs
from hamiltonian_ml.sampling.run import sample_krylov
from tests.sampling.fake_service import FakeService, fake_remote

BASIS = PauliBasis.chain(2)
ROWS = np.random.default_rng(1).normal(size=(3, BASIS.n_terms))


def rounds(folder):
    """Sample three times, each with Hamiltonians that depend on the samples before, as training does."""
    backend, _ = fake_remote(folder / "service")
    rows = ROWS
    for number in range(3):
        found = sample_krylov(BASIS, rows, backend=backend, store=folder / "store", shots=10, seed=number)
        rows = ROWS + 1e-9 * sum(samples.counts[0] for samples in found)
    return float(rows.sum())


def die_at(step):
    """Send SIGKILL to this process just before, or just after, its step of that number."""
    count = 0

    def counted(function):
        def wrapper(*arguments, **options):
            nonlocal count
            for act in (lambda: None, lambda: function(*arguments, **options)):
                result = act()
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapper

    for name in ("fsync", "replace", "unlink", "open"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("submit", "find", "status", "result"):
        setattr(FakeService, name, counted(getattr(FakeService, name)))
    return lambda: count


def in_child(work):
    """Run work in a forked child; return its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_steps(folder):
    steps = die_at(-1)
    rounds(folder)
    return steps()


def trial(folder, kill):
    """Kill a run, then run it again to its end; return what the service and the ledger say."""
    killed = kill(folder)
    again = ended(in_child(lambda: rounds(folder)))
    service = FakeService(folder / "service")
    ledger = Ledger(folder / "store" / "jobs").records()
    known = {job.job_id for record in ledger for job in record.jobs}
    paid = {job["id"] for job in service.jobs()}
    return {
        "killed": killed == -signal.SIGKILL, "finished": again == 0, "executions": service.executions,
        "jobs": len(paid), "lost": len(paid - known),
    }  # fmt: skip


def at_step(step):
    def work(folder):
        die_at(step)
        rounds(folder)

    return lambda folder: ended(in_child(lambda: work(folder)))


def after(seconds):
    def kill(folder):
        child = in_child(lambda: rounds(folder))
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        return ended(child)

    return kill


def main(folder, n_steps, n_times):
    jobs.split_jobs = partial(split_jobs, executions_a_job=60)  # 90 executions a round make two jobs
    reader, writer = os.pipe()
    start = time.monotonic()
    child = in_child(lambda: os.write(writer, str(count_steps(folder / "whole")).encode()))
    assert ended(child) == 0
    seconds, total = time.monotonic() - start, int(os.read(reader, 20))
    whole = FakeService(folder / "whole" / "service")
    rng = random.Random(1)
    kills = [at_step(step) for step in sorted(rng.sample(range(1, total), n_steps))]
    kills += [after(rng.uniform(0, seconds)) for _ in range(n_times)]
    trials = [trial(folder / str(number), kill) for number, kill in enumerate(kills)]
    expected = {"executions": whole.executions, "jobs": len(whole.jobs())}
    sys.stdout.write(json.dumps({"steps": total, "expected": expected, "trials": trials}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
