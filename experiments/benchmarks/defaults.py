"""What the defaults cost: a fit to 200 rows of 10 features on 6 qubits, and a prediction of 10,000 rows.

Run ``python -m experiments.benchmarks.defaults``; it takes seconds. The first fit of a process comes with what JAX and
numba compile or load; the others are medians of five. Each line gives seconds on the clock and of processor time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.preprocessing import StandardScaler

from experiments.speed.timing import Cost, cost_of, median
from hamiltonian_ml import HamiltonianClassifier, HamiltonianRegressor

N_ROWS, N_FEATURES, N_QUBITS, N_PREDICTED = 200, 10, 6, 10_000
TURNS = 5


def workload(model: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled rows and a target that suits a model."""
    if isinstance(model, HamiltonianClassifier):
        X, y = make_classification(N_ROWS, N_FEATURES, n_informative=6, random_state=seed)
    else:
        X, y = make_regression(N_ROWS, N_FEATURES, noise=10.0, random_state=seed)
    return StandardScaler().fit_transform(X), y


def costs_of(model: Any, *, turns: int = TURNS, n_predicted: int = N_PREDICTED) -> dict[str, Cost]:
    """Return the costs of a first fit, of another, and of a prediction."""
    first, fitted = cost_of(lambda: clone(model).fit(*workload(model, 0)))
    rows = np.random.default_rng(0).normal(size=(n_predicted, N_FEATURES))
    fits, predictions = [], []
    for turn in range(turns):
        X, y = workload(model, turn + 1)
        cost, fitted = cost_of(lambda X=X, y=y: clone(model).fit(X, y))
        fits.append(cost)
        predictions.append(cost_of(lambda fitted=fitted: fitted.predict(rows))[0])
    return {"first fit": first, "fit": median(fits), f"prediction of {n_predicted:,} rows": median(predictions)}


def main() -> None:
    """Print the table."""
    print(f"{N_ROWS} rows, {N_FEATURES} features, {N_QUBITS} qubits, all other parameters as they come")
    print(f"{'estimator':24}{'what':30}{'clock (s)':>10}{'processor (s)':>15}")
    for make in (HamiltonianClassifier, HamiltonianRegressor):
        for what, cost in costs_of(make(N_QUBITS, random_state=0)).items():
            print(f"{make.__name__:24}{what:30}{cost.wall:10.2f}{cost.processor:15.2f}", flush=True)


if __name__ == "__main__":
    main()
