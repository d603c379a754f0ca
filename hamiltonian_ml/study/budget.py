"""A fit that its budget stops is an error where nobody would see that it is half of one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hamiltonian_ml.sampling.usage import OverBudgetError


@contextmanager
def whole_fits_only(what_next: str) -> Iterator[None]:
    """Raise OverBudgetError where a fit would end early, with the samples that the budget paid for, and only warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="training ends early, with the samples", category=UserWarning)
        try:
            yield
        except UserWarning as early:
            raise OverBudgetError(f"{early} Samples are kept: raise the budget and {what_next}.") from early
