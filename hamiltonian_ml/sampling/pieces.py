"""What each job of a request measures: pieces, cut by the limits of a service and put together again.

In: numbers of rows, circuits and shots, or the pieces of other jobs. Out: the pieces of each job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

# "Job limits" of the IBM Quantum documentation: executions are circuits times parameter rows times shots.
EXECUTIONS_A_JOB = 10_000_000
SECONDS_A_JOB = 3 * 3600
# "Estimate job run time" of the same documentation: about two seconds a job and .35 ms an execution, most of which is
# the default delay between repetitions.
SECONDS_TO_START = 2.0
SECONDS_AN_EXECUTION = 3.5e-4
_SECONDS_WITHOUT_DELAY = 1e-4  # what the default delay of .25 ms leaves of it, for reset, gates and readout


@dataclass(frozen=True)
class Piece:
    """Shots of one circuit for consecutive rows: what one PUB of a job measures.

    Attributes
    ----------
    circuit : int
        Which circuit: 0 is the first power.
    start, stop : int
        The rows.
    shots : int
        Shots a row.
    """

    circuit: int
    start: int
    stop: int
    shots: int

    @property
    def circuits(self) -> int:
        """Number of circuits with numbers for angles."""
        return self.stop - self.start

    @property
    def executions(self) -> int:
        """Number of shots in all rows."""
        return self.circuits * self.shots


def split_jobs(
    n_rows: int,
    n_circuits: int,
    shots: int,
    *,
    executions_a_job: int = EXECUTIONS_A_JOB,
    seconds_an_execution: float = SECONDS_AN_EXECUTION,
) -> list[list[Piece]]:
    """Return what each job measures, in as few jobs of about equal size as the documented limits allow.

    All pieces of a job have equally many shots. Rows are kept together where they fit; a circuit with more shots than
    a job may have is spread over several.
    """
    limit = _limit(executions_a_job, seconds_an_execution)
    rows_a_job = limit // (shots * n_circuits)
    if rows_a_job:
        return [
            [Piece(circuit, start, stop, shots) for circuit in range(n_circuits)]
            for start, stop in _even_parts(n_rows, rows_a_job)
        ]
    cells = [(row, circuit) for row in range(n_rows) for circuit in range(n_circuits)]
    if shots <= limit:
        return [
            [Piece(circuit, row, row + 1, shots) for row, circuit in cells[start:stop]]
            for start, stop in _even_parts(len(cells), limit // shots)
        ]
    return [
        [Piece(circuit, row, row + 1, stop - start)]
        for row, circuit in cells
        for start, stop in _even_parts(shots, limit)
    ]


def halves(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces of two jobs instead of one, as long as there is more than one circuit; else none.

    Examples
    --------
    >>> halves([Piece(0, 0, 5, 100)])
    [[Piece(circuit=0, start=0, stop=2, shots=100)], [Piece(circuit=0, start=2, stop=5, shots=100)]]
    >>> halves([Piece(0, 0, 1, 100)])
    []
    """
    if all(piece.circuits > 1 for piece in pieces):  # rows are cut, so that each stays with all of its circuits
        middles = [(piece.start + piece.stop) // 2 for piece in pieces]
        return [
            [replace(piece, stop=middle) for piece, middle in zip(pieces, middles, strict=True)],
            [replace(piece, start=middle) for piece, middle in zip(pieces, middles, strict=True)],
        ]
    half = len(pieces) // 2
    return [list(pieces[:half]), list(pieces[half:])] if half else []


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return pieces of one job with those of a circuit whose rows follow each other made one.

    Examples
    --------
    >>> joined([Piece(0, 2, 5, 100), Piece(1, 0, 5, 100), Piece(0, 0, 2, 100)])
    (Piece(circuit=0, start=0, stop=5, shots=100), Piece(circuit=1, start=0, stop=5, shots=100))
    """
    whole: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.shots, p.circuit, p.start)):
        last = whole[-1] if whole else None
        if last and (last.shots, last.circuit, last.stop) == (piece.shots, piece.circuit, piece.start):
            whole[-1] = replace(last, stop=piece.stop)
        else:
            whole.append(piece)
    return tuple(whole)


def packed(
    pieces: Iterable[Piece],
    *,
    executions_a_job: int = EXECUTIONS_A_JOB,
    seconds_an_execution: float = SECONDS_AN_EXECUTION,
) -> list[list[Piece]]:
    """Return the pieces of as few jobs as the limits allow without cutting a piece, each with one number of shots.

    Examples
    --------
    >>> packed([Piece(0, 0, 5, 100), Piece(1, 0, 5, 200), Piece(2, 0, 5, 100)])
    [[Piece(circuit=0, start=0, stop=5, shots=100), Piece(circuit=2, start=0, stop=5, shots=100)],
     [Piece(circuit=1, start=0, stop=5, shots=200)]]
    """
    limit = _limit(executions_a_job, seconds_an_execution)
    jobs: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda p: p.shots):
        job = jobs[-1] if jobs else []
        if job and job[0].shots == piece.shots and sum(p.executions for p in job) + piece.executions <= limit:
            job.append(piece)
        else:
            jobs.append([piece])
    return jobs


def seconds_of(executions: int, *, seconds_an_execution: float = SECONDS_AN_EXECUTION) -> float:
    """Return the estimated seconds of one job on a processor."""
    return SECONDS_TO_START + seconds_an_execution * executions


def seconds_with_delay(rep_delay: float | None) -> float:
    """Return the estimated seconds of an execution whose repetitions are so many seconds apart; None is the default.

    Examples
    --------
    >>> seconds_with_delay(None), seconds_with_delay(0.0), seconds_with_delay(4e-4)
    (0.00035, 0.00035, 0.0005)
    """
    return SECONDS_AN_EXECUTION if rep_delay is None else max(SECONDS_AN_EXECUTION, rep_delay + _SECONDS_WITHOUT_DELAY)


def _limit(executions_a_job: int, seconds_an_execution: float) -> int:
    """Return how many executions one job may have, by their number and by the time that they take."""
    return max(1, min(executions_a_job, int((SECONDS_A_JOB - SECONDS_TO_START) / seconds_an_execution)))


def _even_parts(total: int, largest: int) -> list[tuple[int, int]]:
    """Return consecutive ranges that cover ``range(total)``, none above the largest size, sizes equal within one."""
    n_parts = -(-total // largest)
    edges = [total * k // n_parts for k in range(n_parts + 1)] if n_parts else [0]
    return list(pairwise(edges))
