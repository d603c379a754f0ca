"""What a fitted estimator tells of itself: operators, history, certificates, derivatives, a picture.

In: fitted attributes. Out: labelled arrays and operators. Nothing is learned here; `refine` alone changes
anything, and only the basis states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.frames import rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators import options, records
from hamiltonian_ml.estimators.drawing import picture
from hamiltonian_ml.estimators.files import KeptInFiles
from hamiltonian_ml.estimators.targets import Targets
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import GroundStates
from hamiltonian_ml.learning.feature_maps import Mixtures
from hamiltonian_ml.learning.gradient_check import gradient_deviation
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.learning.sensitivity import output_derivatives
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.second_look import certify_closely
from hamiltonian_ml.subspace.structure import SubspaceStructure

if TYPE_CHECKING:
    import xarray as xr
    from qiskit.quantum_info import SparsePauliOp


class Inspectable(KeptInFiles, BaseEstimator):
    """Base of `HamiltonianEstimator`; not for direct use."""

    parameters_: Parameters
    structure_: SubspaceStructure
    local_frames_: bool
    epochs_: list[dict[str, Any]]
    targets_: Targets

    @property
    def basis_(self) -> PauliBasis:
        """The strings of all learned operators."""
        return self.structure_.basis

    @property
    def subspace_(self) -> Subspace:
        """The basis states in which ground states are sought."""
        return self.structure_.subspace

    @property
    def _chosen(self) -> Chosen:
        return Chosen(self.structure_, self.local_frames_, self.samples_)

    @property
    def history_(self) -> xr.Dataset:
        """Loss, gradient norm, smallest gap and subspace dimension of every epoch, labelled, with units."""
        return records.history(self.epochs_, self, loss_unit=self.targets_.loss_unit)

    @property
    def bias_operator_(self) -> SparsePauliOp:
        """The learned operator B."""
        return self.basis_.to_operator(self.parameters_.bias)

    @property
    def feature_operators_(self) -> list[SparsePauliOp]:
        """The learned operators X_m, one for each feature, or for each product or wave of an embedding."""
        maps, rows = self.parameters_.maps, self.parameters_.features
        mixed = maps.mixing @ rows if isinstance(maps, Mixtures) else rows
        return [self.basis_.to_operator(row) for row in mixed]

    @property
    def label_operators_(self) -> list[SparsePauliOp]:
        """The learned operators O_k, one for each output."""
        return [self.basis_.to_operator(row) for row in self.parameters_.labels]

    @property
    def intercepts_(self) -> Floats:
        """What is added to the expectation values of the label operators, (n_outputs,)."""
        return np.array(self.parameters_.intercepts, dtype=np.float64)

    def hamiltonians(self, X: ArrayLike) -> list[SparsePauliOp]:
        """Return the Hamiltonian of each row, whose ground state its outputs are read off.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows to look at.

        Returns
        -------
        list of SparsePauliOp
            ``B - sum_m f_m(x) X_m``, in the computational axes and in units of the model's start field. A string with
            no coefficient is there too.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> from hamiltonian_ml.referee import exact_ground_state
        >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> state = exact_ground_state(model.hamiltonians([[0.3]])[0])
        >>> logits = [state.expectation(o) + c for o, c in zip(model.label_operators_, model.intercepts_)]
        >>> bool(abs((logits[1] - logits[0]) - model.decision_function([[0.3]])[0]) < 1e-6)
        True
        """
        check_is_fitted(self)
        return [self.basis_.to_operator(row) for row in self._coefficients(self._rows(X))]

    def certify(self, X: ArrayLike) -> xr.Dataset:
        """Return how far the ground state behind each prediction can be trusted.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows to predict.

        Returns
        -------
        xarray.Dataset
            Along ``row``: energy, gap, residual, variance, correction, captured_weight, tilt, overlap and trusted, as
            described in `hamiltonian_ml.subspace.certificate.Certificate`; energies in units of the model's start
            field.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> bool(model.certify([[0.5]]).trusted.all())  # two qubits: the subspace is the whole space
        True
        """
        check_is_fitted(self)
        rows = self._rows(X)
        boundary = find_boundary(self.structure_)
        parts = [
            certify_closely(self.structure_, states.coefficients, states.levels, boundary=boundary)
            for states in self._ground_states(rows)
        ]
        return records.certificate(parts)

    def refine(self, X: ArrayLike, *, max_dimension: int, rounds: int = 2) -> Self:
        """Exchange and add basis states until they suit the ground states of some rows; the operators stay.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows whose ground states rank the basis states, for instance the training rows. No labels are looked at.
        max_dimension : int
            Basis states to end with.
        rounds : int
            Rounds of solving, ranking and exchanging.

        Returns
        -------
        The estimator itself, with a new ``subspace_``.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(4, selection="random", max_dimension=4, max_iter=2, random_state=0)
        >>> model.fit([[0.0], [1.0]], ["a", "b"]).refine([[0.0], [1.0]], max_dimension=12).subspace_.dimension
        12
        """
        check_is_fitted(self)
        rows = self._rows(X)
        check_integer("max_dimension", max_dimension, at_least=1)
        check_integer("rounds", rounds, at_least=1)
        coefficients = self._coefficients(rows)
        rotations = self._chosen.rotations(coefficients)
        if rotations is not None:
            coefficients = rotate(self.basis_, coefficients, rotations)
        weights = np.ones(len(rows))
        self.structure_ = refine(self.structure_, coefficients, weights, dimension=max_dimension, rounds=rounds)
        return self

    def check_gradients(self, X: ArrayLike, y: ArrayLike) -> float:
        """Compare the exact gradient of the loss with central differences.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
        y : (n_rows,) or (n_rows, n_outputs) array_like
            Labels among those that the model was fitted to, or values.

        Returns
        -------
        float
            Largest deviation over the parameters (200 of them where there are more), relative to the largest
            derivative. Subspace and frames are held fixed. About 1e-8 where no gap is nearly closed.

        Raises
        ------
        ValueError
            If y has a label that the model was not fitted to.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> model.check_gradients([[0.2], [0.7]], ["a", "b"]) < 1e-6
        True
        """
        check_is_fitted(self)
        rows, values = self._checked(X, y, reset=False)
        with jax.enable_x64(True):
            return gradient_deviation(
                self.parameters_,
                (rows, self.targets_.encode(values), np.ones(len(rows))),
                replace(self._chosen, boundary=find_boundary(self.structure_)),
                self.targets_.loss,
                alpha=self.alpha,
                variance_penalty=self.variance_penalty,
            )

    def sensitivities(self, X: ArrayLike) -> xr.DataArray:
        """Return how much each output changes with each feature: exact derivatives, row by row.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows to look at.

        Returns
        -------
        xarray.DataArray
            Along ``row``, ``output`` and ``feature``, in the unit of the output for a step of one in the feature: nats
            for classes, less the mean over the classes, as only differences between logits matter. Subspace and
            local frames are held fixed. Of a head: its own part of the logits, by the features that it looks at.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> X, y = [[-1.0, 0.0], [-0.8, 1.0], [0.9, 1.0], [1.0, 0.0]], ["a", "a", "b", "b"]
        >>> model = HamiltonianClassifier(2, learning_rate=0.1, random_state=0).fit(X, y)
        >>> found = model.sensitivities(X)
        >>> dict(found.sizes), bool((abs(found.sel(feature=0)) > abs(found.sel(feature=1))).all())
        ({'row': 4, 'output': 2, 'feature': 2}, True)
        """
        check_is_fitted(self)
        rows = self._rows(X)
        found = np.empty((len(rows), len(self.parameters_.labels), rows.shape[1]))
        for where, states in self._states_behind(X, rows):
            found[where] = output_derivatives(self.parameters_, rows[where], states)
        return records.sensitivities(self.targets_.changes(found), self)

    def _html_repr(self) -> str:
        """Return scikit-learn's diagram with a picture of the operators below it."""
        diagram: str = super()._html_repr()
        try:
            basis = (
                self.basis_
                if hasattr(self, "structure_")
                else options.make_basis(self.connectivity, self.n_qubits, entangling=self.entangling)
            )
        except ValueError:  # a picture is no place to complain of parameters
            return diagram
        return diagram + picture(self, basis)

    def _coefficients(self, rows: Floats) -> Floats:
        """Return the coefficients (n_rows, n_terms) of the Hamiltonians of checked rows, in the computational axes."""
        with jax.enable_x64(True):
            return np.asarray(linear_embedding(self.parameters_, rows))

    def _checked(self, X: ArrayLike, y: Any, *, reset: bool) -> tuple[Floats, NDArray[Any]]:
        """Return rows and labels or values as arrays, or raise ValueError."""
        raise NotImplementedError

    def _states_behind(self, X: ArrayLike, rows: Floats) -> Iterator[tuple[slice, GroundStates]]:
        """Yield the ground states behind predictions, and which rows they are of; of two for a row the last counts."""
        start = 0
        for states in self._ground_states(rows):
            stop = start + len(states.expectations)
            yield slice(start, stop), states
            start = stop

    def _ground_states(self, rows: Floats) -> Iterator[GroundStates]:
        """Yield the ground states of rows in chunks that fit in memory."""
        raise NotImplementedError
