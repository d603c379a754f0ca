"""Timings as ratios: competitors take turns, so that whatever else the machine does falls on all of them alike.

In: actions. Out: their costs in wall and in processor time, and ratios of costs that were taken side by side.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

Action = Callable[[int], "Cost"]
# What makes the peers quickest: ARPACK's short vectors gain nothing from threads of BLAS, and threads that spin while
# they wait cost fulqrum a factor of forty on a busy machine.
_FOR_PEERS = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and seconds that all threads of the process kept a core busy."""

    wall: float
    processor: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.processor + other.processor)

    def __truediv__(self, share: float) -> Cost:
        return Cost(self.wall / share, self.processor / share)


def cost_of(work: Callable[[], Any]) -> tuple[Cost, Any]:
    """Return what one call costs, and its result; the collector of garbage waits meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        cost = Cost(time.perf_counter() - wall, time.process_time() - processor)
    finally:
        if was_on:
            gc.enable()
    return cost, result


def timed(work: Callable[[], Any], *, calls: int = 1) -> Action:
    """Return an action that makes so many calls in a row and gives the cost of one of them."""

    def repeat() -> None:
        for _ in range(calls):
            work()

    return lambda turn: cost_of(repeat)[0] / calls


def take_turns(actions: Mapping[str, Action], turns: int) -> dict[str, list[Cost]]:
    """Run every action once unmeasured and then ``turns`` times, one after the other; the turn is their argument."""
    for action in actions.values():
        action(0)
    gc.collect()
    costs: dict[str, list[Cost]] = {name: [] for name in actions}
    for turn in range(turns):
        for name, action in actions.items():
            costs[name].append(action(turn))
    return costs


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of wall and processor time."""
    return Cost(float(np.median([c.wall for c in costs])), float(np.median([c.processor for c in costs])))


def ratio(above: Sequence[Cost], below: Sequence[Cost]) -> Cost:
    """Return the medians of the ratios of two competitors, turn by turn."""
    return median([Cost(a.wall / b.wall, a.processor / b.processor) for a, b in zip(above, below, strict=True)])


def spread(above: Sequence[Cost], below: Sequence[Cost]) -> str:
    """Return the quartiles of the ratios of wall times, turn by turn, as text."""
    low, high = np.quantile([a.wall / b.wall for a, b in zip(above, below, strict=True)], [0.25, 0.75])
    return f"quartiles {low:.3g}, {high:.3g}"


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give ours, and all processes started meanwhile, so many threads each. JAX keeps its own number."""
    settings = {"OMP_NUM_THREADS": str(number), **_FOR_PEERS}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
