"""Fits that go on: passes, warm starts, early stops, checkpoints, callbacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from copy import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.display.samples import SampleDisplay
from hamiltonian_ml.estimators import callbacks
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.head import HamiltonianHeadClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer
from hamiltonian_ml.learning.moments import in_shapes
from hamiltonian_ml.selection.controls import RandomSelection
from hamiltonian_ml.selection.strategy import Selected

FIT = {"learning_rate": 0.1, "random_state": 0}


@pytest.fixture(scope="module")
def moons():
    return make_moons(60, noise=0.2, random_state=0)


def test_passes_over_rows_learn_as_a_fit_does(moons):
    X, y = moons
    model = HamiltonianClassifier(2, **FIT)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == model.history_.sizes["epoch"] == 30
    assert model.score(X, y) > 0.8
    # One optimiser goes through all passes: in the constant half of its schedule a fit does the same.
    stopped = HamiltonianClassifier(2, max_iter=60, tol=0.0, n_iter_no_change=60, **FIT).fit(X, y)
    np.testing.assert_allclose(stopped.loss_curve_[:30], model.loss_curve_, atol=1e-5)  # the solver's start vectors


def test_classes_may_be_told_before_they_come(moons):
    X, y = moons
    model = HamiltonianClassifier(2, **FIT).partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    model.partial_fit(X[y == 1], y[y == 1])
    assert model.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"y must hold labels among classes_ = \[0, 1\], got \[2\]"):
        model.partial_fit(X, np.full(len(X), 2))
    with pytest.raises(ValueError, match="early_stopping must be False for partial_fit"):
        HamiltonianClassifier(2, early_stopping=True).partial_fit(X, y)


@pytest.mark.parametrize("make", [HamiltonianClassifier, HamiltonianHeadClassifier])
def test_class_weights_count_in_every_pass(moons, make):
    """A class of weight 3 does what its rows with three times the sample weight do, told or not."""
    X, y = moons
    heavy = np.where(y == 1, 3.0, 1.0)
    fitted = {"base": LogisticRegression().fit(X, y), "features": StandardScaler().fit(X)}
    options = FIT | (fitted if make is HamiltonianHeadClassifier else {})
    by_row = make(n_qubits=2, **options)
    by_class = make(n_qubits=2, class_weight={0: 1.0, 1: 3.0}, **options)
    for classes in ([0, 1], None, [1, 0]):
        by_class.partial_fit(X, y, classes=classes)
        by_row.partial_fit(X, y, classes=classes, sample_weight=heavy)
    np.testing.assert_allclose(by_class.loss_curve_, by_row.loss_curve_, rtol=1e-12)  # round-off
    # Predictions repeat to about this.
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("balanced", 'class_weight must be a dict or None for partial_fit, .* got "balanced"'),
        ("nonsense", "class_weight.* must be .*'nonsense'"),
        ({0: -1.0, 1: 1.0}, "class_weight must hold finite weights that are not negative"),
        ({0: 0.0, 1: 0.0}, "class_weight must leave weight to some row of each pass"),
    ],
)
def test_class_weights_that_no_pass_can_use_are_refused(moons, class_weight, message):
    model = HamiltonianClassifier(2, class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(*moons, classes=[0, 1])


def test_classes_that_are_told_are_two_or_more_and_stay(moons):
    X, y = moons
    for classes in ([0], [0, 0], 0, "ab", [0.5, 1.5], [0, 1, np.nan]):
        with pytest.raises(ValueError, match="classes must"):
            HamiltonianClassifier(2).partial_fit(X, np.zeros(60), classes=classes)
    model = HamiltonianClassifier(2, **FIT).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(
        ValueError, match=r"classes must be those of the first call, \[0, 1\], or None, got \[0, 1, 2\]"
    ):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert model.partial_fit(X, y, classes=[1, 0]).n_iter_ == 2
    with pytest.raises(ValueError, match="classes must be those of the first call, None, or None"):
        HamiltonianTransformer(2).partial_fit(X).partial_fit(X, classes=[0, 1])


def test_sampled_states_stay_for_some_passes(moons):
    X, y = moons
    model = HamiltonianRegressor(4, selection="krylov", shots=4, refresh_every=3, random_state=0)
    seen = [model.partial_fit(X, y).subspace_.words.ravel().tolist() for _ in range(4)]
    assert seen[0] == seen[1] == seen[2] != seen[3]
    assert np.isfinite(model.history_.outside_variance).all()  # the penalty for the states around them stays too
    assert HamiltonianTransformer(2).partial_fit(X).partial_fit(X).n_iter_ == 2


def test_samples_stay_with_the_states_that_were_taken_from_them(moons):
    model = HamiltonianClassifier(4, selection="krylov", shots=4, random_state=0).partial_fit(*moons)
    first = model.samples_
    assert model.partial_fit(*moons).samples_ is first
    assert isinstance(SampleDisplay.from_estimator(model), SampleDisplay)


class _Noting(RandomSelection):
    """Random states, with a note of every seed."""

    needs_refresh = True

    def select(self, basis, coefficients, weights, *, seed):
        _SEEDS.append(tuple(seed.generate_state(4)))
        return super().select(basis, coefficients, weights, seed=seed)


_SEEDS: list[tuple[int, ...]] = []


def test_each_pass_draws_samples_of_its_own(moons):
    _SEEDS.clear()
    model = HamiltonianClassifier(4, selection=_Noting(5), refresh_every=1, random_state=0)
    for _ in range(3):
        model.partial_fit(*moons)
    assert len(set(_SEEDS)) == len(_SEEDS) == 6  # for the step, and for the operators after it


def test_a_warm_start_goes_on_from_the_last_fit(moons):
    X, y = moons
    model = HamiltonianClassifier(2, max_iter=10, warm_start=True, **FIT).fit(X, y)
    first = model.loss_curve_
    assert model.fit(X, y).loss_curve_[0] < min(first)
    assert model.set_params(warm_start=False).fit(X, y).loss_curve_ == pytest.approx(first, abs=1e-9)
    with pytest.raises(ValueError, match="warm_start must be False where features, targets"):
        model.set_params(warm_start=True).fit(X[:, :1], y)


def test_early_stopping_keeps_the_best_parameters_on_rows_held_out(moons):
    X, y = moons
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.3, 1 - y, y)
    options = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 200}
    models = [HamiltonianClassifier(3, n_iter_no_change=n, **options, **FIT).fit(X, noisy) for n in (3, 5)]
    short, long = (model.history_.validation_loss.values for model in models)
    assert all(model.converged_ and model.n_iter_ < 200 for model in models)
    assert np.isfinite(long).all()
    # The same run, stopped at two epochs after the best one: the parameters of neither last epoch are kept.
    np.testing.assert_array_equal(long[: len(short)], short)
    assert short.argmin() == long.argmin() < len(short) - 1 < len(long) - 1
    np.testing.assert_array_equal(models[0].parameters_.labels, models[1].parameters_.labels)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [(3, ["a", "b", "c"]), (6, ["a", "a", "b", "b", "c", "c"])],
    ids=["a row a class", "a small part"],
)
def test_classes_that_early_stopping_cannot_hold_out_are_refused_by_its_name(rows, labels):
    said = rf"early_stopping=True holds out validation_fraction=0.1 of {rows} rows and needs a row of every class in"
    with pytest.raises(ValueError, match=said):
        HamiltonianClassifier(1, early_stopping=True).fit(np.arange(rows)[:, None], labels)


def test_early_stopping_holds_out_the_classes_in_equal_shares():
    y = np.repeat([0, 1], [8, 32])
    X = y[:, None].astype(float)  # rows of a class are equal, so that shares alone tell the two losses apart
    for seed in range(8):  # by chance, one choice in three has these shares
        still = HamiltonianClassifier(
            1, max_iter=1, early_stopping=True, validation_fraction=0.25, learning_rate=1e-9, batch_size=40,
            random_state=seed, start_scale=0.5,
        ).fit(X, y)  # fmt: skip
        # 1e-6: a step moves the loss by its size times the gradient, 1e-9; one row more of a class moves it by .01
        assert still.history_.validation_loss.values[0] == pytest.approx(still.loss_curve_[0], abs=1e-6)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, "some"])
def test_a_wrong_validation_fraction_is_named(moons, fraction):
    with pytest.raises(ValueError, match="validation_fraction must be"):
        HamiltonianClassifier(early_stopping=True, validation_fraction=fraction).fit(*moons)


def test_a_fit_with_a_checkpoint_is_as_one_without(moons, tmp_path):
    X, y = moons
    plain = HamiltonianClassifier(2, max_iter=6, **FIT).fit(X, y)
    model = HamiltonianClassifier(2, max_iter=6, checkpoint=tmp_path / "fit.nc", **FIT).fit(X, y)
    np.testing.assert_array_equal(model.parameters_.labels, plain.parameters_.labels)
    with pytest.raises(ValueError, match=r"fit\.nc is of a fit with other features; delete it"):
        model.fit(X + 1, y)
    with pytest.raises(ValueError, match=r"fit\.nc is of a fit with other alpha; delete it"):
        model.set_params(alpha=0.1).fit(X, y)
    with pytest.raises(ValueError, match="checkpoint must be None, a file or a folder, got 3"):
        model.set_params(checkpoint=3).fit(X, y)


def test_a_missing_folder_of_a_checkpoint_is_named_before_any_work(moons, tmp_path):
    _SEEDS.clear()
    model = HamiltonianClassifier(2, selection=_Noting(2), checkpoint=tmp_path / "none" / "fit.nc")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none to write fit\.nc in; make it first"):
        model.fit(*moons)
    assert not _SEEDS


def test_a_search_keeps_its_fits_in_a_folder(moons, tmp_path):
    model = HamiltonianClassifier(2, max_iter=3, checkpoint=str(tmp_path), **FIT)
    GridSearchCV(model, {"alpha": [0.0, 0.1]}, cv=2).fit(*moons)
    assert len(list(tmp_path.glob("*.nc"))) == 5


class _Few:
    """The first states, without a word of how many."""

    needs_refresh = False

    def __init__(self, count):
        self.count = count

    def select(self, basis, coefficients, weights, *, seed):
        return Selected(Subspace.from_integers(range(self.count), basis.n_qubits))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("start_scale", [0.02, 1.0]),
        ("embedding", [lambda X: X**2, lambda X: 3 * X]),
        ("selection", [_Few(4), _Few(2)]),
    ],
)
def test_a_search_with_checkpoints_scores_as_one_without(moons, tmp_path, name, values):
    found, expected = (
        GridSearchCV(model, {name: values}, cv=2, refit=False).fit(*moons).cv_results_["mean_test_score"].tolist()
        for model in (HamiltonianClassifier(2, max_iter=3, checkpoint=place, **FIT) for place in (tmp_path, None))
    )
    assert found == expected
    assert len(list(tmp_path.glob("*.nc"))) == 4


def test_a_warm_start_is_not_taken_for_the_fit_before(moons, tmp_path):
    def twice(checkpoint):
        model = HamiltonianClassifier(2, max_iter=5, warm_start=True, checkpoint=checkpoint, **FIT)
        return [model.fit(*moons).loss_curve_ for _ in range(2)]

    assert twice(tmp_path) == twice(None) == twice(tmp_path)  # the last finds fits that are done
    assert len(list(tmp_path.glob("*.nc"))) == 2
    with pytest.raises(ValueError, match=r"fit\.nc is of a fit with other start values; delete it"):
        twice(tmp_path / "fit.nc")


def test_a_warm_start_from_an_earlier_version_is_the_same_fit(moons, tmp_path):
    """It kept the optimiser's moments in the shapes of the parameters."""
    model = HamiltonianClassifier(2, max_iter=5, warm_start=True, checkpoint=tmp_path, **FIT).fit(*moons)
    before = copy(model)
    before.memory_ = in_shapes(model.memory_, model.parameters_)
    assert before.fit(*moons).loss_curve_ == model.fit(*moons).loss_curve_
    assert len(list(tmp_path.glob("*.nc"))) == 2


