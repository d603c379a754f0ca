"""Statistics of studies: means with errors, intervals, paired tests with correction, ranks of several methods.

In: results of seeds, or a table of data sets by methods. Out: numbers and frozen records; scipy does the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error.

    Attributes
    ----------
    mean, error : float
        The error is NaN for a single value.
    n : int
        Number of values.
    """

    mean: float
    error: float
    n: int

    def __str__(self) -> str:
        """Return "0.950 +- 0.012": two digits of the error, and as many decimals of the mean."""
        if not np.isfinite(self.error):
            return f"{self.mean:.3g}"
        decimals = (
            3
            if self.error < 1e-9 * abs(self.mean) or self.error == 0
            else max(0, 1 - int(np.floor(np.log10(self.error))))
        )
        return f"{self.mean:.{decimals}f} +- {self.error:.{decimals}f}"


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of two methods.

    Attributes
    ----------
    first, second : str
        Names of the methods.
    difference : float
        Mean of first minus second.
    p_value, corrected : float
        Of "no difference", alone and among all comparisons made.
    """

    first: str
    second: str
    difference: float
    p_value: float
    corrected: float


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of methods over data sets; 1 is best.

    Attributes
    ----------
    mean_ranks : dict of str to float
    critical_difference : float
        Mean ranks that differ by less cannot be told apart.
    p_value : float
        Friedman's, of "all methods are alike".
    """

    mean_ranks: dict[str, float]
    critical_difference: float
    p_value: float


def estimate(values: ArrayLike) -> Estimate:
    """Return mean and standard error of values that are not NaN.

    Raises
    ------
    ValueError
        If no value is left.

    Examples
    --------
    >>> from hamiltonian_ml.study.statistics import estimate
    >>> print(estimate([0.9, 0.95, 1.0]))
    0.950 +- 0.029
    """
    kept = _kept(values, "values", at_least=1)
    error = float(kept.std(ddof=1) / np.sqrt(len(kept))) if len(kept) > 1 else np.nan
    return Estimate(float(kept.mean()), error, len(kept))


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    *,
    level: float = 0.95,
    n_resamples: int = 9999,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval of a statistic.

    Parameters
    ----------
    values : (n,) array_like
        At least two that are not NaN.
    statistic : callable
        Takes an array and ``axis``.
    level : float
        Between 0 and 1.
    n_resamples, seed : int

    Raises
    ------
    ValueError
        If there are fewer than two values, or the level is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml.study.statistics import bootstrap_interval
    >>> low, high = bootstrap_interval(np.arange(20.0))
    >>> low < 9.5 < high
    True
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}.")
    kept = _kept(values, "values", at_least=2)
    if np.ptp(kept) == 0:  # resamples are all alike, and scipy's acceleration is 0/0
        same = float(statistic(kept, axis=0))
        return same, same
    found = stats.bootstrap(
        (kept,), statistic, confidence_level=level, n_resamples=n_resamples, rng=np.random.default_rng(seed)
    ).confidence_interval
    return float(found.low), float(found.high)


def compare(
    scores: Mapping[str, ArrayLike], pairs: list[tuple[str, str]], *, test: Literal["wilcoxon", "t"] = "wilcoxon"
) -> list[Comparison]:
    """Compare methods on the same seeds or data sets, pair by pair, and correct for the number of pairs.

    Parameters
    ----------
    scores : mapping of str to (n,) array_like
        Scores of each method, in the same order; places where one of a pair is NaN do not count for it.
    pairs : list of (str, str)
    test : {"wilcoxon", "t"}
        Wilcoxon's signed-rank test, or Student's paired test, which assumes normal differences.

    Returns
    -------
    list of Comparison
        With p-values corrected by Holm's method.

    Raises
    ------
    ValueError
        If a method is not there, lengths differ, or fewer than two places are left.

    Examples
    --------
    >>> from hamiltonian_ml.study.statistics import compare
    >>> scores = {"a": [0.9, 0.8, 0.7, 0.9, 0.8, 0.95], "b": [0.8, 0.75, 0.68, 0.87, 0.79, 0.9]}
    >>> round(compare(scores, [("a", "b")])[0].corrected, 3)
    0.031
    """
    found = []
    for first, second in pairs:
        for name in (first, second):
            if name not in scores:
                raise ValueError(f"pairs must name methods among {', '.join(scores)}; got {name!r}.")
        differences = _kept(_differences(scores, first, second), f"scores of {first} and {second}", at_least=2)
        found.append((first, second, float(differences.mean()), _paired(differences, test)))
    corrected = holm([p for *_, p in found])
    return [Comparison(*row, float(value)) for row, value in zip(found, corrected, strict=True)]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected by Holm's step-down method, in the given order.

    Examples
    --------
    >>> from hamiltonian_ml.study.statistics import holm
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def rank(scores: ArrayLike, names: list[str], *, significance: float = 0.05) -> Ranking:
    """Rank methods on data sets, with Nemenyi's critical difference [1]_.

    Parameters
    ----------
    scores : (n_datasets, n_methods) array_like
        Higher is better; at least two rows and three columns.
    names : list of str
        Of the columns.
    significance : float
        Chance of finding a difference where there is none.

    Raises
    ------
    ValueError
        If the table is too small, not finite, or has another number of columns than there are names.

    References
    ----------
    .. [1] J. Demsar, J. Mach. Learn. Res. 7, 1 (2006), Sec. 3.2.2.

    Examples
    --------
    >>> from hamiltonian_ml.study.statistics import rank
    >>> rank([[0.9, 0.8, 0.7], [0.8, 0.7, 0.9], [0.9, 0.7, 0.6]], ["a", "b", "c"]).mean_ranks["b"]
    2.3333333333333335
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3 or table.shape[1] != len(names):
        raise ValueError(
            "scores must have at least two rows and three columns, one for each name, got shape "
            f"{table.shape} and {len(names)} names."
        )
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite; leave out data sets that not every method has.")
    n, k = table.shape
    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    studentised = float(stats.studentized_range.ppf(1 - significance, k, np.inf))
    difference = studentised / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n))
    alike = bool((table == table[:, :1]).all())  # Friedman's statistic is 0/0 then
    p_value = 1.0 if alike else float(stats.friedmanchisquare(*table.T).pvalue)
    return Ranking(dict(zip(names, ranks.tolist(), strict=True)), float(difference), p_value)


def _paired(differences: NDArray[np.float64], test: str) -> float:
    if not differences.any():
        return 1.0
    if test == "t":
        return float(stats.ttest_1samp(differences, 0.0).pvalue) if np.ptp(differences) else 0.0
    if test == "wilcoxon":
        return float(stats.wilcoxon(differences).pvalue)
    raise ValueError(f"test must be 'wilcoxon' or 't', got {test!r}.")


def _differences(scores: Mapping[str, ArrayLike], first: str, second: str) -> NDArray[np.float64]:
    ours, theirs = (np.asarray(scores[name], dtype=np.float64) for name in (first, second))
    if ours.shape != theirs.shape:
        raise ValueError(f"scores of {first} and {second} must be of one length, got {ours.shape} and {theirs.shape}.")
    return ours - theirs


def _kept(values: ArrayLike, name: str, *, at_least: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    kept = array[~np.isnan(array)]
    if len(kept) < at_least:
        raise ValueError(f"{name} must hold at least {at_least} numbers that are not NaN, got {len(kept)}.")
    return kept
