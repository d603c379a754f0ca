"""The classifier: one label operator a class, softmax of the expectation values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators import records
from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.estimators.parameters import documented
from hamiltonian_ml.estimators.passes import PassByPassOfClasses
from hamiltonian_ml.estimators.targets import ClassTargets, Targets
from hamiltonian_ml.estimators.validation import check_labels, checked_table
from hamiltonian_ml.learning.decisions import Decisions, decide, solved_again
from hamiltonian_ml.learning.expectations import GroundStates
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.selection.strategy import Selection
from hamiltonian_ml.subspace.boundary import find_boundary

if TYPE_CHECKING:
    import xarray as xr


@dataclass(eq=False, repr=False, kw_only=True)
class SoftmaxClassifier(ClassifierMixin, HamiltonianEstimator):
    """Base of the classifiers; not for direct use. Outputs are logits, one a class."""

    class_weight: dict[Any, float] | str | None = None
    decision_rounds: int = 2

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels, sorted."""
        assert isinstance(self.targets_, ClassTargets)
        return self.targets_.classes

    def _learn_targets(
        self, values: NDArray[Any], weights: NDArray[np.float64]
    ) -> tuple[ClassTargets, NDArray[np.float64]]:
        labels = self._labels_of(values)
        targets = ClassTargets.learn(labels, weights)
        weighted = self._class_weighted(labels, weights, np.unique(labels[weights > 0]))
        lost = ((weights > 0) & (weighted == 0)).any()
        return ClassTargets.learn(labels, weighted) if lost else targets, weighted

    def _weights_of_pass(
        self, values: NDArray[Any], weights: NDArray[np.float64], targets: Targets
    ) -> NDArray[np.float64]:
        if self.class_weight == "balanced":
            raise ValueError(
                'class_weight must be a dict or None for partial_fit, which does not see all rows; got "balanced". '
                'Compute the weights from all labels with sklearn.utils.compute_class_weight("balanced", ...).'
            )
        assert isinstance(targets, ClassTargets)
        weighted = self._class_weighted(self._labels_of(values), weights, targets.classes)
        if not weighted.any():
            raise ValueError(f"class_weight must leave weight to some row of each pass, got {self.class_weight!r}.")
        return weighted

    def _labels_of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the labels (n_rows,) in what was checked."""
        return values

    def _class_weighted(
        self, labels: NDArray[Any], weights: NDArray[np.float64], classes: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return weights (n_rows,) times those of the classes; rows of weight zero may be of any class."""
        used = weights > 0
        factors = compute_class_weight(self.class_weight, classes=classes, y=labels[used], sample_weight=weights[used])
        if not (np.isfinite(factors) & (factors >= 0)).all():
            raise ValueError(f"class_weight must hold finite weights that are not negative, got {self.class_weight!r}.")
        weighted = weights.copy()
        weighted[used] *= factors[np.searchsorted(classes, labels[used])]
        return weighted

    def certify(self, X: ArrayLike) -> xr.Dataset:
        """Return how far the ground state behind each prediction, and the prediction itself, can be trusted.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows to predict.

        Returns
        -------
        xarray.Dataset
            Along ``row``: energy, gap, residual, variance, correction, captured_weight, tilt, overlap and trusted, as
            described in `hamiltonian_ml.subspace.certificate.Certificate`, energies in units of the model's start
            field; then ``dimension``, the basis states behind the row, ``margin`` and ``margin_error``, in nats, by how
            much the winning logit leads and what the states left out can move that lead by, and ``decided``, whether
            the first exceeds the second. ``margin_error`` is a bound to first order and much larger than most errors.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> found = model.certify([[0.5]])  # two qubits: the subspace is the whole space
        >>> bool(found.trusted.all()), bool(found.decided.all())
        (True, True)
        """
        return records.decisions(list(self._decisions(X)))

    def _decisions(self, X: ArrayLike) -> Iterator[Decisions]:
        """Yield logits and certificates in chunks of rows."""
        check_is_fitted(self)
        rows, boundary = self._rows(X), find_boundary(self.structure_)
        offsets = self._all_offsets(X, len(rows))
        for where, states in super()._states_behind(X, rows):
            yield decide(self.parameters_, states, offsets[where], boundary=boundary, rounds=self._rounds)

    def _states_behind(self, X: ArrayLike, rows: NDArray[np.float64]) -> Iterator[tuple[slice, GroundStates]]:
        if not self._rounds:
            yield from super()._states_behind(X, rows)
            return
        boundary, offsets = find_boundary(self.structure_), self._all_offsets(X, len(rows))
        for where, states in super()._states_behind(X, rows):
            yield where, states
            again = solved_again(self.parameters_, states, offsets[where], boundary=boundary, rounds=self._rounds)
            for row, own in again:
                yield slice(where.start + row, where.start + row + 1), own

    @property
    def _rounds(self) -> int:
        return 0 if self.subspace_.is_full else self.decision_rounds

    def _all_offsets(self, X: ArrayLike, n_rows: int) -> NDArray[np.float64]:
        return np.broadcast_to(self._offsets(X), (n_rows, self.targets_.n_outputs))

    def _offsets(self, X: Any) -> NDArray[np.float64] | float:
        """Return what is added to the outputs."""
        return 0.0

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        if self._rounds:
            return np.concatenate([part.outputs for part in self._decisions(X)])
        outputs: NDArray[np.float64] = super()._outputs(X) + self._offsets(X)
        return outputs

    def _plan(self, n_rows: int) -> tuple[PauliBasis, Selection, Settings]:
        check_integer("decision_rounds", self.decision_rounds, at_least=0)
        return super()._plan(n_rows)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logits ``<O_k> + c_k``.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows, n_classes) float
            In nats. With two classes (n_rows,): the logit of the second less that of the first.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> X, y = [[-1.0], [-0.8], [0.9], [1.0]], ["left", "left", "right", "right"]
        >>> model = HamiltonianClassifier(2, learning_rate=0.1, random_state=0).fit(X, y)
        >>> bool(model.decision_function([[2.0]])[0] > 0)  # more like the second class
        True
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows, n_classes) float
            From 0 to 1, each row with the sum 1, in the order of ``classes_``.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> X, y = [[-1.0], [-0.8], [0.9], [1.0]], ["left", "left", "right", "right"]
        >>> model = HamiltonianClassifier(2, learning_rate=0.1, random_state=0).fit(X, y)
        >>> bool(model.predict_proba([[2.0]])[0, 1] > 0.5)
        True
        """
        probabilities: NDArray[np.float64] = softmax(self._outputs(X), axis=1)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows,) ndarray
            Labels out of ``classes_``.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> X, y = [[-1.0], [-0.8], [0.9], [1.0]], ["left", "left", "right", "right"]
        >>> model = HamiltonianClassifier(2, learning_rate=0.1, random_state=0).fit(X, y)
        >>> model.predict([[-2.0], [2.0]]).tolist()
        ['left', 'right']
        """
        best = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels


