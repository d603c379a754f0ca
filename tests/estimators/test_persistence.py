"""Models on disk: what comes back, and what is refused."""

from __future__ import annotations

import pickle
from copy import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from qiskit.primitives import StatevectorSampler
from sklearn.exceptions import NotFittedError

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators import persistence
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer
from hamiltonian_ml.learning.archive import read_archive, write_archive
from hamiltonian_ml.learning.vectors import as_tree
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.runtime import DeviceOptions
from hamiltonian_ml.sampling.store import SampleStore
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.selection.controls import NoiseSelection, RandomSelection
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.refine import RefinedSelection

X = np.random.default_rng(0).normal(size=(12, 3))
FIT = {"max_iter": 2, "random_state": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.nc"


@pytest.mark.parametrize("labels", [["ash", "birch"], [3, -4], [1.0, 2.0], [True, False]])
@pytest.mark.parametrize("kind", [None, object])
def test_a_classifier_comes_back_with_its_labels(path, labels, kind):
    y = np.array(labels * 6, dtype=kind)
    if kind is object and not isinstance(labels[0], str):
        y = np.array(labels * 6)
    model = HamiltonianClassifier(2, **FIT).fit(X, y)
    model.save(path)
    again = HamiltonianClassifier.load(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert again.classes_.dtype == model.classes_.dtype
    assert again.get_params() == model.get_params()
    assert again.history_.identical(model.history_)


@pytest.mark.parametrize(
    "model",
    [
        HamiltonianRegressor(3, selection="krylov", max_dimension=5, **FIT),
        HamiltonianRegressor(3, connectivity=[(0, 2)], entangling=True, **FIT),
        HamiltonianRegressor(70, selection="random", max_dimension=20, **FIT),
        HamiltonianTransformer(3, strings=["Z1", "Z0 Z1"], selection=KrylovSelection(max_dimension=4), **FIT),
    ],
)
def test_other_estimators_come_back_too(path, model):
    y = np.stack([X[:, 0], X[:, 1] ** 2], axis=1)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model.fit(frame, y).save(path)
    again = persistence.load(path)
    assert type(again) is type(model)
    assert again.feature_names_in_.tolist() == ["a", "b", "c"]
    out = "transform" if hasattr(model, "transform") else "predict"
    np.testing.assert_array_equal(getattr(again, out)(frame), getattr(model, out)(frame))
    np.testing.assert_array_equal(again.subspace_.words, model.subspace_.words)
    assert again.certify(frame).identical(model.certify(frame))


@pytest.mark.parametrize("in_trees", [False, True], ids=["as now", "as in earlier files"])
def test_a_model_goes_on_learning_after_it_comes_back(path, in_trees):
    """With the optimiser's memory of both moments: every later pass is that of the model that was saved."""
    y = X[:, 0] * X[:, 1]
    model = HamiltonianRegressor(3, selection="krylov", shots=5, refresh_every=2, learning_rate=0.1, random_state=0)
    for _ in range(3):
        model.partial_fit(X, y)
    saved = copy(model)
    if in_trees:
        moments = {name: as_tree(getattr(model.memory_, name), model.parameters_) for name in ("mu", "nu")}
        saved.memory_ = model.memory_._replace(**moments)
    saved.save(path)
    again = HamiltonianRegressor.load(path)
    for each in (model, again):
        for _ in range(3):
            each.partial_fit(X, y)
    assert again.loss_curve_ == model.loss_curve_
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_class_weights_keep_the_types_of_their_keys(path):
    y = np.arange(12) % 2
    HamiltonianClassifier(2, class_weight={0: 2.0, 1: 1.0}, **FIT).fit(X, y).save(path)
    assert HamiltonianClassifier.load(path).class_weight == {0: 2.0, 1: 1.0}


def test_what_a_file_cannot_hold_is_named_and_may_be_given(path):
    sampler = StatevectorSampler(seed=1)
    y = np.arange(12) % 2
    model = HamiltonianClassifier(2, selection="krylov", backend=sampler, **FIT).fit(X, y)
    model.save(path)
    with pytest.warns(UserWarning, match=r"the file does not hold backend \(StatevectorSampler\)"):
        again = HamiltonianClassifier.load(path)
    assert again.backend == "auto"
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert HamiltonianClassifier.load(path, backend=sampler).backend is sampler


BACKENDS = [
    "mps",
    Backend("mps", bond_dimension=32, truncation_threshold=1e-6),
    Backend("fake_fez", realisations=3, max_threads=1),
    Backend("ibm_fez", device=DeviceOptions(mode="session", dynamical_decoupling="XY4", rep_delay=1e-4)),
]
SELECTIONS = [
    FullSelection(),
    *[KrylovSelection(backend=each, shots=7, ranking="excess") for each in BACKENDS],
    KrylovSelection(store="samples", max_qpu_seconds=3.0),
    KrylovSelection(store=SampleStore("samples", mode="replay")),
    ClassicalSelection(3),
    RandomSelection(3),
    NoiseSelection(max_dimension=3),
    RefinedSelection(RandomSelection(3), dimension=4, rounds=1),
]


@pytest.mark.parametrize(
    "options", [*[{"backend": each} for each in BACKENDS], *[{"selection": each} for each in SELECTIONS]], ids=str
)
def test_where_and_how_states_are_sampled_comes_back(path, options):
    model = HamiltonianRegressor(2, **FIT).fit(X, X[:, 0]).set_params(**options)
    model.save(path)
    assert HamiltonianRegressor.load(path).get_params() == model.get_params()  # and warns of nothing that is missing


def test_paths_come_back_as_text(path):
    model = HamiltonianRegressor(2, **FIT).fit(X, X[:, 0])
    krylov = KrylovSelection(store=SampleStore(Path("in") / "it"))
    model.set_params(store=Path("samples"), checkpoint=Path("runs") / "fit.nc", selection=krylov).save(path)
    again = HamiltonianRegressor.load(path)
    assert (again.store, again.checkpoint) == ("samples", str(Path("runs") / "fit.nc"))
    assert again.selection.store.path == Path("in") / "it"


def test_a_basis_given_as_connectivity_comes_back(path):
    HamiltonianRegressor(connectivity=PauliBasis.ring(3), **FIT).fit(X, X[:, 0]).save(path)
    assert HamiltonianRegressor.load(path).connectivity.labels == PauliBasis.ring(3).labels


def test_a_basis_with_gaps_on_many_qubits_comes_back(path):
    basis = PauliBasis.from_edges(70, [(3, 69)])
    basis = basis.subset(np.isin(basis.qubits[:, 0], [3, 68]))
    model = HamiltonianRegressor(connectivity=basis, selection="random", frame="computational", max_dimension=9, **FIT)
    model.fit(X, X[:, 0]).save(path)
    again = HamiltonianRegressor.load(path)
    assert again.basis_.labels == basis.labels
    assert again.basis_.edges == ((3, 69),)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def _stretched(parameters, rows):
    return rows * parameters["a/b"] * parameters["a"]["b"]


def test_parameters_of_an_embedding_may_have_any_names(path):
    start = {"a/b": np.ones(3), "a": {"b": np.full(3, 2.0)}}
    model = HamiltonianRegressor(2, embedding=(_stretched, start), **FIT).fit(X, X[:, 0])
    model.save(path)
    again = HamiltonianRegressor.load(path, embedding=_stretched)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_an_unfitted_model_is_not_saved(path):
    with pytest.raises(NotFittedError):
        HamiltonianRegressor().save(path)
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path):
    model = HamiltonianRegressor(2, **FIT).fit(X, X[:, 0])
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none to write model\.nc in; make it first"):
        model.save(tmp_path / "none" / "model.nc")


def test_another_class_and_another_file_are_named(path, tmp_path):
    HamiltonianRegressor(2, **FIT).fit(X, X[:, 0]).save(path)
    with pytest.raises(ValueError, match=r"holds a HamiltonianRegressor; load it with HamiltonianRegressor\.load"):
        HamiltonianClassifier.load(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        HamiltonianClassifier.load(tmp_path / "none.nc")
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="is not a model file of hamiltonian_ml"):
        HamiltonianClassifier.load(tmp_path / "other.nc")


def test_a_pickle_is_not_run(tmp_path):
    trap = tmp_path / "trap.nc"
    trap.write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match="is not a model file of hamiltonian_ml, or it is damaged"):
        HamiltonianClassifier.load(trap)
    assert not (tmp_path / "sprung").exists()


