"""What a figure is made of: parts, each a set of tasks and the function that runs one of them; and how claims end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import xarray as xr

from hamiltonian_ml.study.datasets import Split, load_table, split_table
from hamiltonian_ml.study.statistics import estimate
from hamiltonian_ml.study.tasks import Task

Profile = Literal["tiny", "quick", "full"]
PROFILES: tuple[Profile, ...] = ("quick", "full")  # "tiny" is for the tests


@dataclass(frozen=True)
class Part:
    """One sweep of a figure.

    Attributes
    ----------
    tasks : callable
        From the name of a profile to the tasks, those worth most first.
    run : callable
        From a task to a dataset.
    """

    tasks: Callable[[Profile], list[Any]]
    run: Callable[[Any], xr.Dataset]


@dataclass(frozen=True)
class Verdict:
    """How a claim ended.

    Attributes
    ----------
    claim : int
        Its number in the table of claims.
    verdict : {"held", "failed", "described", "not decidable", "not tested"}
    number : str
        What was measured, with its error.
    text : str
        What was compared with what, and under which settings; for "not tested", why.
    """

    claim: int
    verdict: Literal["held", "failed", "described", "not decidable", "not tested"]
    number: str
    text: str


def held(condition: Any) -> Literal["held", "failed"]:
    """Return the verdict of a condition."""
    return "held" if bool(condition) else "failed"


def small(values: Any) -> str:
    """Return mean and standard error of small numbers as "3.6e-05 +- 4e-06"; the mean alone of a single one."""
    found = estimate(values)
    return f"{found.mean:.1e} +- {found.error:.0e}" if found.n > 1 else f"{found.mean:.1e}"


def rows_of(dataset: str, seed: int, *, test_fraction: float = 1 / 3) -> Split:
    """Return training and test rows; a seed decides the split and, of synthetic data, the rows."""
    return split_table(load_table(dataset, seed=seed), test_fraction=test_fraction, seed=seed)


__all__ = ["PROFILES", "Part", "Profile", "Task", "Verdict", "held", "rows_of", "small"]
