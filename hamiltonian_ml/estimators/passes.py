"""Training pass by pass, on rows that come bit by bit.

In: some rows at a time. Out: an estimator that goes on from the passes before, with the optimiser's memory of them.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.estimators.targets import ClassTargets, Targets
from hamiltonian_ml.estimators.validation import checked_classes, checked_weights
from hamiltonian_ml.learning.choosing import with_boundary
from hamiltonian_ml.learning.step import Rows
from hamiltonian_ml.learning.training import Trained, spawned, train
from hamiltonian_ml.selection.strategy import NoMoreSamplesError


class PassByPass(HamiltonianEstimator):
    """Base of the estimators that can be trained pass by pass; not for direct use."""

    def _take_pass(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None, *, classes: Any = None) -> Self:
        """Take one pass over some rows, with the optimiser's memory of the passes before."""
        if self.early_stopping:
            raise ValueError("early_stopping must be False for partial_fit, which knows no rows to hold out; got True.")
        first = not hasattr(self, "parameters_")
        if first:
            self._before_first_pass(X, y, sample_weight, classes)
        rows, values = self._checked(X, y, reset=first)
        weights = checked_weights(sample_weight, rows)
        targets = self._targets_of_pass(values, weights, classes)
        encoded = targets.encode(values)
        weights = self._weights_of_pass(values, weights, targets)
        used = weights > 0
        before = [] if first else self.epochs_
        trained = self._train_pass((rows[used], encoded[used], weights[used]), targets, number=len(before))
        self.targets_ = targets
        self._store(trained)
        self.epochs_ = before + self.epochs_
        self.loss_curve_ = [epoch["loss"] for epoch in self.epochs_]
        self.n_iter_ = len(self.epochs_)
        return self

    def _train_pass(self, data: Rows, targets: Targets, *, number: int) -> Trained:
        """Train for one epoch, in new states where these are due and may still be sampled."""
        basis, selection, settings = self._plan(len(data[0]))
        root = np.random.SeedSequence(self._draw_seed())
        seed = spawned(root, 2, number)  # other samples and batches in each pass
        once = replace(settings, max_iter=1)
        epoch = partial(train, selection=selection, loss=targets.loss, settings=once, seed=seed)
        if not number:
            return epoch(self._start(basis, data[0].shape[1], targets, root), *data, basis=basis)
        kept = with_boundary(self._chosen, settings)
        go_on = partial(epoch, self.parameters_, *data, basis=self.basis_, memory=self.memory_)
        if not selection.needs_refresh or number % settings.refresh_every:
            return go_on(chosen=kept)
        try:
            return go_on()
        except NoMoreSamplesError as error:
            warnings.warn(f"this pass goes on with the samples of those before: {error}", stacklevel=4)
            return go_on(chosen=kept)

    def _before_first_pass(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None, classes: Any) -> None:
        """Make ready what the first rows decide."""

    def _targets_of_pass(self, values: NDArray[Any], weights: Floats, classes: Any) -> Targets:
        """Return what labels or values mean: as in the passes before, as told, or as these rows show."""
        if not hasattr(self, "parameters_"):
            return self._learn_targets(values, weights)[0] if classes is None else self._targets_of(classes)
        if classes is not None:
            known = getattr(self.targets_, "classes", None)
            if known is None or not np.array_equal(checked_classes(classes), known):
                raise ValueError(
                    f"classes must be those of the first call, {None if known is None else known.tolist()}, or None, "
                    f"got {classes!r}."
                )
        return self.targets_.widened(values, weights)

    def _targets_of(self, classes: Any) -> Targets:
        """Return targets of classes that are known before their rows are."""
        return ClassTargets(checked_classes(classes))

    def _weights_of_pass(self, values: NDArray[Any], weights: Floats, targets: Targets) -> Floats:
        """Return the weights of the rows in the loss."""
        return weights


class PassByPassOfClasses(PassByPass):
    """Base of those whose targets may be classes; not for direct use."""

    def partial_fit(
        self, X: ArrayLike, y: Any = None, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Take one pass over some rows, going on from the passes before.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Finite features.
        y : array_like
            Labels (n_rows,), or what else `fit` takes.
        classes : array_like, optional
            All classes that will ever come, at least two; needed in the first call if its rows do not show them all.
            In later calls the same, or None.
        sample_weight : (n_rows,) array_like, optional
            Weights, not negative.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            If the rows do not fit those of the first call, or a parameter is not allowed.

        Notes
        -----
        New states are sampled every ``refresh_every`` calls. Weights of classes are a dict here, as "balanced" ones
        need all rows.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, random_state=0)
        >>> for X, y in ([[0.0], [1.0]], ["a", "b"]), ([[0.2], [2.0]], ["a", "c"]):
        ...     model = model.partial_fit(X, y, classes=["a", "b", "c"])
        >>> len(model.loss_curve_), model.predict_proba([[0.5]]).shape
        (2, (1, 3))
        """
        return self._take_pass(X, y, sample_weight, classes=classes)