@pytest.mark.parametrize(("random_state", "files"), [(None, 1), (0, 1), (np.random.RandomState(0), 2)])
def test_a_fit_without_a_seed_takes_that_of_its_checkpoint(moons, tmp_path, random_state, files):
    model = HamiltonianClassifier(2, max_iter=2, random_state=random_state, checkpoint=tmp_path)
    first = model.fit(*moons).loss_curve_
    assert (model.fit(*moons).loss_curve_ == first) == (files == 1)  # a generator that went on gives another seed
    assert len(list(tmp_path.glob("*.nc"))) == files


_VICTIM = """
import sys
from sklearn.datasets import make_moons
from hamiltonian_ml import HamiltonianClassifier
X, y = make_moons(60, noise=0.2, random_state=0)
model = HamiltonianClassifier(
    5, selection="krylov", shots=50, max_dimension=20, max_iter=80, tol=0.0, n_iter_no_change=1000, batch_size=16,
    learning_rate=0.05, random_state=0, checkpoint=sys.argv[1] or None,
).fit(X, y)
model.set_params(checkpoint=None).save(sys.argv[2])
"""


@pytest.mark.slow  # 20 processes are started and killed
def test_20_kills_at_random_times_change_nothing(tmp_path):
    arguments = [sys.executable, "-c", _VICTIM]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([*arguments, "", str(tmp_path / "whole.nc")], check=True, env=environment)
    checkpoint = tmp_path / "fit.nc"
    rng = np.random.default_rng(0)
    kills = 0
    while kills < 20:
        victim = subprocess.Popen([*arguments, str(checkpoint), str(tmp_path / "again.nc")], env=environment)
        known = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while victim.poll() is None and (checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0) == known:
            time.sleep(0.002)  # until it has got further than the last one
        time.sleep(rng.uniform(0, 0.05))
        if victim.poll() is not None:
            break
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        kills += 1
    if kills == 20:
        subprocess.run([*arguments, str(checkpoint), str(tmp_path / "again.nc")], check=True, env=environment)
    whole, again = (HamiltonianClassifier.load(tmp_path / f"{name}.nc") for name in ("whole", "again"))
    assert kills == 20
    for name in ("bias", "features", "labels", "intercepts"):
        np.testing.assert_array_equal(getattr(again.parameters_, name), getattr(whole.parameters_, name))
    np.testing.assert_array_equal(again.subspace_.words, whole.subspace_.words)
    assert again.loss_curve_ == whole.loss_curve_


