"""The classifier as its users meet it: labels, weights, gradients, bad input."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.referee.exact import exact_ground_state
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.strategy import Selected
from hamiltonian_ml.subspace import memory

ONLY_Z = PauliBasis.chain(3).subset(PauliBasis.chain(3).paulis[:, 0] == 3)
ONLY_ZZ = PauliBasis.chain(2).subset((PauliBasis.chain(2).paulis == 3).all(axis=1))


class Fixed:
    """A strategy of one's own: the states within a few flips of the reference state, whatever the Hamiltonians."""

    def __init__(self, n_qubits=4, *, max_flips=2, needs_refresh=False, wrapped=True):
        self.n_qubits, self.max_flips, self.needs_refresh, self.wrapped = n_qubits, max_flips, needs_refresh, wrapped

    def select(self, basis, coefficients, weights, *, seed):
        subspace = Subspace.excitations(self.n_qubits, self.max_flips)
        return Selected(subspace) if self.wrapped else subspace


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(60, centers=3, n_features=4, random_state=1)
    return StandardScaler().fit_transform(X), np.array(["ash", "birch", "cedar"])[y]


@pytest.mark.parametrize("selection", ["full", "krylov"])
def test_string_labels_are_learned(blobs, selection):
    X, y = blobs
    model = HamiltonianClassifier(3, selection=selection, learning_rate=0.1, max_iter=25, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    assert model.classes_.tolist() == ["ash", "birch", "cedar"]
    assert model.predict_proba(X).shape == (60, 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert (model.classes_[model.decision_function(X).argmax(axis=1)] == model.predict(X)).all()


def test_two_classes_have_one_decision_value_of_the_right_sign():
    X, y = make_moons(40, noise=0.1, random_state=0)
    model = HamiltonianClassifier(2, max_iter=20, learning_rate=0.1, random_state=0).fit(X, y == 1)
    decision = model.decision_function(X)
    assert decision.shape == (40,)
    assert (model.predict(X) == (decision > 0)).all()
    odds = model.predict_proba(X)
    np.testing.assert_allclose(np.log(odds[:, 1] / odds[:, 0]), decision, rtol=1e-9)  # logit of the softmax


@pytest.mark.parametrize("options", [{"selection": "full"}, {"selection": "krylov", "max_dimension": 9}])
@pytest.mark.parametrize("frame", ["mean_field", "computational"])
def test_gradients_agree_with_central_differences(blobs, options, frame):
    X, y = blobs
    model = HamiltonianClassifier(4, frame=frame, max_iter=4, random_state=0, **options).fit(X, y)
    assert model.check_gradients(X[:10], y[:10]) < 1e-6  # differences are good to about 1e-8


def test_the_same_seed_gives_the_same_model_through_samples_too(blobs):
    X, y = blobs
    fits = [HamiltonianClassifier(3, selection="krylov", max_iter=6, random_state=s).fit(X, y) for s in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].decision_function(X), fits[1].decision_function(X))
    assert not np.allclose(fits[0].decision_function(X), fits[2].decision_function(X))


@pytest.mark.parametrize("embedding", ["linear", "quadratic"])
def test_rows_too_large_for_the_operators_are_named(blobs, embedding):
    X, y = blobs
    model = HamiltonianClassifier(2, embedding=embedding, max_iter=1, random_state=0).fit(X, y)
    for ask in (model.predict, model.certify, model.sensitivities):
        with pytest.raises(ValueError, match=r"X has features so large that a coefficient .* beyond 1e\+100; scale"):
            ask(1e200 * X)


def test_class_weights_shift_decisions(blobs):
    X, y = blobs
    far = X + np.random.default_rng(0).normal(size=X.shape) * 3
    fit = {"max_iter": 15, "learning_rate": 0.1, "random_state": 0}
    plain = HamiltonianClassifier(2, **fit).fit(far, y)
    heavy = HamiltonianClassifier(2, class_weight={"ash": 50.0, "birch": 1.0, "cedar": 1.0}, **fit).fit(far, y)
    assert (heavy.predict(far) == "ash").mean() > (plain.predict(far) == "ash").mean()


def test_certificates_come_one_a_row(blobs):
    X, y = blobs
    model = HamiltonianClassifier(4, selection="krylov", max_dimension=8, max_iter=5, random_state=0).fit(X, y)
    certificate = model.certify(X[:7])
    assert certificate.sizes == {"row": 7}
    assert (certificate.residual > 0).all()
    assert (certificate.captured_weight <= 1).all()
    assert certificate.energy.attrs["units"] == "start field"


def test_refining_lowers_energies_and_leaves_the_operators_alone(blobs):
    X, y = blobs
    shared = {"decision_rounds": 0, "random_state": 0}  # else rows in doubt have more states already
    model = HamiltonianClassifier(6, selection="random", max_dimension=10, max_iter=5, **shared).fit(X, y)
    before, labels = model.certify(X), model.parameters_.labels.copy()
    after = model.refine(X, max_dimension=30).certify(X)
    assert model.subspace_.dimension == 30
    assert after.energy.mean() < before.energy.mean()
    assert after.captured_weight.mean() > before.captured_weight.mean()
    np.testing.assert_array_equal(model.parameters_.labels, labels)
    with pytest.raises(ValueError, match="max_dimension must be an integer of at least 1, got 0"):
        model.refine(X, max_dimension=0)


def test_operators_and_history_are_there_after_fit(blobs):
    X, y = blobs
    model = HamiltonianClassifier(3, max_iter=5, random_state=0).fit(X, y)
    assert model.bias_operator_.num_qubits == 3
    assert len(model.feature_operators_) == 4
    assert len(model.label_operators_) == 3
    np.testing.assert_allclose(model.basis_.coefficients(model.label_operators_[1])[0], model.parameters_.labels[1])
    history = model.history_
    assert history.loss.values.tolist() == model.loss_curve_
    assert history.sizes["epoch"] == model.n_iter_ == 5
    assert history.loss.attrs["units"] == "nat"


@pytest.mark.parametrize("embedding", ["linear", "quadratic", "fourier"])
@pytest.mark.parametrize("frame", ["mean_field", "computational"])
def test_operators_and_intercepts_are_the_whole_model(blobs, embedding, frame):
    X, y = blobs
    model = HamiltonianClassifier(3, embedding=embedding, frame=frame, max_iter=3, random_state=0).fit(X, y)
    hamiltonians = model.hamiltonians(X[:3])
    assert len(hamiltonians) == 3
    for hamiltonian, logits in zip(hamiltonians, model.decision_function(X[:3]), strict=True):
        state = exact_ground_state(hamiltonian)
        expected = [state.expectation(operator) for operator in model.label_operators_] + model.intercepts_
        np.testing.assert_allclose(logits, expected, atol=1e-6)  # residual of the prediction's solver over a gap of 1


def test_without_entangling_strings_every_state_is_a_product(blobs):
    X, y = blobs
    model = HamiltonianClassifier(3, entangling=False, max_iter=3, random_state=0).fit(X, y)
    assert model.basis_.n_terms == 9
    assert not model.basis_.edges


@pytest.mark.parametrize(
    "connectivity", ["chain", "ring", "heavy_hex", [(0, 2), (1, 2)], PauliBasis.from_edges(3, [(0, 1)])]
)
def test_any_graph_may_connect_the_qubits(blobs, connectivity):
    X, y = blobs
    model = HamiltonianClassifier(3, connectivity=connectivity, max_iter=2, random_state=0).fit(X, y)
    assert model.predict(X[:2]).shape == (2,)


@pytest.mark.usefixtures("worker_processes")
def test_it_works_in_pipelines_searches_and_pickles(blobs):
    X, y = blobs
    pipe = make_pipeline(StandardScaler(), HamiltonianClassifier(2, max_iter=4, random_state=0))
    search = GridSearchCV(pipe, {"hamiltonianclassifier__learning_rate": [0.05, 0.1]}, cv=2).fit(X, y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert len(cross_val_score(clone(pipe), X, y, cv=2, n_jobs=2)) == 2


def test_names_of_features_are_kept(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_70_qubits_train_and_predict():
    X, y = make_moons(12, noise=0.1, random_state=0)
    model = HamiltonianClassifier(
        70, backend="mps", max_iter=2, shots=20, krylov_dimension=2, max_dimension=60, random_state=0
    ).fit(X, y)
    assert model.subspace_.n_words == 2
    assert model.predict(X).shape == (12,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_qubits": 0}, "n_qubits must be an integer of at least 1, got 0"),
        ({"n_qubits": 2.5}, "n_qubits must be an integer of at least 1, got 2.5"),
        ({"selection": "best"}, "selection must be one of 'auto', 'full', 'krylov', 'classical', 'random', got 'best'"),
        ({"selection": "krylov", "backend": "qpu"}, "backend"),
        ({"frame": "rest"}, "frame must be one of 'mean_field', 'computational', got 'rest'"),
        ({"connectivity": "torus"}, "connectivity must be one of 'chain', 'zigzag', 'ring', 'heavy_hex'"),
        ({"connectivity": 3}, "connectivity must be one of 'chain', 'zigzag', 'ring', 'heavy_hex', a list of pairs"),
        ({"connectivity": [(0, 9)]}, "edges must be pairs of different qubits from 0 to 5"),
        ({"shots": 0}, "shots must be an integer of at least 1, got 0"),
        ({"krylov_dimension": 1}, "krylov_dimension must be an integer of at least 2, got 1"),
        ({"selection": "krylov", "time_step": -1.0}, "time_step must be"),
        ({"selection": "krylov", "trotter_order": 3}, "trotter_order must be"),
        ({"max_dimension": 0}, "max_dimension must be an integer of at least 1 or None, got 0"),
        ({"expansion_rounds": -1}, "expansion_rounds must be an integer of at least 0, got -1"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be a finite number above 0, got 0"),
        ({"start_scale": 0}, "start_scale must be a finite number above 0, got 0"),
        ({"alpha": -1}, "alpha must be a finite number of at least 0, got -1"),
        ({"batch_size": "all"}, "batch_size must be an integer of at least 1, got 'all'; or take"),
        ({"entangling": "no"}, "entangling must be True or False, got 'no'"),
        ({"n_qubits": 30, "selection": "full"}, "n_qubits must be at most 24 for the full space"),
        ({"backend": "qpu"}, "backend must be one of"),
        ({"trotter_order": 3}, "trotter_order must be one of 1, 2, got 3"),
        ({"time_step": None}, "time_step must be .* got None"),
        ({"verbose": "loud"}, "verbose must be an integer of at least 0, got 'loud'"),
        ({"selection": KrylovSelection}, "selection must be one of .*, or an object with a method select"),
        ({"selection": None}, "selection must be one of 'auto', .* got None"),
        ({"selection": Fixed(needs_refresh=None)}, "an attribute needs_refresh that is True or False"),
        ({"selection": "krylov", "connectivity": ONLY_Z}, 'frame="mean_field" mixes the strings on a qubit'),
        ({"connectivity": ONLY_ZZ, "entangling": False}, "connectivity must have at least one string, on one qubit"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(blobs, options, message):
    """Also where the option is not used: the defaults take the full space here."""
    with pytest.raises(ValueError, match=message):
        HamiltonianClassifier(**options).fit(*blobs)


def test_what_an_own_selection_returns_is_checked(blobs):
    with pytest.raises(TypeError, match="must return a Selected, got Subspace; wrap it"):
        HamiltonianClassifier(3, selection=Fixed(wrapped=False)).fit(*blobs)
    with pytest.raises(ValueError, match="returned states of 4 qubits but the basis has 3"):
        HamiltonianClassifier(3, selection=Fixed(n_qubits=4)).fit(*blobs)


def test_a_subspace_that_does_not_fit_into_memory_is_refused(blobs, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2**20)
    with pytest.raises(MemoryError, match="1,024 basis states of 10 qubits take "):
        HamiltonianClassifier(10).fit(*blobs)


@pytest.mark.parametrize("frame", ["mean_field", "computational"])
def test_a_fixed_subspace_is_meant_in_the_frame_that_was_asked_for(blobs, frame):
    """It never needs a refresh, but it is not the whole space: frames, outside and penalty are as for any other."""
    X, y = blobs
    model = HamiltonianClassifier(4, selection=Fixed(), frame=frame, max_iter=5, random_state=0).fit(X, y)
    assert model.local_frames_ is (frame == "mean_field")
    assert model.subspace_.dimension == 11
    assert np.isfinite(model.history_.outside_variance).all()
    assert model.history_.refreshed.values.tolist() == [True, False, False, False, False]
    assert (model.certify(X).residual > 1e-6).all()
    assert model.check_gradients(X[:6], y[:6]) < 1e-6  # differences are good to about 1e-8


def test_start_values_grow_with_the_start_scale(blobs):
    X, y = blobs
    few = {"max_iter": 1, "learning_rate": 1e-9, "random_state": 0}  # too small a step to be seen
    small, large = (HamiltonianClassifier(3, start_scale=s, **few).fit(X, y).parameters_ for s in (0.02, 0.2))
    np.testing.assert_allclose(large.features, 10 * np.asarray(small.features), rtol=1e-5)  # single precision


def test_frames_follow_the_parameters_at_every_step(blobs):
    """The subspace stays and its frames turn with the Hamiltonians; frames that stay with it end at a loss of 0.13."""
    X, y = blobs
    model = HamiltonianClassifier(6, selection=Fixed(6, max_flips=1), max_iter=8, learning_rate=0.05, random_state=0)
    assert model.fit(X, y).loss_curve_[-1] < 0.04  # 0.02, with room for another processor's rounding


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_class_weights_that_are_none_are_refused(blobs, weight):
    with pytest.raises(ValueError, match="class_weight must hold finite weights that are not negative"):
        HamiltonianClassifier(2, class_weight={"ash": weight, "birch": 1.0, "cedar": 1.0}).fit(*blobs)


def test_wrong_tables_and_labels_are_named(blobs):
    X, y = blobs
    model = HamiltonianClassifier(2, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(np.where(X > 1, np.nan, X), y)
    with pytest.raises(ValueError, match="at least two classes of positive weight, got one class or none: 'ash'"):
        model.fit(X, np.full(len(X), "ash"))
    with pytest.raises(ValueError, match="at least two classes of positive weight"):
        model.fit(X, y, sample_weight=(y == "ash").astype(float))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, y, sample_weight=-np.ones(len(X)))
    model.fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but HamiltonianClassifier is expecting 4"):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match=r"y must hold labels among classes_ = .*got \['oak'\]"):
        model.check_gradients(X[:2], ["oak", "ash"])


def test_balanced_classes_count_by_their_sample_weights(blobs):
    X, y = blobs
    fit = {"class_weight": "balanced", "max_iter": 5, "random_state": 0}
    doubled = np.concatenate([X, X[y == "ash"]]), np.concatenate([y, y[y == "ash"]])
    repeated = HamiltonianClassifier(2, **fit).fit(*doubled)
    weighted = HamiltonianClassifier(2, **fit).fit(X, y, sample_weight=np.where(y == "ash", 2.0, 1.0))
    np.testing.assert_allclose(repeated.decision_function(X), weighted.decision_function(X), atol=1e-6)  # the solver's
