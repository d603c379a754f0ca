"""Saving fitted estimators to files, and loading them: the methods that all estimators share.

In: a fitted estimator, or a path. Out: a netCDF file, or an estimator again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hamiltonian_ml.estimators import persistence


class KeptInFiles:
    """Base of `Inspectable`; not for direct use."""

    _asked_back: ClassVar[tuple[str, ...]] = ()  # parameters that a loaded estimator cannot do without

    if TYPE_CHECKING:
        n_features_in_: int

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters."""

    def _state_for_files(self) -> dict[str, Any]:
        """Return the fitted attributes that make a file."""
        own = self.get_params(deep=False)
        return {name: value for name, value in vars(self).items() if name not in own and not name.startswith("_")}

    def _after_loading(self) -> None:
        """Bring what came from a file to what it was."""

    @property
    def _n_embedded(self) -> int:
        """Number of features that the embedding gets."""
        return self.n_features_in_

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
        Parameters that are no plain values, such as a sampler of your own, are left out; `load` says so. Paths come
        back as text. The base of a head, and features of your own, have to be passed to `load` again. Of a base on
        scaled rows the file holds the logits of four rows drawn around the mean, by which `load` knows it.

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

        Returns
        -------
        The fitted estimator, with the numbers that it was saved with.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is something else, damaged, of a newer version, or holds an estimator of another class; or if
            the base or features of a head are missing, or are not those that it was fitted with.

        Examples
        --------
        >>> from hamiltonian_ml import HamiltonianClassifier
        >>> from tempfile import TemporaryDirectory
        >>> model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
        >>> with TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.nc")
        ...     HamiltonianClassifier.load(f"{folder}/model.nc", max_iter=7).max_iter
        7
        """
        estimator = persistence.load(path, **parameters)
        if not isinstance(estimator, cls):
            found = type(estimator).__name__
            raise ValueError(f"{path} holds a {found}; load it with {found}.load.")
        return estimator
