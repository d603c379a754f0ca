"""Fitted estimators in netCDF files: no pickle, so that loading a stranger's file runs nothing that is in it.

In: an estimator. Out: a file of arrays and plain values, and an estimator again. Only the types listed here are made
from a file, each by its own constructor, which checks what it is given.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from optax import ScaleByAdamState
from sklearn.utils.validation import check_is_fitted

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.estimators.head_files import ForeignObjectError
from hamiltonian_ml.estimators.targets import ClassTargets, RealTargets, ResidualTargets
from hamiltonian_ml.learning.archive import read_archive, write_archive
from hamiltonian_ml.learning.feature_maps import Features, Mapped, Mixtures, Products, Waves, n_maps
from hamiltonian_ml.learning.model import Parameters
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.runtime import DeviceOptions
from hamiltonian_ml.sampling.store import SampleStore
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.selection.controls import NoiseSelection, RandomSelection
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.refine import RefinedSelection
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

KIND, VERSION = "model", 1

ESTIMATORS = {  # what a file may hold, and where it is
    "HamiltonianClassifier": "hamiltonian_ml.estimators.classifier",
    "HamiltonianRegressor": "hamiltonian_ml.estimators.regressor",
    "HamiltonianTransformer": "hamiltonian_ml.estimators.transformer",
    "HamiltonianHeadClassifier": "hamiltonian_ml.estimators.head",
}


def _basis(n_qubits: int, qubits: NDArray[Any], paulis: NDArray[Any]) -> PauliBasis:
    """Return a basis after looking up each of its strings among all on its graph.

    The graph is that of the qubits with strings, so that the work is bounded by what the file holds.
    """
    check_integer("n_qubits", n_qubits, at_least=1)
    used = np.unique(qubits[qubits >= 0])
    if len(used) and used[-1] >= n_qubits:
        raise ValueError(f"a Pauli string acts on qubit {used[-1]} of {n_qubits}")
    places = np.where(qubits >= 0, np.searchsorted(used, qubits), -1)
    whole = PauliBasis.from_edges(len(used), [(int(i), int(j)) for i, j in places if j >= 0])
    asked = set(map(tuple, np.hstack([places, paulis]).tolist()))
    mask = np.array([tuple(row) in asked for row in np.hstack([whole.qubits, whole.paulis]).tolist()], dtype=bool)
    basis = whole.subset(mask)
    if not (np.array_equal(basis.qubits, places) and np.array_equal(basis.paulis, paulis)):
        raise ValueError("its Pauli strings are not in the standard order")
    edges = tuple((int(used[i]), int(used[j])) for i, j in basis.edges)
    return PauliBasis(int(n_qubits), edges, qubits, paulis)


def _not_given(*arguments: Any) -> Any:
    """Stand for the function of an embedding, which a file cannot hold."""
    raise TypeError("the function of the embedding is not known")


# Every other type that a file may hold: what is stored of it, and what makes it again.
_TYPES: dict[type, tuple[tuple[str, ...], Callable[..., Any]]] = {
    PauliBasis: (("n_qubits", "qubits", "paulis"), _basis),
    Subspace: (("n_qubits", "words"), lambda n_qubits, words: Subspace.span(n_qubits, words)),
    Samples: (("words", "n_qubits", "counts"), Samples.from_words),
    SubspaceStructure: (("basis", "subspace"), restrict),
    Parameters: (Parameters._fields, Parameters),
    ScaleByAdamState: (ScaleByAdamState._fields, ScaleByAdamState),
    Mapped: (("parameters",), lambda parameters: Mapped(_not_given, parameters)),
    **{
        each: (tuple(field.name for field in fields(each)), each)
        for each in (
            ClassTargets, ResidualTargets, RealTargets, Features, Products, Waves, Mixtures, Backend, DeviceOptions,
            FullSelection, KrylovSelection, ClassicalSelection, RandomSelection, NoiseSelection, RefinedSelection,
            SampleStore,
        )
    },
}  # fmt: skip
_MAKERS = {each.__name__: maker for each, (_, maker) in _TYPES.items()}


_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _NotStorableError(ValueError):
    """A value is of a type that files cannot hold."""


def save(estimator: Any, path: str | Path) -> None:
    """Write a fitted estimator to a netCDF file; see `HamiltonianClassifier.save`."""
    check_is_fitted(estimator)
    arrays: dict[str, NDArray[Any]] = {}
    write_archive(Path(path), arrays, _encode(estimator, "model", arrays), kind=KIND, version=VERSION)


def load(path: str | Path, **parameters: Any) -> Any:
    """Return the estimator of any class that a file holds; see `HamiltonianClassifier.load`."""
    arrays, description = read_archive(Path(path), kind=KIND, version=VERSION)
    try:
        estimator = _decode(description, arrays)
        missing = estimator.missing_parameters_
        if "embedding" in missing and "embedding" in parameters:
            _insert_function(estimator, parameters["embedding"])
        _check_state(estimator)
        if "embedding" not in missing or "embedding" in parameters:
            _check_shapes(estimator)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    for name in ("embedding", *estimator._asked_back):
        if name in missing and name not in parameters:
            raise ValueError(
                f"{path} holds a model whose {name} is an object of your own ({missing[name]}), which no file can "
                f"hold; pass load(path, {name}=...)."
            )
    _complete(estimator, parameters)
    try:
        estimator._after_loading()
    except ForeignObjectError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return estimator


def _damaged(path: str | Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a model file of hamiltonian_ml, or it is damaged: {error}.")


def _encode(value: Any, place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return what JSON can hold, with arrays put aside under their place."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):  # of this machine, and no less in text
        return str(value)
    if isinstance(value, np.ndarray):
        return _encode_array(value, place, arrays)
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encode(each, f"{place}.{k}", arrays) for k, each in enumerate(value)]}
    if type(value) is dict:
        # By number: keys such as 1 and "1" would share a place, and netCDF takes a slash for a group.
        pairs = enumerate(value.items())
        return {"dict": [[_encode(k, place, arrays), _encode(v, f"{place}.{n}", arrays)] for n, (k, v) in pairs]}
    name = type(value).__name__
    if type(value) in _TYPES:
        parts = {part: getattr(value, part) for part in _TYPES[type(value)][0]}
        return {"type": name, "parts": {k: _encode(v, f"{place}.{k}", arrays) for k, v in parts.items()}}
    if name in ESTIMATORS:
        return _encode_estimator(value, place, arrays)
    raise _NotStorableError(f"{place} is of type {name}, which a file cannot hold.")


def _encode_array(value: NDArray[Any], place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if value.dtype.kind in "biufc":
        arrays[place] = value
        return {"array": place}
    if all(isinstance(each, str) for each in value.ravel()):
        return {"texts": value.tolist(), "object": value.dtype == object}
    raise _NotStorableError(f"{place} holds {value.dtype} other than text, which a file cannot hold.")


def _encode_estimator(estimator: Any, place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    parameters, missing = {}, {}
    for name, value in estimator.get_params(deep=False).items():
        try:
            parameters[name] = _encode(value, f"{place}.{name}", arrays)
        except _NotStorableError:
            missing[name] = type(value).__name__
    state = {name: _encode(value, f"{place}.{name}", arrays) for name, value in estimator._state_for_files().items()}
    return {"estimator": type(estimator).__name__, "parameters": parameters, "missing": missing, "state": state}


def _decode(stored: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if not isinstance(stored, dict):
        return stored
    if "array" in stored:
        return arrays[stored["array"]]
    if "texts" in stored:
        return np.array(stored["texts"], dtype=object if stored["object"] else str)
    if "list" in stored:
        return [_decode(each, arrays) for each in stored["list"]]
    if "tuple" in stored:
        return tuple(_decode(each, arrays) for each in stored["tuple"])
    if "dict" in stored:
        return {_decode(k, arrays): _decode(v, arrays) for k, v in stored["dict"]}
    if "type" in stored:
        return _MAKERS[stored["type"]](**{k: _decode(v, arrays) for k, v in stored["parts"].items()})
    kind = getattr(import_module(ESTIMATORS[stored["estimator"]]), stored["estimator"])
    estimator = kind(**{k: _decode(v, arrays) for k, v in stored["parameters"].items()})
    for name, value in stored["state"].items():
        if name.startswith("_") or callable(getattr(kind, name, None)):
            raise ValueError(f"it sets {name}, which is no fitted attribute")
        setattr(estimator, name, _decode(value, arrays))
    estimator.missing_parameters_ = dict(stored["missing"])
    return estimator


def _check_state(estimator: Any) -> None:
    """Raise an error of _DAMAGE unless what every fit leaves behind is there."""
    if not isinstance(estimator.local_frames_, bool) or len(estimator.history_.epoch) != estimator.n_iter_:
        raise ValueError("its training history is not whole")


def _check_shapes(estimator: Any) -> None:
    """Raise ValueError unless the operators fit the basis, and the basis the subspace."""
    parameters, structure = estimator.parameters_, estimator.structure_
    n_terms, n_outputs = structure.basis.n_terms, estimator.targets_.n_outputs
    shapes = [np.shape(parameters.bias), np.shape(parameters.features)[1:], np.shape(parameters.labels)]
    if shapes != [(n_terms,), (n_terms,), (n_outputs, n_terms)] or np.shape(parameters.intercepts) != (n_outputs,):
        raise ValueError("its operators do not fit its Pauli strings")
    maps, n_features = parameters.maps, estimator._n_embedded
    known = maps.inner if isinstance(maps, Mixtures) else maps
    rows = maps.mixing if isinstance(maps, Mixtures) else parameters.features
    too_many = not isinstance(known, Mapped) and n_features > len(
        rows
    )  # each feature has a map of its own, at the least
    if too_many or len(parameters.features) != n_maps(maps, n_features):
        raise ValueError("its operators do not fit its number of features")
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(parameters)):
        raise ValueError("its operators are not finite")


def _insert_function(estimator: Any, embedding: Any) -> None:
    """Put the function of an embedding in its place among the learned parameters."""
    function = embedding[0] if isinstance(embedding, tuple) else embedding
    maps = estimator.parameters_.maps
    if isinstance(maps, Mixtures):
        maps = replace(maps, inner=replace(maps.inner, function=function))
    else:
        maps = replace(maps, function=function)
    estimator.parameters_ = estimator.parameters_._replace(maps=maps)


def _complete(estimator: Any, parameters: dict[str, Any]) -> None:
    """Set the parameters that the file could not hold, or say that they have their defaults now."""
    missing = vars(estimator).pop("missing_parameters_")
    estimator.set_params(**parameters)
    left = {name: kind for name, kind in missing.items() if name not in parameters}
    if left:
        named = ", ".join(f"{name} ({kind})" for name, kind in left.items())
        warnings.warn(
            f"the file does not hold {named}; predictions do not need it, and a new fit takes the default. "
            f"Pass load(path, {next(iter(left))}=...) to set it.",
            UserWarning,
            stacklevel=3,
        )
