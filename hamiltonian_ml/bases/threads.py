"""Runs loops that release the interpreter lock on all cores: rows of a batch in contiguous blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import TypeVar

from hamiltonian_ml.bases.cores import n_threads

Block = TypeVar("Block")
Result = TypeVar("Result")
_BLOCKS_PER_THREAD = 4  # so that rows of uneven cost balance
_POOLS: dict[tuple[int, int], ThreadPoolExecutor] = {}  # idle threads, one pool a process; starting them costs more
# than a batch of small problems


def map_blocks(
    work: Callable[[Block], Result], blocks: Iterable[Block], *, most_threads: int | None = None
) -> list[Result]:
    """Return the results of ``work`` for each block, in order; the first error is raised after all have ended."""
    todo = list(blocks)
    threads = n_threads() if most_threads is None else most_threads
    if threads <= 1 or len(todo) <= 1:
        return [work(block) for block in todo]
    running = [_pool(threads).submit(work, block) for block in todo]
    wait(running)  # a block that still ran would go on writing into the caller's arrays
    return [block.result() for block in running]


def row_blocks(n_rows: int, *, smallest: int = 1) -> list[range]:
    """Cut ``n_rows`` rows into contiguous ranges of at least ``smallest`` rows, a few for each thread."""
    threads = n_threads()
    n_blocks = min(_BLOCKS_PER_THREAD * threads if threads > 1 else 1, n_rows // smallest)
    edges = [n_rows * k // max(n_blocks, 1) for k in range(max(n_blocks, 1) + 1)]
    return [range(a, b) for a, b in pairwise(edges) if b > a]


def _pool(threads: int) -> ThreadPoolExecutor:
    # Threads do not survive a fork, so that a pool belongs to the process that made it.
    key = (os.getpid(), threads)
    if key not in _POOLS:
        _POOLS[key] = ThreadPoolExecutor(threads, thread_name_prefix="hamiltonian_ml")
    return _POOLS[key]
