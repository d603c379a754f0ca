"""How much faster two Dask workers are than one, on equal cells that keep a core busy.

`python -m experiments.cluster.run` takes a minute on two idle cores. One worker and two take turns, so that whatever
else the machine does falls on both alike; on cores that others use, two workers together get less than twice as much
of them, and the ratio falls. The share of a core that each worker got stands beside: 1 on idle cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from experiments.cluster.cells import Spin, spin
from hamiltonian_ml.bases.cores import n_cores
from hamiltonian_ml.study.sweep import sweep

WORKERS = (1, 2)


def seconds(address: str, cells: list[Spin], folder: Path) -> float:
    """Return how long a sweep takes on the clock."""
    start = time.perf_counter()
    done = sweep(cells, spin, address, folder=folder)
    if done.ran != len(cells):
        raise RuntimeError(f"{done.failed} of {len(cells)} cells failed; see {folder}.")
    return time.perf_counter() - start


def measure(n_cells: int, cell_seconds: float, rounds: int) -> np.ndarray:
    """Return seconds (rounds, 2) of one worker and of two, which take turns in going first."""
    from distributed import LocalCluster  # optional: the extra "cluster"

    cells = [Spin(number=number, seconds=cell_seconds) for number in range(n_cells)]
    found = np.empty((rounds, len(WORKERS)))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = []
        for number in WORKERS:
            cluster = LocalCluster(
                n_workers=number, threads_per_worker=1, dashboard_address=":0", local_directory=str(folder)
            )
            addresses.append(stack.enter_context(cluster).scheduler_address)
        for place, address in enumerate(addresses):  # imports
            seconds(address, [Spin(number=k, seconds=0.0) for k in range(4 * n_cells)], folder / f"warm{place}")
        for turn in range(rounds):
            for place in (0, 1) if turn % 2 == 0 else (1, 0):
                found[turn, place] = seconds(addresses[place], cells, folder / f"{turn}-{place}")
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.25, help="processor time of a cell")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    busy = os.getloadavg()[0]
    found = measure(chosen.cells, chosen.seconds, chosen.rounds)
    ratios = found[:, 0] / found[:, 1]
    print(f"{chosen.cells} cells of {chosen.seconds:g} s, {n_cores()} cores, load {busy:.1f} when it began")
    for turn, (row, ratio) in enumerate(zip(found, ratios, strict=True)):
        shares = chosen.cells * chosen.seconds / row / np.array(WORKERS)
        print(
            f"round {turn}: one worker {row[0]:6.1f} s ({shares[0]:.2f} of a core), two {row[1]:6.1f} s "
            f"({shares[1]:.2f} of a core each), {ratio:.2f} times faster"
        )
    print(f"two workers are {np.median(ratios):.2f} times faster (median; {ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
