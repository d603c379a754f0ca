"""Tasks: frozen settings of one cell of a study. Equal tasks have equal keys, seeds and therefore equal results.

In: a frozen dataclass below `Task`. Out: the key that names its file, and the random numbers that belong to it.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

_KEY_LETTERS = 20  # 80 bits: a billion cells share no key


@dataclass(frozen=True, kw_only=True)
class Task:
    """Base of all tasks: subclass it with ``@dataclass(frozen=True, kw_only=True)`` and typed fields.

    Fields are numbers, text, booleans, None, and tuples or dictionaries of those. True is no number here: it is another
    value than 1. One that decides no result, such as where a file lies, is declared by ``field(compare=False)``.

    Parameters
    ----------
    revision : int
        Raise it, in the subclass, when the function that runs the task changes its meaning: every key changes.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from hamiltonian_ml.study.tasks import Task
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Cell(Task):
    ...     n_qubits: int
    ...     seed: int
    >>> Cell(n_qubits=4, seed=0).key == Cell(n_qubits=4, seed=0).key != Cell(n_qubits=4, seed=1).key
    True
    """

    revision: int = 1

    @property
    def key(self) -> str:
        """Name of the task's file: 20 letters that depend on the class's name and on every field that is compared."""
        text = _canonical({"task": type(self).__name__, **self._compared()}, type(self).__name__)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LETTERS]

    def settings(self) -> dict[str, Any]:
        """Return the fields by name; whole numbers are floats in fields declared so, and integers elsewhere."""
        return {f.name: _as_declared(getattr(self, f.name), f.type) for f in fields(self)}

    def _compared(self) -> dict[str, Any]:
        settings = self.settings()
        return {f.name: settings[f.name] for f in fields(self) if f.compare}

    def seed_sequence(self, purpose: str, *names: str) -> np.random.SeedSequence:
        """Return the source of random numbers for one purpose.

        Parameters
        ----------
        purpose : str
            What they are for, for instance "samples": other purposes get other numbers.
        *names : str
            The fields they depend on, all if none is named. Tasks that agree in these get the same numbers, which
            makes comparisons of everything else paired.

        Raises
        ------
        ValueError
            If the task has no field of that name.
        """
        settings = self._compared()
        unknown = sorted(set(names) - set(settings))
        if unknown:
            raise ValueError(f"names must be fields of {type(self).__name__}, {', '.join(settings)}; got {unknown}.")
        chosen = {name: settings[name] for name in sorted(names or settings)}
        text = _canonical({"purpose": purpose, **{f"field {k}": v for k, v in chosen.items()}}, type(self).__name__)
        return np.random.SeedSequence(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def check_distinct(tasks: list[Task]) -> None:
    """Raise ValueError if something is not a `Task`, or two tasks that differ have one key."""
    seen: dict[str, Task] = {}
    for task in tasks:
        if not isinstance(task, Task):
            raise ValueError(f"tasks must be instances of a subclass of Task, got {task!r}.")
        if seen.setdefault(task.key, task) != task:
            raise ValueError(f"two tasks of different classes share the key {task.key}; rename one of the classes.")


def _as_declared(value: Any, declared: Any) -> Any:
    """Return 1.0 for the 1 of a float field and 1 for a 1.0 elsewhere: the two are equal, so that keys have to be."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and declared in (float, "float"):
        return float(value)
    if isinstance(value, float) and value.is_integer() and declared not in (float, "float"):
        return int(value)
    if isinstance(value, dict):
        return {key: _as_declared(part, None) for key, part in value.items()}
    return tuple(_as_declared(part, None) for part in value) if isinstance(value, list | tuple) else value


def _canonical(values: dict[str, Any], name: str) -> str:
    """Return one text for equal values, or raise ValueError for what has none."""
    try:
        return json.dumps(_plain(values), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"fields of {name} must be finite numbers, text, booleans, None, or tuples and dictionaries of those: "
            f"{error}."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return value