@documented
@dataclass(eq=False, repr=False, kw_only=True)
class HamiltonianClassifier(SoftmaxClassifier, PassByPassOfClasses):
    """Classify rows by the ground states of learned, data-dependent Hamiltonians.

    Each row gets a Hamiltonian ``H(x) = B - sum_f x_f X_f`` of 1- and 2-local Pauli strings [1]_. Its ground state is
    found in a subspace of basis states, all of them or those that short Krylov circuits sample [2]_, and the logits are
    the expectation values of one label operator a class. All operators are learned by exact gradients. Scale the
    features first, for instance with `sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    {parameters}
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; "balanced" makes their summed sample weights equal, as in scikit-learn.
    decision_rounds : int, default=2
        Times that a row whose two best logits lie closer than the error of their difference is solved again, alone, in
        up to four times as many basis states, those that its certificate misses most, before it is decided. That
        takes some 50 ms for such a row at 50 qubits; 0 takes every decision in ``subspace_``. Without effect where that
        is the whole space.

    Attributes
    ----------
    classes_ : (n_classes,) ndarray
        Class labels, sorted.
    loss_curve_ : list of float
        Loss of every epoch, in nats.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from hamiltonian_ml import HamiltonianClassifier
    >>> X, y = make_moons(60, noise=0.15, random_state=0)
    >>> model = make_pipeline(StandardScaler(), HamiltonianClassifier(2, learning_rate=0.1, random_state=0))
    >>> bool(model.fit(X, y).score(X, y) > 0.9)
    True

    References
    ----------
    .. [1] "Shallow-circuit Supervised Learning on a Quantum Processor", arXiv:2601.03235.
    .. [2] Sample-based Krylov quantum diagonalisation, arXiv:2501.09702.
    """

    def _checked(self, X: ArrayLike, y: Any, *, reset: bool) -> tuple[NDArray[np.float64], NDArray[Any]]:
        rows, labels = checked_table(self, X, y, reset=reset)
        check_labels(labels)
        return rows, labels