class _Trap:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (type(self.target).touch, (self.target,))


def test_a_damaged_file_gives_one_line(path):
    HamiltonianRegressor(2, **FIT).fit(X, X[:, 0]).save(path)
    whole = path.read_bytes()
    for start in np.random.default_rng(0).integers(0, len(whole) - 8, 40):
        path.write_bytes(whole[:start] + b"not that" + whole[start + 8 :])
        with pytest.raises(
            ValueError, match=r"model\.nc is not a model file of hamiltonian_ml, or it is damaged"
        ) as caught:
            HamiltonianRegressor.load(path)
        assert "\n" not in str(caught.value)
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="or it is damaged"):
            HamiltonianRegressor.load(path)


def _tampered(path, change):
    arrays, description = read_archive(path, kind="model", version=1)
    change(arrays, description)
    write_archive(path, arrays, description, kind="model", version=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, d: d.update(estimator="subprocess.Popen"),
        lambda arrays, d: d["state"].update(predict="mine"),
        lambda arrays, d: d["state"].update(_repr_html_inner="mine"),
        lambda arrays, d: d["state"].pop("targets_"),
        lambda arrays, d: d["state"].pop("epochs_"),
        lambda arrays, d: d["state"].pop("local_frames_"),
        lambda arrays, d: d["state"].update(n_iter_=7),
        lambda arrays, d: d["state"].update(n_features_in_=10**12),
        lambda arrays, d: d["state"]["structure_"]["parts"]["basis"]["parts"].update(n_qubits=10**9),
        lambda arrays, d: d["parameters"].update(shutdown=True),
        lambda arrays, d: d["state"]["structure_"].update(type="eval"),
        lambda arrays, d: arrays["model.structure_.basis.qubits"].__setitem__((0, 0), 99),
        lambda arrays, d: arrays["model.structure_.subspace.words"].__setitem__((0, 0), 2**40),
        lambda arrays, d: arrays["model.parameters_.bias"].__setitem__(0, np.nan),
        lambda arrays, d: arrays.update({"model.parameters_.bias": np.zeros(3)}),
    ],
)
def test_a_file_that_was_tampered_with_makes_no_model(path, change):
    HamiltonianRegressor(2, **FIT).fit(X, X[:, 0]).save(path)
    _tampered(path, change)
    with pytest.raises(ValueError, match="is not a model file of hamiltonian_ml, or it is damaged"):
        HamiltonianRegressor.load(path)


def test_a_newer_file_asks_for_an_update(path):
    write_archive(path, {}, {}, kind="model", version=2)
    with pytest.raises(ValueError, match="is of format 2, and this hamiltonian_ml reads up to 1: update it"):
        HamiltonianRegressor.load(path)
