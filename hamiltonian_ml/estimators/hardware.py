"""Fitting with samples from a service that queues and charges: what it will take, send now, collect later.

In: an estimator with a store. Out: usage before anything is sent; a fit that stops where samples are awaited and goes
on from there, in this process or another, on this machine or another.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import _get_feature_names

from hamiltonian_ml.estimators import options
from hamiltonian_ml.estimators.head_files import SAME_OUTPUTS
from hamiltonian_ml.estimators.identity import identity_of
from hamiltonian_ml.estimators.validation import checked_rows
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import initial_parameters
from hamiltonian_ml.sampling.files import reading, write_whole
from hamiltonian_ml.sampling.jobs import SamplesPendingError
from hamiltonian_ml.sampling.store import SampleStore, as_store, npz_bytes
from hamiltonian_ml.sampling.usage import Usage

_ROWS = ("X", "columns", "y", "sample_weight")


class HardwareMethods:
    """Methods of all estimators for processors that are reached through a queue."""

    if TYPE_CHECKING:
        store: Any
        selection: Any
        max_qpu_seconds: float | None
        random_state: Any
        connectivity: Any
        n_qubits: Any
        entangling: Any
        early_stopping: Any
        validation_fraction: Any

        def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
            """Learn the operators."""

        def _rows(self, X: ArrayLike) -> NDArray[np.float64]:
            """Return checked features."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters."""

    def preview(self, X: ArrayLike, *, price_per_minute: float | None = None) -> Usage:
        """Return what a fit to some rows takes on a processor. Nothing is sent, and no network is touched.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Training rows.
        price_per_minute : float, optional
            What a minute on the processor costs you, in any currency; adds the cost.

        Returns
        -------
        Usage
            Of all rounds of sampling if training goes through all ``max_iter`` epochs; it takes less if it converges
            earlier. On a simulator, what the same would take on a processor. All zero where nothing is sampled.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(12, selection="krylov", max_iter=10, shots=100, random_state=0)
        >>> usage = model.preview([[0.0], [1.0], [2.0]])
        >>> usage.circuits, usage.executions, usage.jobs  # 3 rows, 3 powers; sampled in epochs 0 and 5 and at the end
        (27, 2700, 3)
        """
        rows = self._rows(X)
        options.check_validation(self)
        if self.early_stopping:  # any rows will do for those that are held out: only their number matters
            rows = rows[: len(rows) - math.ceil(self.validation_fraction * len(rows))]
        basis = options.make_basis(self.connectivity, self.n_qubits, entangling=self.entangling)
        selection = options.make_selection(self, basis)
        settings = options.make_settings(self, len(rows))
        usage_of_round = getattr(selection, "usage", None)
        if usage_of_round is None:
            return Usage().at_price(price_per_minute)
        # Which rows are equal, and so sampled once, shows in the Hamiltonians of any start values.
        seed = np.random.SeedSequence(0)
        coefficients = np.asarray(linear_embedding(initial_parameters(basis, rows.shape[1], 1, seed=seed), rows))
        once: Usage = usage_of_round(basis, coefficients)
        return once.times(-(-settings.max_iter // settings.refresh_every) + 1).at_price(price_per_minute)

    def submit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Begin a fit, or go on with it: train as far as there are samples, send what comes next, do not wait.

        Rows, labels and parameters are kept in the store, so that `collect` needs nothing else. Calling it again with
        the same rows sends nothing twice.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. Labels must be numbers or text.

        Returns
        -------
        The estimator itself. ``pending_jobs_`` names the jobs that are awaited; if it is empty, the fit is done.

        Raises
        ------
        ValueError
            If there is no store, or ``random_state`` is no integer, so that the fit could not be taken up again.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:  # a simulator has its samples at once; "ibm_<device>" would be awaited
        ...     model = HamiltonianClassifier(
        ...         3, selection="krylov", shots=50, max_iter=2, store=folder, random_state=0
        ...     )
        ...     model = model.submit([[0.0], [1.0]], ["a", "b"])
        >>> model.pending_jobs_, model.n_iter_
        ([], 2)
        """
        store = self._checked_store()
        weights = np.ones(0) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        names = _get_feature_names(X)
        columns = np.empty(0, dtype=str) if names is None else np.asarray(names, dtype=str)
        content = {"X": _plain("X", X), "columns": columns, "y": _plain("y", y), "sample_weight": weights}
        begun = [file for file in self._submitted(store) if _same_rows(_read(file), content)]
        if not begun:
            content["parts"] = self._parts_of_user(_table(content))
            data = npz_bytes({**content, "made_for": np.array(self._made_for())})
            digest = hashlib.sha256(b"".join(value.tobytes() for value in content.values())).hexdigest()[:20]
            write_whole(store.path / "fits" / f"{self._fit_key()}-{digest}.npz", data)
        return self._go_on(content, replace(store, mode="submit"))

    def collect(self, *, wait: bool = False) -> Self:
        """Go on with a fit that `submit` began, from another process or machine if need be.

        Training needs new samples every ``refresh_every`` epochs, for Hamiltonians that only the samples before let it
        find; so what is done is collected, training goes on, and the next jobs are sent within the budget.

        Parameters
        ----------
        wait : bool
            Whether to wait for all jobs until the fit is done.

        Returns
        -------
        The estimator itself. ``pending_jobs_`` names the jobs that are awaited; if it is empty, the fit is done.

        Raises
        ------
        ValueError
            If the store has no fit, or more than one, that was submitted with these parameters.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> from sklearn.base import clone
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:  # a simulator has its samples at once; "ibm_<device>" would be awaited
        ...     model = HamiltonianClassifier(
        ...         3, selection="krylov", shots=50, max_iter=2, store=folder, random_state=0
        ...     )
        ...     sent = model.submit([[0.0], [1.0]], ["a", "b"])
        ...     fitted = clone(model).collect()  # the same parameters are all that is needed
        >>> fitted.classes_.tolist()
        ['a', 'b']
        """
        store = self._checked_store()
        found = self._submitted(store)
        if len(found) != 1:
            raise ValueError(
                f"the store {store.folder} has {len(found)} submitted fits of {type(self).__name__} with these "
                "parameters, not one; use the parameters of the fit, fitted models among them, or call submit with its "
                "rows again."
            )
        mode = store.mode if store.mode == "replay" else "run" if wait else "submit"
        return self._go_on(_read(found[0]), replace(store, mode=mode))

    def _go_on(self, content: dict[str, NDArray[Any]], store: SampleStore) -> Self:
        """Fit from the store as far as it goes."""
        weights = content["sample_weight"] if len(content["sample_weight"]) else None
        given = self.store, self.selection
        self.store, self.selection = store, options.placed(self.selection, store=store)
        self.pending_jobs_: list[str] = []
        try:
            self.fit(_table(content), content["y"], sample_weight=weights)
        except SamplesPendingError as pending:
            self.pending_jobs_ = pending.job_ids
        finally:
            self.store, self.selection = given
        return self

    def _checked_store(self) -> SampleStore:
        store = as_store(self.store)
        if store is None:
            raise ValueError("store must be a folder to submit and collect: it keeps the jobs and their samples.")
        if isinstance(self.random_state, bool) or not isinstance(self.random_state, int | np.integer):
            raise ValueError(
                f"random_state must be an integer, so that the fit can be taken up again, got {self.random_state!r}."
            )
        check_random_state(self.random_state)
        options.with_common(self.selection, self)  # raises, before anything is kept, if there are two stores
        return store

    def _submitted(self, store: SampleStore) -> list[Path]:
        """Return the fits in a store that were submitted with these parameters."""
        files = sorted((store.path / "fits").glob(f"{self._fit_key()}-*.npz"))
        return [file for file in files if self._has_parts_of(_read(file))]

    def _has_parts_of(self, content: dict[str, NDArray[Any]]) -> bool:
        parts, own = content["parts"], self._parts_of_user(_table(content))
        return parts.shape == own.shape and np.allclose(parts, own, rtol=SAME_OUTPUTS, atol=SAME_OUTPUTS)

    def _parts_of_user(self, X: Any) -> NDArray[np.float64]:
        """Return what fitted models among the parameters make of rows, since their text does not tell them apart."""
        return np.ones(0)

    def _identity(self) -> dict[str, str]:
        """Return a text for each parameter that can change what is fitted."""
        given = self.get_params(deep=False)
        return identity_of(given | {"selection": options.placed(given["selection"], store=None, max_qpu_seconds=None)})

    def _made_for(self) -> str:
        """Return class and parameters as text."""
        return json.dumps({"class": type(self).__name__, **self._identity()}, sort_keys=True)

    def _fit_key(self) -> str:
        return hashlib.sha256(self._made_for().encode()).hexdigest()[:20]


def _plain(name: str, values: Any) -> NDArray[Any]:
    """Return an array that can be written without pickle."""
    array = np.asarray(values)
    if array.dtype == object and all(isinstance(value, str) for value in array.ravel()):
        array = array.astype(str)
    if array.dtype == object and name == "X":  # columns of several types of numbers, as a fit takes them too
        try:
            array = checked_rows(None, values, reset=False)
        except (TypeError, ValueError) as error:
            raise type(error)(f"X must hold numbers, or text alone, to be kept in the store. {error}") from error
    if array.dtype == object:
        raise ValueError(f"{name} must hold numbers or text to be kept in the store, got {array.dtype}.")
    return np.ascontiguousarray(array)


def _read(file: Path) -> dict[str, NDArray[Any]]:
    remedy = "restore it from a copy, or delete it and call submit with its rows again: no job is sent twice"
    with reading(file, remedy=remedy), np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as content:
        return {name: content[name] for name in (*_ROWS, "parts")}


def _table(content: dict[str, NDArray[Any]]) -> Any:
    """Return the rows as they were given: with their columns' names, if they had any."""
    if not len(content["columns"]):
        return content["X"]
    import pandas as pd

    return pd.DataFrame(content["X"], columns=content["columns"])


def _same_rows(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in _ROWS)
