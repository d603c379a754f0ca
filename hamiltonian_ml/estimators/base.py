"""What all estimators share: the fit around the training loop, and outputs in chunks.

In: tables as scikit-learn passes them. Out: a fitted object; what a label means is left to the classes above this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import LARGEST_COEFFICIENT
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators import options
from hamiltonian_ml.estimators.callbacks import CallbackSupport, Watch, with_callbacks
from hamiltonian_ml.estimators.hardware import HardwareMethods
from hamiltonian_ml.estimators.identity import digest_of
from hamiltonian_ml.estimators.inspection import Inspectable
from hamiltonian_ml.estimators.parameters import HamiltonianParameters
from hamiltonian_ml.estimators.targets import Targets
from hamiltonian_ml.estimators.validation import checked_rows, checked_weights
from hamiltonian_ml.learning.checkpoint import Checkpoint, identity_of_model
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import GroundStates, solve
from hamiltonian_ml.learning.model import Parameters, initial_parameters, readout
from hamiltonian_ml.learning.moments import in_shapes
from hamiltonian_ml.learning.progress import Progress
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.step import Rows
from hamiltonian_ml.learning.training import Trained, spawned, train
from hamiltonian_ml.selection.strategy import Selection
from hamiltonian_ml.subspace.certificate import GAP_TOL

_PREDICTION_TOL = 1e-9  # residual in units of a row's largest coefficient: outputs repeat to about this
_CHUNK_AMPLITUDES = 4_000_000  # states in memory at once while predicting: 128 MB for two complex levels


class HamiltonianEstimator(CallbackSupport, HardwareMethods, Inspectable, HamiltonianParameters):
    """Base of the estimators; not for direct use. Subclasses say what targets mean and what comes out."""

    @with_callbacks  # type: ignore[untyped-decorator]
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

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> model = HamiltonianClassifier(2, max_iter=5, random_state=0)
        >>> model.fit([[0.0], [1.0], [9.0]], ["a", "b", "b"], sample_weight=[1.0, 1.0, 0.0]).n_iter_
        5
        """
        rows, values = self._checked(X, y, reset=True)
        weights = checked_weights(sample_weight, rows)
        targets, weights = self._learn_targets(values, weights)
        if self.warm_start and hasattr(self, "parameters_"):
            targets = self.targets_.widened(values, weights)
        self._fit(rows, values, weights, targets, given=(X, y))
        return self

    def _learn_targets(self, values: NDArray[Any], weights: Floats) -> tuple[Targets, Floats]:
        """Return what labels or values mean to the loss, and the weights of the rows in it."""
        raise NotImplementedError

    def _fit(
        self, X: Floats, values: NDArray[Any], weights: Floats, targets: Targets, *, given: tuple[Any, Any]
    ) -> None:
        """Train on checked rows and store what was learned. Rows of weight zero are as good as absent.

        Callbacks get rows and targets as they were given, which is how the estimator's own methods take them.
        """
        used = weights > 0
        data = (X[used], targets.encode(values[used]), weights[used])
        basis, selection, settings = self._plan(int(used.sum()))
        options.check_validation(self)
        seed = self._draw_seed()
        checkpoint = self._checkpoint(data, targets, seed)
        root = np.random.SeedSequence(seed if checkpoint is None else checkpoint.read_seed())
        start = self._start(basis, X.shape[1], targets, root)
        rows, validation = self._held_out(data, targets, spawned(root, 2))
        with Watch(self, settings.max_iter, given, lambda run: self._fitted(run, targets)) as watch:
            trained = train(
                start, *rows, basis=basis, selection=selection, loss=targets.loss, settings=settings,
                seed=spawned(root, 1), validation=validation, checkpoint=checkpoint, on_epoch=watch,
                memory=getattr(self, "memory_", None) if self.warm_start else None,
            )  # fmt: skip
        self.targets_ = targets
        self._store(trained)

    def _plan(self, n_rows: int) -> tuple[PauliBasis, Selection, Settings]:
        """Return what the checked parameters ask for."""
        basis = options.make_basis(self.connectivity, self.n_qubits, entangling=self.entangling)
        return basis, options.make_selection(self, basis), options.make_settings(self, n_rows)

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _start(self, basis: PauliBasis, n_features: int, targets: Targets, root: np.random.SeedSequence) -> Parameters:
        """Return start values: new ones, or those of the last fit."""
        seed = spawned(root, 0)
        maps = options.make_maps(self.embedding, self.rank, n_features, seed=spawned(seed, 0))
        fresh = initial_parameters(basis, n_features, targets.n_outputs, seed=seed, scale=self.start_scale, maps=maps)
        if not self.warm_start or not hasattr(self, "parameters_"):
            return fresh
        if identity_of_model(basis, fresh) != identity_of_model(self.basis_, self.parameters_):
            raise ValueError(
                "warm_start must be False where features, targets, embedding, qubits or connectivity are not those of "
                "the last fit; got True."
            )
        return self.parameters_

    def _held_out(self, data: Rows, targets: Targets, seed: np.random.SeedSequence) -> tuple[Rows, Rows | None]:
        """Return rows to train on and, for early stopping, rows to validate on."""
        if not self.early_stopping:
            return data, None
        strata = targets.strata(data[1])
        try:
            kept, held = train_test_split(
                np.arange(len(data[0])),
                test_size=self.validation_fraction,
                random_state=int(seed.generate_state(1)[0]),
                stratify=strata,
            )
        except ValueError as error:
            needed = "a row" if strata is None else "a row of every class"
            raise ValueError(
                f"early_stopping=True holds out validation_fraction={self.validation_fraction:g} of {len(data[0])} "
                f"rows and needs {needed} in both parts; take more rows, another fraction or early_stopping=False."
            ) from error
        first, second = ((data[0][part], data[1][part], data[2][part]) for part in (np.sort(kept), np.sort(held)))
        return first, second

    def _checkpoint(self, data: Rows, targets: Targets, seed: int) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if not isinstance(self.checkpoint, str | Path):
            raise ValueError(f"checkpoint must be None, a file or a folder, got {self.checkpoint!r}.")
        goes_on = self.warm_start and hasattr(self, "parameters_")
        before = jax.tree.leaves((self.parameters_, self._memory_in_shapes())) if goes_on else []
        seen = {"features": [data[0]], "targets": [data[1]], "weights": [data[2]], "start values": before}
        identity = self._identity() | {name: digest_of(arrays) for name, arrays in seen.items()}
        identity |= {"loss": targets.loss_unit}
        if self.random_state not in (None, np.random):  # one without a seed goes on with that of the file
            identity["random_state"] = str(seed)
        return Checkpoint(Path(self.checkpoint), identity, seed)

    def _memory_in_shapes(self) -> Any:
        """Return the optimiser's state as every version has had it, so that checkpoints know it."""
        return in_shapes(self.memory_, self.parameters_) if hasattr(self, "memory_") else None

    def _fitted(self, run: Progress, targets: Targets) -> dict[str, Any]:
        """Return the fitted attributes that a run between two epochs would leave behind."""
        assert run.chosen is not None
        parameters = Parameters(*run.parameters)
        return {
            "parameters_": parameters,
            "structure_": run.chosen.structure,
            "samples_": run.chosen.samples,
            "local_frames_": run.chosen.local_frames,
            "targets_": targets,
        }

    def _store(self, trained: Trained) -> None:
        self.parameters_ = trained.parameters
        self.memory_ = trained.memory
        self.structure_ = trained.chosen.structure
        self.samples_ = trained.chosen.samples
        self.local_frames_ = trained.chosen.local_frames
        self.epochs_ = [asdict(epoch) for epoch in trained.epochs]
        self.loss_curve_ = [epoch.loss for epoch in trained.epochs]
        self.n_iter_ = len(trained.epochs)
        self.converged_ = trained.converged

    def _outputs(self, X: ArrayLike) -> Floats:
        """Return the outputs <O_k> + c_k (n_rows, n_outputs)."""
        check_is_fitted(self)
        parts = [readout(self.parameters_, states.expectations) for states in self._ground_states(self._rows(X))]
        return np.concatenate([np.asarray(part) for part in parts])

    def _rows(self, X: ArrayLike) -> Floats:
        """Return the checked features (n_rows, n_features) that the operators are multiplied by."""
        return checked_rows(self, X, reset=False)

    def _ground_states(self, rows: Floats) -> Iterator[GroundStates]:
        """Yield the ground states of rows in chunks that fit in memory."""
        size = max(1, _CHUNK_AMPLITUDES // self.structure_.dimension)
        for start in range(0, len(rows), size):
            # Plain arithmetic on NumPy arrays: nothing to compile for each new number of rows.
            with np.errstate(over="ignore", invalid="ignore"):
                coefficients = np.asarray(linear_embedding(self.parameters_, rows[start : start + size]))
            if not np.abs(coefficients).max() <= LARGEST_COEFFICIENT:  # NaN is too large as well
                raise ValueError(
                    f"X has features so large that a coefficient of a Hamiltonian is beyond {LARGEST_COEFFICIENT:g}; "
                    "scale them as those of the fit were."
                )
            rotations = self._chosen.rotations(coefficients)
            yield solve(coefficients, self.structure_, rotations, tol=_PREDICTION_TOL, gap_tol=GAP_TOL)
