"""Runs compiled loops, which release the interpreter lock, on all cores: rows of a batch in contiguous blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


def n_threads() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS`` where it is set, else the cores this process may use."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit) > 0:
        return int(limit)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_blocks(work: Callable[[Block], Result], blocks: Iterable[Block]) -> list[Result]:
    """Return the results of ``work`` for each block, in order; the first error is raised after all have ended."""
    todo = list(blocks)
    threads = min(n_threads(), len(todo))
    if threads <= 1:
        return [work(block) for block in todo]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, todo))


def row_blocks(n_rows: int, blocks_per_thread: int = 4) -> list[range]:
    """Cut ``n_rows`` rows into contiguous ranges, a few for each thread so that uneven rows balance."""
    n_blocks = max(1, min(n_rows, blocks_per_thread * n_threads() if n_threads() > 1 else 1))
    edges = [n_rows * k // n_blocks for k in range(n_blocks + 1)]
    return [range(a, b) for a, b in zip(edges, edges[1:], strict=False) if b > a]
