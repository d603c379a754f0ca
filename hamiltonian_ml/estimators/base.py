"""What all estimators share: parameters, the fit around the training loop, outputs in chunks, certificates.

In: tables as scikit-learn passes them. Out: a fitted object; what a label means is left to the classes above this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from tqdm.auto import tqdm

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.frames import rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators import options, persistence, records
from hamiltonian_ml.estimators.hardware import HardwareMethods
from hamiltonian_ml.estimators.parameters import HamiltonianParameters
from hamiltonian_ml.estimators.targets import Targets
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import GroundStates, solve
from hamiltonian_ml.learning.gradient_check import gradient_deviation
from hamiltonian_ml.learning.model import initial_parameters, readout
from hamiltonian_ml.learning.training import Epoch, Trained, train
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify

if TYPE_CHECKING:
    import xarray as xr
    from qiskit.quantum_info import SparsePauliOp

Array = NDArray[np.float64]
_PREDICTION_TOL = 1e-9  # residual in units of a row's largest coefficient: outputs repeat to about this
_CHUNK_AMPLITUDES = 4_000_000  # states in memory at once while predicting: 128 MB for two complex levels


class HamiltonianEstimator(HardwareMethods, BaseEstimator, HamiltonianParameters):
    """Base of the estimators; not for direct use. Subclasses say what targets mean and what comes out."""

    targets_: Targets

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the operators.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Finite features, best of unit scale.
        y : (n_rows,) or (n_rows, n_outputs) array_like
            Labels of at least two classes, of any type, for a classifier; finite values for a regressor.
        sample_weight : (n_rows,) array_like, optional
            Weights, not negative. A weight of 2 counts as two equal rows, 0 as none.

        Returns
        -------
        The fitted estimator itself.

        Raises
        ------
        ValueError
            If X or y is not finite, shapes differ, fewer than two classes are left, or a parameter is not allowed.
        """
        rows, values = self._checked(X, y, reset=True)
        weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        targets, weights = self._learn_targets(values, weights)
        self._fit(rows, values, weights, targets)
        return self

    def _checked(self, X: ArrayLike, y: Any, *, reset: bool) -> tuple[Array, NDArray[Any]]:
        """Return rows and labels or values as arrays, or raise ValueError."""
        raise NotImplementedError

    def _learn_targets(self, values: NDArray[Any], weights: Array) -> tuple[Targets, Array]:
        """Return what labels or values mean to the loss, and the weights of the rows in it."""
        raise NotImplementedError

    def _fit(self, X: Array, values: NDArray[Any], weights: Array, targets: Targets) -> None:
        """Train on checked rows and store what was learned. Rows of weight zero are as good as absent."""
        basis = options.make_basis(self.connectivity, self.n_qubits, entangling=self.entangling)
        selection = options.make_selection(self, basis)
        used = weights > 0
        settings = options.make_settings(self, int(used.sum()))
        seed = np.random.SeedSequence(check_random_state(self.random_state).randint(2**31 - 1))
        start_seed, train_seed = seed.spawn(2)
        start = initial_parameters(basis, X.shape[1], targets.n_outputs, seed=start_seed)
        with _Progress(self.verbose, settings.max_iter) as on_epoch:
            trained = train(
                start, X[used], targets.encode(values[used]), weights[used], basis=basis, selection=selection,
                loss=targets.loss, settings=settings, seed=train_seed, on_epoch=on_epoch,
            )  # fmt: skip
        self.targets_ = targets
        self._store(trained)

    def _store(self, trained: Trained) -> None:
        self.parameters_ = trained.parameters
        self.structure_ = trained.chosen.structure
        self.samples_ = trained.chosen.samples
        self.local_frames_ = trained.chosen.local_frames
        self.epochs_ = [asdict(epoch) for epoch in trained.epochs]
        self.loss_curve_ = [epoch.loss for epoch in trained.epochs]
        self.n_iter_ = len(trained.epochs)
        self.converged_ = trained.converged

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
        return Chosen(self.structure_, self.local_frames_)

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
        """The learned operators X_f, one for each feature."""
        return [self.basis_.to_operator(row) for row in self.parameters_.features]

    @property
    def label_operators_(self) -> list[SparsePauliOp]:
        """The learned operators O_k, one for each output."""
        return [self.basis_.to_operator(row) for row in self.parameters_.labels]

    def certify(self, X: ArrayLike) -> xr.Dataset:
        """Return how far the ground state behind each prediction can be trusted.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Rows to predict.

        Returns
        -------
        xarray.Dataset
            Along ``row``: energy, gap, residual, variance, correction, captured_weight and trusted, as described in
            `hamiltonian_ml.subspace.certificate.Certificate`; energies in units of the model's start field.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> bool(model.certify([[0.5]]).trusted.all())  # two qubits: the subspace is the whole space
        True
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        boundary = find_boundary(self.structure_)
        parts = [
            certify(self.structure_, states.coefficients, states.levels, boundary=boundary)
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
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        check_integer("max_dimension", max_dimension, at_least=1)
        check_integer("rounds", rounds, at_least=1)
        coefficients = np.asarray(linear_embedding(self.parameters_, rows))
        rotations = self._chosen.rotations(coefficients)
        if rotations is not None:
            coefficients = rotate(self.basis_, coefficients, rotations)
        weights = np.ones(len(rows))
        self.structure_ = refine(self.structure_, coefficients, weights, dimension=max_dimension, rounds=rounds)
        return self

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to a netCDF file of arrays and plain values; nothing is pickled.

        Parameters
        ----------
        path : path_like
            Replaced whole if it exists.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If its labels are neither numbers nor text.
        OSError
            If the file cannot be written.

        Notes
        -----
        Parameters that are no plain values, such as a sampler of your own, are left out; `load` says so.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianRegressor
        >>> from tempfile import TemporaryDirectory
        >>> model = HamiltonianRegressor(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], [1.0, 3.0])
        >>> with TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.nc")
        ...     again = HamiltonianRegressor.load(f"{folder}/model.nc")
        >>> bool((again.predict([[0.5]]) == model.predict([[0.5]])).all())
        True
        """
        persistence.save(self, path)

    @classmethod
    def load(cls, path: str | Path, **parameters: Any) -> Self:
        """Return the estimator that `save` wrote. Loading runs nothing that is in the file.

        Parameters
        ----------
        path : path_like
        **parameters
            Values for parameters that the file could not hold, or others than it holds.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is something else, damaged, of a newer version, or holds an estimator of another class.
        """
        estimator = persistence.load(path, **parameters)
        if not isinstance(estimator, cls):
            found = type(estimator).__name__
            raise ValueError(f"{path} holds a {found}; load it with {found}.load.")
        return estimator

    def _outputs(self, X: ArrayLike) -> Array:
        """Return the outputs <O_k> + c_k (n_rows, n_outputs)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        parts = [readout(self.parameters_, states.expectations) for states in self._ground_states(rows)]
        return np.concatenate([np.asarray(part) for part in parts])

    def _ground_states(self, rows: Array) -> Iterator[GroundStates]:
        """Yield the ground states of rows in chunks that fit in memory."""
        size = max(1, _CHUNK_AMPLITUDES // self.structure_.dimension)
        for start in range(0, len(rows), size):
            # Plain arithmetic on NumPy arrays: nothing to compile for each new number of rows.
            coefficients = np.asarray(linear_embedding(self.parameters_, rows[start : start + size]))
            yield solve(coefficients, self.structure_, self._chosen.rotations(coefficients), tol=_PREDICTION_TOL)

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


class _Progress:
    """A progress bar over epochs with the loss, or nothing if not verbose."""

    def __init__(self, verbose: int, total: int) -> None:
        self._bar = tqdm(total=total, desc="training", unit="epoch") if verbose else None

    def __enter__(self) -> Callable[[int, Epoch], None] | None:
        return None if self._bar is None else self._show

    def _show(self, number: int, epoch: Epoch) -> None:
        assert self._bar is not None
        self._bar.set_postfix(loss=f"{epoch.loss:.4f}", states=epoch.dimension, gap=f"{epoch.smallest_gap:.2g}")
        self._bar.update(1)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
