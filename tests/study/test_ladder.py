"""One model with basis states from several backends."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.study.ladder import noise_ladder

X = np.random.default_rng(5).normal(size=(12, 2))
Y = np.where(X[:, 0] > 0, "right", "left")


@pytest.fixture(scope="module")
def fitted():
    return HamiltonianClassifier(
        5, selection="krylov", shots=200, max_iter=5, learning_rate=0.1, max_dimension=12, random_state=0
    ).fit(X, Y)


def test_the_model_is_left_as_it_is(fitted):
    before = fitted.structure_, fitted.samples_, fitted.predict_proba(X)
    noise_ladder(fitted, X, Y, backends=["statevector"])
    assert fitted.structure_ is before[0]
    assert fitted.samples_ is before[1]
    np.testing.assert_array_equal(fitted.predict_proba(X), before[2])


def test_each_rung_is_what_the_model_says_in_its_subspace(fitted):
    ladder = noise_ladder(fitted, X, Y, backends=["statevector", Backend("mps"), "fake_torino"])
    assert ladder["backend"].values.tolist() == ["statevector", "mps", "fake_torino"]
    assert (ladder["dimension"] <= 12).all()
    assert ladder["score"].values[0] == pytest.approx(fitted.score(X, Y), abs=1 / 12)  # other samples: one row at most
    assert ((ladder["captured_weight"] > 0.5) & (ladder["captured_weight"] <= 1)).all()


def test_noise_makes_the_subspace_worse(fitted):
    ladder = noise_ladder(fitted, X, Y, backends=["statevector", "fake_torino"])
    missed = 1 - ladder["captured_weight"].values
    assert missed[1] > missed[0]


def test_a_model_that_does_not_sample_is_refused():
    model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="estimator must sample, with selection=\"krylov\", got selection='auto'"):
        noise_ladder(model, X, Y, backends=["mps"])


def test_an_unknown_backend_is_refused_before_any_work(fitted):
    with pytest.raises(ValueError, match="backend must be one of"):
        noise_ladder(fitted, X, Y, backends=["statevector", "fake_atlantis"])


def test_no_backend_is_refused(fitted):
    with pytest.raises(ValueError, match="backends must name at least one backend"):
        noise_ladder(fitted, X, Y, backends=[])
