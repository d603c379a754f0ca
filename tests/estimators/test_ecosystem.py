"""Estimators inside what scikit-learn builds around them."""

from __future__ import annotations

import pickle

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_moons
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer

FIT = {"max_iter": 15, "learning_rate": 0.1, "random_state": 0}
ESTIMATORS = (HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer)


def _scaled(parameters, X):
    return jnp.tanh(X * parameters)


@pytest.fixture(scope="module")
def moons():
    return make_moons(60, noise=0.15, random_state=0)


def test_probabilities_can_be_calibrated_and_voted_with(moons):
    X, y = moons
    calibrated = CalibratedClassifierCV(HamiltonianClassifier(2, **FIT), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.75
    voters = [("ours", HamiltonianClassifier(2, **FIT)), ("linear", LogisticRegression())]
    assert VotingClassifier(voters, voting="soft").fit(X, y).score(X, y) > 0.75


@pytest.mark.usefixtures("worker_processes")
def test_searches_run_in_two_processes_as_in_one(moons):
    X, y = moons
    search = GridSearchCV(HamiltonianRegressor(2, **FIT), {"alpha": [0.0, 0.1]}, cv=2)
    one, two = (clone(search).set_params(n_jobs=n).fit(X, y).cv_results_["mean_test_score"] for n in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-9)  # threads of the solver may add in another order


def test_weights_are_routed_through_a_pipeline(moons):
    X, y = moons
    weights = np.where(y == 1, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            HamiltonianClassifier(2, **FIT).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        routed = pipe.fit(X, y, sample_weight=weights)[-1].parameters_
        scores = cross_validate(pipe, X, y, cv=2, params={"sample_weight": weights})
    direct = HamiltonianClassifier(2, **FIT).fit(StandardScaler().fit_transform(X), y, sample_weight=weights)
    np.testing.assert_array_equal(routed.labels, direct.parameters_.labels)
    assert len(scores["test_score"]) == 2


def test_a_pipeline_hands_out_named_columns(moons):
    X, y = moons
    pipe = make_pipeline(StandardScaler(), HamiltonianTransformer(2, strings=["Z0"], **FIT))
    out = pipe.set_output(transform="pandas").fit_transform(pd.DataFrame(X, columns=["a", "b"]), y)
    assert out.columns.tolist() == pipe.get_feature_names_out().tolist() == ["<Z0>"]


@pytest.mark.parametrize("make", ESTIMATORS)
@pytest.mark.parametrize(
    "options",
    [
        {"embedding": "quadratic"},
        {"embedding": "fourier"},
        {"embedding": (_scaled, np.ones(2)), "rank": 1},
        {"connectivity": "zigzag", "n_qubits": 3},
    ],
)
def test_every_embedding_and_graph_fits_clones_pickles_and_is_saved(make, options, moons, tmp_path):
    X, y = moons
    model = clone(make(**{"n_qubits": 2, **FIT, **options})).fit(X, y)
    out = "transform" if make is HamiltonianTransformer else "predict"
    expected = getattr(model, out)(X)
    np.testing.assert_array_equal(getattr(pickle.loads(pickle.dumps(model)), out)(X), expected)
    model.save(tmp_path / "model.nc")
    told = {"embedding": options["embedding"]} if isinstance(options.get("embedding"), tuple) else {}
    np.testing.assert_array_equal(getattr(make.load(tmp_path / "model.nc", **told), out)(X), expected)
    if told:
        with pytest.raises(ValueError, match=r"whose embedding is an object of your own .* pass load"):
            make.load(tmp_path / "model.nc")
        assert not np.array_equal(model.parameters_.maps.inner.parameters, np.ones(2))  # it was learned too
    assert model.check_gradients(X[:8], y[:8]) < 1e-6  # differences are good to about 1e-8


def test_zigzag_couples_next_nearest_neighbours(moons):
    model = HamiltonianClassifier(4, connectivity="zigzag", max_iter=1).fit(*moons)
    assert model.basis_.edges == ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3))


def test_products_separate_what_a_line_cannot_at_one_qubit():
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    linear, quadratic = (
        HamiltonianClassifier(1, embedding=name, max_iter=40, learning_rate=0.1, random_state=0).fit(X, y).score(X, y)
        for name in ("linear", "quadratic")
    )
    assert linear < 0.8 < 0.95 < quadratic


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding": "cubic"}, "embedding must be one of 'linear', 'quadratic', 'fourier', got 'cubic'"),
        ({"embedding": lambda Z: np.c_[Z, Z**2]}, "embedding must use jax.numpy, not numpy"),
        ({"embedding": (lambda w, Z: Z * np.exp(w), 0.5)}, "embedding must use jax.numpy, not numpy"),
        ({"embedding": lambda Z: Z if Z[0, 0] > 0 else -Z}, "embedding must use jax.numpy, not numpy"),
        ({"embedding": 3}, "embedding must be 'linear', 'quadratic', 'fourier', a JAX function .* got 3"),
        ({"embedding": lambda Z: Z - Z.mean(axis=0)}, "embedding must map each row on its own"),
        ({"embedding": jnp.sum}, r"embedding must return finite values \(n_rows, n_maps\), got shape \(\) for 2 rows"),
        ({"rank": 0}, "rank must be an integer of at least 1, or None, got 0|rank must be an integer"),
    ],
)
def test_a_wrong_embedding_is_named(moons, options, message):
    with pytest.raises(ValueError, match=message):
        HamiltonianClassifier(2, **options).fit(*moons)


@pytest.mark.parametrize("make", ESTIMATORS)
def test_notebooks_show_the_operators(make, moons):
    unfitted = make(3)._repr_html_()
    assert "<svg" in unfitted
    assert "not fitted" in unfitted
    fitted = make(3, max_iter=1).fit(*moons)._repr_html_()
    assert "features X" in fitted
    assert "edge 1-2" in fitted
    assert "<svg" not in make(0)._repr_html_()