class _Stop:
    """A callback that scores each epoch and stops after the third."""

    def __init__(self):
        self.scores, self.ended = [], 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.ended += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        if context.task_name != "epoch":
            return False
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == 3


@pytest.mark.skipif(callbacks.CallbackSupport is object, reason="scikit-learn has no callbacks before 1.9")
def test_callbacks_score_epochs_and_stop(moons):
    stop = _Stop()
    model = HamiltonianClassifier(2, max_iter=20, **FIT).set_callbacks(stop).fit(*moons)
    assert model.n_iter_ == 3
    assert stop.ended == 1
    assert stop.scores[-1] == pytest.approx(model.score(*moons), abs=0.1)
    assert np.isfinite(stop.scores).all()


@pytest.mark.skipif(callbacks.CallbackSupport is object, reason="scikit-learn has no callbacks before 1.9")
@pytest.mark.parametrize("make", [HamiltonianClassifier, HamiltonianHeadClassifier])
def test_callbacks_get_tables_and_labels_as_they_were_given(moons, make):
    table, labels = pd.DataFrame(moons[0], columns=["a", "b"]), np.array(["left", "right"])[moons[1]]
    watch = _Stop()
    model = make(n_qubits=2, max_iter=3, **FIT).set_callbacks(watch).fit(table, labels)
    assert watch.scores[-1] == pytest.approx(model.score(table, labels), abs=0.1)


@pytest.mark.skipif(callbacks.CallbackSupport is object, reason="scikit-learn has no callbacks before 1.9")
def test_scikit_learns_own_callbacks_work(moons):
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    HamiltonianClassifier(2, max_iter=4, **FIT).set_callbacks(monitor, ProgressBar()).fit(*moons)
    assert sum(row["task_name"] == "epoch" for row in monitor.get_logs().data) == 4


def test_verbose_shows_a_bar(moons, capsys):
    HamiltonianClassifier(2, max_iter=2, verbose=1, **FIT).fit(*moons)
    assert "2/2" in capsys.readouterr().err
