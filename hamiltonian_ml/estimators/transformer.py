"""The transformer: expectation values of Pauli strings in learned ground states, as features for any other model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from hamiltonian_ml.bases.checks import check_choice
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators import options
from hamiltonian_ml.estimators.parameters import documented
from hamiltonian_ml.estimators.passes import PassByPassOfClasses
from hamiltonian_ml.estimators.targets import ClassTargets, RealTargets, Targets, dense_values
from hamiltonian_ml.estimators.validation import check_labels, checked_rows, checked_table

TASKS = ("auto", "classification", "regression")


@documented
@dataclass(eq=False, repr=False, kw_only=True)
class HamiltonianTransformer(TransformerMixin, PassByPassOfClasses):
    """Turn rows into expectation values of Pauli strings in the ground states of learned Hamiltonians.

    The operators are learned as by `HamiltonianClassifier` or `HamiltonianRegressor`, so that a linear model can read
    the target off what comes out. Without a target the rows themselves are the target, as in an autoencoder: the
    expectation values are then learned such that label operators give the features back.

    Parameters
    ----------
    {parameters}
    strings : {"all", "single"} or list of str, default="all"
        Which expectation values come out: of all strings, of those on one qubit, or of those named, such as
        ``["Z3", "X0 Y1"]``, in that order.
    task : {"auto", "classification", "regression"}, default="auto"
        What a target means. "auto" takes whole numbers and words for classes, as scikit-learn does.

    Attributes
    ----------
    loss_curve_ : list of float
        Loss of every epoch.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import make_circles
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from hamiltonian_ml import HamiltonianTransformer
    >>> X, y = make_circles(60, noise=0.05, factor=0.5, random_state=0)
    >>> states = HamiltonianTransformer(2, strings=["Z0", "Z0 Z1"], learning_rate=0.1, random_state=0)
    >>> model = make_pipeline(states, LogisticRegression()).fit(X, y)
    >>> model[0].get_feature_names_out().tolist()
    ['<Z0>', '<Z0 Z1>']
    >>> model[0].transform(X).shape
    (60, 2)
    """

    strings: Any = "all"
    task: str = "auto"

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the operators from rows and, where there is one, a target.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Finite features, best of unit scale.
        y : (n_rows,) or (n_rows, n_outputs) array_like, optional
            What the operators are learned for, see ``task``; without it, the rows themselves.
        sample_weight : (n_rows,) array_like, optional
            Weights, not negative. A weight of 2 counts as two equal rows, 0 as none.

        Returns
        -------
        self : object
            The fitted transformer itself.

        Raises
        ------
        ValueError
            If X or y is not finite, shapes differ, or a parameter is not allowed.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianTransformer
        >>> states = HamiltonianTransformer(2, strings="single", max_iter=5, random_state=0)
        >>> states.fit([[0.0, 1.0], [1.0, 0.0]]).transform([[0.5, 0.5]]).shape
        (1, 6)
        """
        fitted: Self = super().fit(X, y, sample_weight)
        return fitted

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the expectation values of the chosen strings.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows, n_strings) float
            From -1 to 1, in the order of ``get_feature_names_out``.
        """
        check_is_fitted(self)
        rows = self._rows(X)
        columns = chosen_strings(self.basis_, self.strings)
        return np.concatenate([states.expectations[:, columns] for states in self._ground_states(rows)])

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names of what comes out, such as ``<Z3>``; ``input_features`` is checked and else ignored."""
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        names = self.basis_.short_labels
        return np.array([f"<{names[k]}>" for k in chosen_strings(self.basis_, self.strings)], dtype=object)

    def _checked(self, X: ArrayLike, y: Any, *, reset: bool) -> tuple[NDArray[np.float64], NDArray[Any]]:
        check_choice("task", self.task, TASKS)
        basis = options.make_basis(self.connectivity, self.n_qubits, entangling=self.entangling)
        chosen_strings(basis, self.strings)  # a name that the model lacks is refused before any work
        if y is None:
            rows = checked_rows(self, X, reset=reset)
            return rows, rows
        rows, values = checked_table(self, X, y, reset=reset, multi_output=True)
        return rows, values

    def _learn_targets(self, values: NDArray[Any], weights: NDArray[np.float64]) -> tuple[Targets, NDArray[np.float64]]:
        continuous = values.ndim == 2 or type_of_target(values).startswith("continuous")
        if self.task == "regression" or (self.task == "auto" and continuous):
            return RealTargets.learn(dense_values(values), weights), weights
        check_labels(values)
        return ClassTargets.learn(values, weights), weights

    @property
    def _n_features_out(self) -> int:
        return len(chosen_strings(self.basis_, self.strings))


def chosen_strings(basis: PauliBasis, strings: Any) -> list[int]:
    """Return the places of strings in a basis: of "all", of those on a "single" qubit, or of those named.

    Raises
    ------
    ValueError
        If a name is not that of a string of the basis, or none is given.

    Examples
    --------
    >>> from hamiltonian_ml import PauliBasis
    >>> chosen_strings(PauliBasis.chain(2), ["Z1", "Z0 Z1"])
    [5, 14]
    """
    names = {name: place for place, name in enumerate(basis.short_labels)}
    if isinstance(strings, str):
        check_choice("strings", strings, ("all", "single"))
        return [place for name, place in names.items() if strings == "all" or " " not in name]
    asked = list(strings) if isinstance(strings, list | tuple | np.ndarray) else []
    unknown = [name for name in asked if name not in names]
    if unknown or not asked:
        raise ValueError(
            f"strings must be 'all', 'single' or a list of names such as 'Z0' or 'Z0 Z1', of qubits and edges that the "
            f"model has; got {unknown[0] if unknown else strings!r}."
        )
    return [names[name] for name in asked]
