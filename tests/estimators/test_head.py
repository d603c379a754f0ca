"""A head on a frozen model: what it may change, what it reports, and how scikit-learn meets it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from hamiltonian_ml.estimators.head import HamiltonianHeadClassifier

FIT = {"n_qubits": 3, "learning_rate": 0.1, "max_iter": 60, "random_state": 0}


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(80, noise=0.1, random_state=0)
    names = np.array(["left", "right"])[y]
    return X, names, LogisticRegression().fit(X, names)


@pytest.mark.parametrize("mode", ["residual", "replace"])
def test_the_base_is_never_changed_and_is_outdone(moons, mode):
    X, y, base = moons
    before = pickle.dumps(base)
    head = HamiltonianHeadClassifier(base, mode=mode, **FIT).fit(X, y)
    assert head.base_ is base
    assert pickle.dumps(base) == before
    assert head.score(X, y) > base.score(X, y) + 0.05


def test_the_default_base_gets_the_weights_where_they_are_routed_too(moons):
    X, y, _ = moons
    weights = np.where(y == "left", 3.0, 1.0)
    head = HamiltonianHeadClassifier(**{**FIT, "max_iter": 2})
    plain = clone(head).fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(clone(head).set_fit_request(sample_weight=True)).fit(X, y, sample_weight=weights)[-1]
    np.testing.assert_array_equal(routed.base_[-1].coef_, plain.base_[-1].coef_)
    np.testing.assert_array_equal(routed.parameters_.labels, plain.parameters_.labels)
    assert not np.allclose(plain.base_[-1].coef_, clone(head).fit(X, y).base_[-1].coef_)


def test_a_head_that_has_learned_nothing_answers_as_the_base(moons):
    """Without a step, operators are small: the logits are those of the base to within their size."""
    X, y, base = moons
    head = HamiltonianHeadClassifier(base, n_qubits=2, max_iter=1, learning_rate=1e-9, random_state=0).fit(X, y)
    head.parameters_ = head.parameters_._replace(labels=np.zeros_like(head.parameters_.labels))
    np.testing.assert_allclose(head.decision_function(X), base.decision_function(X), atol=1e-6)  # intercepts moved 1e-9
    np.testing.assert_allclose(head.predict_proba(X), base.predict_proba(X), atol=1e-6)  # the same


def test_the_report_counts_what_was_fixed_and_broken(moons):
    X, y, base = moons
    head = HamiltonianHeadClassifier(base, **FIT).fit(X, y)
    report = head.compare(X, y)
    was, now = base.predict(X) == y, head.predict(X) == y
    np.testing.assert_array_equal(report.fixed, now & ~was)
    np.testing.assert_array_equal(report.broken, was & ~now)
    assert float(report.head_accuracy) == pytest.approx(head.score(X, y))
    fixed, broken = int(report.fixed.sum()), int(report.broken.sum())
    assert float(report.p_value) == pytest.approx(binomtest(fixed, fixed + broken).pvalue)
    assert float(head.compare(X[now & was], y[now & was]).p_value) == 1  # nothing changed there
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        head.compare(X, y[:1])


@pytest.mark.parametrize("selection", ["full", "krylov"])
def test_gradients_through_given_logits_agree_with_central_differences(moons, selection):
    X, y, base = moons
    head = HamiltonianHeadClassifier(base, n_qubits=3, selection=selection, max_iter=3, random_state=0).fit(X, y)
    assert head.check_gradients(X[:8], y[:8]) < 1e-6  # differences are good to about 1e-8


def test_bases_with_decisions_only_and_plain_functions_will_do(moons):
    X, y, base = moons
    margin = LinearSVC().fit(X, y)
    head = HamiltonianHeadClassifier(margin, **FIT).fit(X, y)
    assert head.score(X, y) >= margin.score(X, y)
    head = HamiltonianHeadClassifier(base.predict_log_proba, **FIT).fit(X, y)
    assert head.classes_.tolist() == ["left", "right"]
    assert head.score(X, y) > base.score(X, y)


def test_features_may_be_made_from_rows_that_are_no_numbers(moons):
    """Texts go to the base and to the features as they are."""
    X, y, _ = moons
    texts = [" ".join(f"{value:.6f}" for value in row) for row in X]

    class Numbers(PCA):
        def fit(self, texts, labels=None):
            return super().fit(self._read(texts))

        def transform(self, texts):
            return super().transform(self._read(texts))

        @staticmethod
        def _read(texts):
            return np.array([text.split() for text in texts], dtype=float)

    base = DummyClassifier().fit(texts, y)
    head = HamiltonianHeadClassifier(base, features=Numbers(2).fit(texts), **FIT).fit(texts, y)
    assert head.score(texts, y) > base.score(texts, y) + 0.25  # the base knows the majority only


def test_a_frozen_base_survives_cross_validation(moons):
    X, y, base = moons
    head = HamiltonianHeadClassifier(FrozenEstimator(base), n_qubits=2, max_iter=10, learning_rate=0.1, random_state=0)
    assert cross_val_score(head, X, y, cv=2).min() > 0.8


def test_certificates_and_previews_look_at_the_features_of_the_head(moons):
    X, y, base = moons
    head = HamiltonianHeadClassifier(base, n_qubits=2, max_iter=2, random_state=0)
    assert head.preview(X).executions == 0  # all states are used: nothing is sampled
    assert bool(head.fit(X, y).certify(X).trusted.all())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "both"}, "mode must be one of 'residual', 'replace', got 'both'"),
        ({"base": 3}, "base must be a classifier, a callable that returns logits or None, got 3"),
        ({"base": PCA()}, "base must have predict_proba or decision_function, got PCA"),
        (
            {"base": lambda X: np.zeros((len(X), 5))},
            r"must return finite logits \(n_rows, 2\), got shape",
        ),
    ],
)
def test_a_wrong_option_is_named(moons, options, message):
    with pytest.raises(ValueError, match=message):
        HamiltonianHeadClassifier(**options).fit(*moons[:2])


def _in_order(base, order):
    """Return a linear model with the same answers that lists its classes in another order."""
    other = clone(base)
    other.classes_ = base.classes_[order]
    other.coef_ = -base.coef_ if len(order) == 2 else base.coef_[order]
    other.intercept_ = -base.intercept_ if len(order) == 2 else base.intercept_[order]
    return other


@pytest.mark.parametrize("order", [(1, 0), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("make", [LogisticRegression, LinearSVC])
def test_the_order_of_the_classes_of_a_base_does_not_matter(make, order):
    X, y = make_blobs(60, centers=len(order), cluster_std=4.0, random_state=0)
    base = make().fit(X, np.array(["alpha", "mid", "zeta"])[y])
    labels = base.predict(X)
    heads = [HamiltonianHeadClassifier(each, **FIT | {"max_iter": 3}).fit(X, labels)
             for each in (base, _in_order(base, list(order)))]  # fmt: skip
    np.testing.assert_array_equal(heads[1].classes_, base.classes_)
    decisions = [head.decision_function(X) for head in heads]
    np.testing.assert_allclose(*decisions, atol=1e-6)  # round-off of the base, through the solver
    assert heads[1].compare(X, labels).base_accuracy == 1


def test_classes_that_the_base_does_not_know_are_named(moons):
    X, y, base = moons
    with pytest.raises(ValueError, match=r"y must hold classes of the base model, .* got \['up'\] too"):
        HamiltonianHeadClassifier(base).fit(X, np.where(X[:, 1] > 0.5, "up", y))


@pytest.mark.parametrize("other", [["up", "down"], ["left", "up"]])
def test_a_warm_start_with_other_classes_is_refused(moons, other):
    X, y, _ = moons
    head = HamiltonianHeadClassifier(warm_start=True, **FIT | {"max_iter": 2}).fit(X, y)
    with pytest.raises(ValueError, match=r"warm_start must be False where the classes of the base, .*; got True"):
        head.fit(X, np.where(y == "left", *other))
    assert head.fit(X, y).classes_.tolist() == ["left", "right"]


def test_a_head_learns_pass_by_pass_on_a_base_that_stays(moons):
    X, y, base = moons
    before = pickle.dumps(base)
    head = HamiltonianHeadClassifier(base, **FIT)
    for start in 30 * [0, 40]:
        head.partial_fit(X[start : start + 40], y[start : start + 40])
    assert head.n_iter_ == 60
    assert head.score(X, y) > base.score(X, y)
    assert pickle.dumps(base) == before


def test_the_first_pass_may_show_one_class_if_all_are_named(moons):
    X, y, base = moons
    one = y == "left"
    head = HamiltonianHeadClassifier(base, **FIT).partial_fit(X[one], y[one], classes=["left", "right"])
    assert head.classes_.tolist() == ["left", "right"]
    assert head.partial_fit(X, y).n_iter_ == 2
    with pytest.raises(ValueError, match=r"classes must hold classes of the base model, .* got \['up'\] too"):
        HamiltonianHeadClassifier(base, **FIT).partial_fit(X, y, classes=["left", "right", "up"])


def test_a_base_to_be_fitted_is_fitted_to_the_first_pass_only(moons):
    X, y, _ = moons
    head = HamiltonianHeadClassifier(LogisticRegression(), **FIT).partial_fit(X[:40], y[:40])
    first = head.base_
    assert head.partial_fit(X[40:], y[40:]).base_ is first
    np.testing.assert_array_equal(first.coef_, LogisticRegression().fit(X[:40], y[:40]).coef_)


NAMES = ["left", "right", "up"]


def three_logits(X):
    return np.column_stack([X[:, 0], X[:, 1], -X[:, 0]])


def test_a_function_knows_all_classes_that_are_named(moons):
    X, y, _ = moons
    head = HamiltonianHeadClassifier(three_logits, n_qubits=2, max_iter=2, random_state=0)
    head.partial_fit(X, y, classes=NAMES)
    assert head.classes_.tolist() == NAMES
    assert head.predict_proba(X).shape == (len(X), 3)


def test_rows_of_a_class_that_the_default_base_has_not_seen_are_named(moons):
    X, y, _ = moons
    head = HamiltonianHeadClassifier(n_qubits=2, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"classes must hold classes of the base model.*, got \['up'\] too"):
        head.partial_fit(X, y, classes=NAMES)


def test_features_that_transform_nothing_are_refused(moons):
    X, y, base = moons
    with pytest.raises(ValueError, match="features must be a transformer or None, got 3"):
        HamiltonianHeadClassifier(base, n_qubits=2, features=3).fit(X, y)


def test_logits_that_are_no_numbers_are_refused(moons):
    X, y, _ = moons
    broken = LogisticRegression().fit(X, y)
    broken.coef_[:] = np.nan
    with pytest.raises(ValueError, match="base must return finite logits"):
        HamiltonianHeadClassifier(lambda rows: rows * np.nan, n_qubits=2, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="base must return finite logits"):
        HamiltonianHeadClassifier(FrozenEstimator(broken), n_qubits=2, max_iter=2).fit(X, y)
