"""The regressor: one label operator a target, squared error of the expectation values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from hamiltonian_ml.estimators.parameters import documented
from hamiltonian_ml.estimators.passes import PassByPass
from hamiltonian_ml.estimators.targets import RealTargets, dense_values
from hamiltonian_ml.estimators.validation import checked_table


@documented
@dataclass(eq=False, repr=False, kw_only=True)
class HamiltonianRegressor(RegressorMixin, PassByPass):
    """Predict real values by the ground states of learned, data-dependent Hamiltonians.

    The model is that of `HamiltonianClassifier` with one label operator a target, trained by squared error. Targets are
    brought to mean 0 and variance 1 inside, so that their units do not matter. Scale the features first, for instance
    with `sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    loss_curve_ : list of float
        Loss of every epoch: half the mean squared error summed over targets, in units of the targets' variance, with
        penalties.
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import HamiltonianRegressor
    >>> X = np.linspace(-2, 2, 40)[:, None]
    >>> model = HamiltonianRegressor(2, learning_rate=0.1, random_state=0).fit(X, 1e6 * np.sin(2 * X[:, 0]))
    >>> bool(model.score(X, 1e6 * np.sin(2 * X[:, 0])) > 0.9)
    True
    """

    def _checked(self, X: ArrayLike, y: Any, *, reset: bool) -> tuple[NDArray[np.float64], NDArray[Any]]:
        rows, values = checked_table(self, X, y, reset=reset, multi_output=True, y_numeric=True)
        return rows, dense_values(values)

    def _learn_targets(
        self, values: NDArray[Any], weights: NDArray[np.float64]
    ) -> tuple[RealTargets, NDArray[np.float64]]:
        return RealTargets.learn(values, weights), weights

    def partial_fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Take one pass over some rows, as `HamiltonianClassifier.partial_fit` does.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. Mean and scale of the targets are those of the first call's rows, which had better show how
            much the targets vary; where they are all equal, the first call with another target sets the scale.

        Returns
        -------
        self : object
            The estimator itself.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianRegressor
        >>> model = HamiltonianRegressor(2, random_state=0).partial_fit([[0.0], [1.0]], [1.0, 3.0])
        >>> model.partial_fit([[2.0]], [4.0]).n_iter_
        2
        """
        return self._take_pass(X, y, sample_weight)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the targets of rows.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows,) or (n_rows, n_outputs) float
            In the units of the targets, in the shape that they had.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianRegressor
        >>> model = HamiltonianRegressor(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], [[1.0, 10.0], [3.0, 30.0]])
        >>> model.predict([[0.5]]).shape
        (1, 2)
        """
        outputs = self._outputs(X)
        assert isinstance(self.targets_, RealTargets)
        return self.targets_.decode(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
