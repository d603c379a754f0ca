"""What the outputs of a model are trained towards: classes or real values, and the loss that goes with each.

In: labels or values as the user has them. Out: arrays that the loss understands, and back again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.learning.losses import Loss, residual_cross_entropy, softmax_cross_entropy, squared_error


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """One output a class, trained as the logit of a softmax.

    Attributes
    ----------
    classes : (n_classes,)
        Labels, sorted.
    """

    classes: NDArray[Any]

    loss_unit: ClassVar[str] = "nat"

    @property
    def loss(self) -> Loss:
        """What training makes small."""
        return softmax_cross_entropy

    @classmethod
    def learn(cls, labels: NDArray[Any], weights: Floats) -> ClassTargets:
        """Return the classes of all rows, also of those of weight zero; two of positive weight there must be."""
        classes = np.unique(labels)
        present = np.unique(labels[weights > 0])
        if len(present) < 2:
            named = ", ".join(repr(each) for each in present.tolist()) or "none"
            raise ValueError(f"y must hold at least two classes of positive weight, got one class or none: {named}.")
        return cls(classes)

    @property
    def n_outputs(self) -> int:
        """Number of outputs that the model needs."""
        return len(self.classes)

    def encode(self, labels: NDArray[Any]) -> Floats:
        """Return (n_rows, n_classes) with 1 for the class of each row.

        Raises
        ------
        ValueError
            If a label is not among the classes.
        """
        unknown = np.setdiff1d(labels, self.classes)
        if len(unknown):
            raise ValueError(f"y must hold labels among classes_ = {self.classes.tolist()}, got {unknown.tolist()}.")
        return np.eye(len(self.classes))[np.searchsorted(self.classes, labels)]

    def widened(self, values: NDArray[Any], weights: Floats) -> Self:
        """Return the same: rows change nothing in what classes mean."""
        return self

    def changes(self, derivatives: Floats) -> Floats:
        """Return derivatives (n_rows, n_classes, n_features) of logits, less their mean over the classes."""
        centred: Floats = derivatives - derivatives.mean(axis=1, keepdims=True)
        return centred

    def strata(self, encoded: Floats) -> NDArray[np.intp] | None:
        """Return the class (n_rows,) of encoded rows, to be kept in equal shares where rows are held out."""
        places: NDArray[np.intp] = encoded[:, : self.n_outputs].argmax(axis=1)
        return places


@dataclass(frozen=True, eq=False)
class ResidualTargets(ClassTargets):
    """The same, added to logits that another model gives: what it got wrong is left to learn."""

    @property
    def loss(self) -> Loss:
        """What training makes small."""
        return residual_cross_entropy

    def encode(self, values: Floats) -> Floats:
        """Return (n_rows, 2 n_classes), one-hot classes and given logits, for rows of (place of the class, logits)."""
        return np.hstack([np.eye(self.n_outputs)[values[:, 0].astype(np.intp)], values[:, 1:]])


@dataclass(frozen=True, eq=False)
class RealTargets:
    """One output a target, trained by squared error on targets of mean 0 and variance 1, so that units do not matter.

    Attributes
    ----------
    mean, scale : (n_outputs,) float
        Weighted mean and standard deviation of each target, in its unit. A constant target has the scale 0: it is
        encoded as 0, and predicted as it is.
    flat : bool
        Whether targets came as (n_rows,), and predictions should go as such.
    """

    mean: Floats
    scale: Floats
    flat: bool

    loss_unit: ClassVar[str] = "variance of the targets"

    @property
    def loss(self) -> Loss:
        """What training makes small."""
        return squared_error

    @classmethod
    def learn(cls, values: Floats, weights: Floats) -> RealTargets:
        """Return mean and scale of values (n_rows,) or (n_rows, n_outputs); some weight must be positive."""
        columns = values.reshape(len(values), -1)
        unit = _unit(columns)
        shares = weights / weights.sum()
        mean = shares @ (columns / unit) * unit
        return cls(mean, _spread(columns, mean, shares), values.ndim == 1)

    @property
    def n_outputs(self) -> int:
        """Number of outputs that the model needs."""
        return len(self.mean)

    def encode(self, values: Floats) -> Floats:
        """Return standardised targets (n_rows, n_outputs).

        Raises
        ------
        ValueError
            If there are more or fewer targets than the model was fitted to.
        """
        varies = self.scale > 0
        away = self._columns(values) - self.mean
        encoded: Floats = np.where(varies, away / np.where(varies, self.scale, 1.0), 0.0)
        return encoded

    def widened(self, values: Floats, weights: Floats) -> Self:
        """Return the same, but with a scale from these rows for targets that were constant in all rows before."""
        seen = _spread(self._columns(values), self.mean, weights / weights.sum())
        return replace(self, scale=np.where(self.scale > 0, self.scale, seen))

    def changes(self, derivatives: Floats) -> Floats:
        """Return derivatives (n_rows, n_outputs, n_features) of outputs in the units of the targets."""
        scaled: Floats = derivatives * self.scale[:, None]
        return scaled

    def strata(self, encoded: Floats) -> NDArray[np.intp] | None:
        """Return None: real values fall into no classes."""
        return None

    def decode(self, outputs: Floats) -> Floats:
        """Return outputs in the units of the targets, (n_rows,) if targets came so."""
        values: Floats = outputs * self.scale + self.mean
        return values[:, 0] if self.flat else values

    def _columns(self, values: Floats) -> Floats:
        columns = values.reshape(len(values), -1)
        if columns.shape[1] != self.n_outputs:
            raise ValueError(f"y must have {self.n_outputs} targets a row, as in fit, got {columns.shape[1]}.")
        return columns


def _unit(columns: Floats) -> Floats:
    """Return (n_outputs,) units in which squares of columns neither overflow nor vanish."""
    largest = np.abs(columns).max(axis=0)
    return np.where(largest > 0, largest, 1.0)


def _spread(columns: Floats, mean: Floats, shares: Floats) -> Floats:
    """Return the root mean square distance (n_outputs,) of columns from their mean, 0 where that is only rounding."""
    unit = _unit(np.vstack([columns, mean]))
    distance = np.sqrt(shares @ (columns / unit - mean / unit) ** 2)
    return np.where(distance <= 1e-12 * np.abs(mean / unit), 0.0, distance * unit)


Targets = ClassTargets | RealTargets


def dense_values(values: Any) -> Floats:
    """Return real targets as float64, or raise ValueError where they are sparse or no numbers."""
    if issparse(values):
        raise ValueError("y must be dense, got a sparse array; use y.toarray().")
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"y must hold numbers, got {values.dtype}; use a classifier for labels.") from None
