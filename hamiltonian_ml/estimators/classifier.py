"""The classifier: one label operator a class, softmax of the expectation values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.learning.losses import softmax_cross_entropy


class HamiltonianClassifier(ClassifierMixin, HamiltonianEstimator):
    """Classify rows by the ground states of learned, data-dependent Hamiltonians.

    Each row gets a Hamiltonian ``H(x) = B - sum_f x_f X_f`` of 1- and 2-local Pauli strings. Its ground state is found
    in a subspace of basis states, all of them or those that short Krylov circuits sample, and the logits are the
    expectation values of one label operator a class. All operators are learned by exact gradients. Scale the features
    first, for instance with `sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    n_qubits : int, default=6
        Number of qubits, independent of the number of features.
    connectivity : {"chain", "ring"}, list of (int, int) or PauliBasis, default="chain"
        Which pairs of qubits interact. A `PauliBasis` sets the number of qubits too.
    selection : {"auto", "full", "krylov", "classical", "random"} or Selection, default="auto"
        Which basis states are used: all of them, those sampled from Krylov circuits, or, as controls, those that a
        classical computer finds alone or that are drawn at random; or those that an object with a ``select`` method
        returns. "auto" takes all up to 10 qubits and samples beyond.
    backend : str or BaseSamplerV2, default="auto"
        Where circuits run: "statevector", "mps", "auto" (by the number of qubits) or any V2 sampler.
    frame : {"mean_field", "computational"}, default="mean_field"
        Axes in which basis states are meant: each qubit's own, in which its mean-field state is ``|0>``, or the
        computational ones. Only matters where basis states are selected.
    krylov_dimension : int, default=4
        Krylov states sampled a row, the reference state included.
    time_step : "auto" or float, default="auto"
        Time of one step, in 1/energy.
    trotter_order : {1, 2}, default=1
        Order of the product formula of a step.
    shots : int, default=1000
        Shots a circuit.
    max_dimension : int or None, default=None
        Most basis states kept, by counts; None keeps at most 4,096.
    expansion_rounds : int, default=0
        Rounds in which states of little weight are exchanged for those that the certificate misses most.
    refresh_every : int, default=5
        Epochs between new samples.
    entangling : bool, default=True
        Whether two-qubit strings are used. False is the control in which no state is entangled.
    max_iter : int, default=100
        Most epochs.
    batch_size : "auto" or int, default="auto"
        Rows a step; "auto" takes all up to 1,024 rows and 256 beyond.
    learning_rate : float, default=0.02
        Step size of Adam in the first half of the epochs; it falls to zero over the second.
    alpha : float, default=0.0
        Strength of the L2 penalty on feature and label operators.
    variance_penalty : float, default=0.1
        Strength of the penalty on the energy variance that states outside the subspace cause, whatever the energy
        unit. It keeps the operators such that the selected states hold their ground states. Without effect where all
        basis states are used.
    tol : float, default=1e-4
        Training stops when the loss has not fallen by this much in ``n_iter_no_change`` epochs.
    n_iter_no_change : int, default=10
        See ``tol``.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    random_state : int, RandomState instance or None, default=None
        Seed of start values, batches and samples. The same integer gives the same model.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : (n_classes,) ndarray
        Class labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (n_features_in_,) ndarray of str
        Names of the features, if X had names.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Loss of every epoch, in nats.
    history_ : xarray.Dataset
        Loss, gradient norm, smallest gap and subspace dimension of every epoch.
    bias_operator_, feature_operators_, label_operators_ : SparsePauliOp and lists of them
        The learned operators.
    subspace_ : Subspace
        Basis states used for prediction.

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

    def __init__(
        self,
        n_qubits: int = 6,
        *,
        connectivity: Any = "chain",
        selection: Any = "auto",
        backend: Any = "auto",
        frame: str = "mean_field",
        krylov_dimension: int = 4,
        time_step: float | str = "auto",
        trotter_order: int = 1,
        shots: int = 1000,
        max_dimension: int | None = None,
        expansion_rounds: int = 0,
        refresh_every: int = 5,
        entangling: bool = True,
        max_iter: int = 100,
        batch_size: int | str = "auto",
        learning_rate: float = 0.02,
        alpha: float = 0.0,
        variance_penalty: float = 0.1,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        class_weight: dict[Any, float] | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            n_qubits,
            connectivity=connectivity,
            selection=selection,
            backend=backend,
            frame=frame,
            krylov_dimension=krylov_dimension,
            time_step=time_step,
            trotter_order=trotter_order,
            shots=shots,
            max_dimension=max_dimension,
            expansion_rounds=expansion_rounds,
            refresh_every=refresh_every,
            entangling=entangling,
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            alpha=alpha,
            variance_penalty=variance_penalty,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> HamiltonianClassifier:
        """Learn the operators.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
            Finite features, best of unit scale.
        y : (n_rows,) array_like
            Labels of at least two classes, of any type.
        sample_weight : (n_rows,) array_like, optional
            Weights, not negative. A weight of 2 counts as two equal rows, 0 as none.

        Returns
        -------
        HamiltonianClassifier
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If X or y is not finite, shapes differ, fewer than two classes are left, or a parameter is not allowed.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        classes, indices = np.unique(labels, return_inverse=True)
        factors = compute_sample_weight(self.class_weight, labels)
        if not (np.isfinite(factors) & (factors >= 0)).all():
            raise ValueError(f"class_weight must hold finite weights that are not negative, got {self.class_weight!r}.")
        weights = weights * factors
        present = np.unique(indices[weights > 0])
        if len(present) < 2:
            named = ", ".join(repr(classes[k].item()) for k in present) or "none"
            raise ValueError(f"y must hold at least two classes of positive weight, got one class or none: {named}.")
        targets = np.eye(len(classes))[indices]
        self._fit(rows, targets, weights, softmax_cross_entropy)
        self.classes_ = classes
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logits ``<O_k> + c_k``.

        Parameters
        ----------
        X : (n_rows, n_features) array_like

        Returns
        -------
        (n_rows, n_classes) float
            In nats. With two classes (n_rows,): the logit of the second less that of the first.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability (n_rows, n_classes) of each class, in the order of ``classes_``."""
        probabilities: NDArray[np.float64] = softmax(self._outputs(X), axis=1)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class (n_rows,) of each row."""
        best = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def check_gradients(self, X: ArrayLike, y: ArrayLike) -> float:
        """Compare the exact gradient of the loss with central differences.

        Parameters
        ----------
        X : (n_rows, n_features) array_like
        y : (n_rows,) array_like
            Labels among ``classes_``.

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
        rows, labels = validate_data(self, X, y, dtype=np.float64, reset=False)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y must hold labels among classes_ = {self.classes_.tolist()}, got {unknown.tolist()}.")
        targets = np.eye(len(self.classes_))[np.searchsorted(self.classes_, labels)]
        return self._gradient_deviation(rows, targets, softmax_cross_entropy)
