"""Statistics against definitions, published critical values and known distributions."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.study.statistics import Estimate, bootstrap_interval, compare, estimate, holm, rank


def test_a_mean_comes_with_its_standard_error():
    found = estimate([1.0, 2.0, 3.0, np.nan])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.error == pytest.approx(1 / np.sqrt(3))


def test_a_single_value_has_no_error():
    assert np.isnan(estimate([0.5]).error)
    assert str(estimate([0.5])) == "0.5"


@pytest.mark.parametrize(
    ("error", "text"),
    [(0.0123, "0.950 +- 0.012"), (0.2, "0.95 +- 0.20"), (0.0, "0.950 +- 0.000"), (1e-17, "0.950 +- 0.000")],
)
def test_an_estimate_shows_two_digits_of_its_error(error, text):
    assert str(Estimate(0.95, error, 5)) == text


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="values must hold at least 1 numbers that are not NaN, got 0"):
        estimate([np.nan])


def test_bootstrap_intervals_hold_the_mean_as_often_as_they_say(rng):
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(size=30), n_resamples=400)
        hits += low < 0 < high
    assert 0.88 <= hits / 200 <= 0.99  # .95 with a standard deviation of .015, and small samples cover a little less


def test_equal_values_have_an_interval_of_no_width():
    assert bootstrap_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_outside_the_unit_interval_is_refused(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        bootstrap_interval([1.0, 2.0], level=level)


def test_holms_correction_is_that_of_the_definition():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.005]), [0.03, 0.04, 0.04, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_pairs_are_compared_on_common_places_only(test, rng):
    base = rng.normal(size=40)
    scores = {"a": base + 1, "b": base + 0.1 * rng.normal(size=40), "c": np.where(np.arange(40) < 20, base, np.nan)}
    better, alike = compare(scores, [("a", "b"), ("b", "c")], test=test)
    assert better.difference == pytest.approx(1, abs=0.1)  # six standard errors of 0.1 / sqrt(40)
    assert better.corrected < 1e-6
    assert alike.corrected >= alike.p_value > 1e-3


def test_methods_without_a_difference_have_a_p_value_of_one():
    assert compare({"a": [1, 2, 3], "b": [1, 2, 3]}, [("a", "b")])[0].p_value == 1.0


def test_unknown_methods_and_tests_are_refused():
    with pytest.raises(ValueError, match="pairs must name methods among a; got 'b'"):
        compare({"a": [1, 2]}, [("a", "b")])
    with pytest.raises(ValueError, match="test must be 'wilcoxon' or 't', got 'z'"):
        compare({"a": [1, 2], "b": [2, 4]}, [("a", "b")], test="z")
    with pytest.raises(ValueError, match="must be of one length"):
        compare({"a": [1, 2], "b": [2, 4, 5]}, [("a", "b")])


def test_critical_differences_are_those_of_the_published_example():
    # Demsar (2006), Sec. 3.2.3: 4 classifiers on 14 data sets, q = 2.569 at .05, critical difference 1.25.
    table = np.random.default_rng(0).normal(size=(14, 4))
    # The published q has four digits.
    assert rank(table, list("abcd")).critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)


def test_ranks_share_ties_and_the_best_has_rank_one():
    found = rank([[0.9, 0.9, 0.1], [0.8, 0.7, 0.6]], ["a", "b", "c"])
    assert found.mean_ranks == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_methods_that_are_all_alike_cannot_be_told_apart():
    assert rank(np.ones((3, 3)), list("abc")).p_value == 1.0


@pytest.mark.parametrize("table", [np.ones((1, 3)), np.ones((3, 2)), np.full((3, 3), np.nan)])
def test_tables_that_cannot_be_ranked_are_refused(table):
    with pytest.raises(ValueError, match="scores must"):
        rank(table, list("abc"))
