"""Tables by name and their splits."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.study.datasets import Table, known_datasets, load_table, split_table


@pytest.mark.parametrize("name", known_datasets())
def test_every_table_has_finite_features_with_names_and_at_least_two_classes(name):
    table = load_table(name)
    assert table.name == name
    assert table.features.shape == (len(table.labels), len(table.feature_names))
    assert np.isfinite(table.features).all()
    assert len(set(table.labels)) >= 2


def test_labels_are_the_names_of_the_classes():
    table = load_table("breast_cancer")
    assert dict(zip(*np.unique(table.labels, return_counts=True), strict=True)) == {"benign": 357, "malignant": 212}


def test_drawn_tables_follow_the_seed():
    first, again, other = (load_table("moons", seed=seed).features for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"dataset must be one of breast_cancer, wine, .*circles; got 'mnist'\."):
        load_table("mnist")


def test_a_split_uses_every_row_once_and_keeps_the_shares_of_the_classes():
    table = load_table("wine")
    for seed in range(5):  # a split that ignores the classes may keep their shares by chance
        split = split_table(table, test_fraction=0.3, seed=seed)
        assert sorted([*split.train, *split.test]) == list(range(len(table.labels)))
        np.testing.assert_array_equal(split.test_labels, table.labels[split.test])
        for name in np.unique(table.labels):
            share = (table.labels == name).mean()
            assert (split.test_labels == name).mean() == pytest.approx(share, abs=1 / len(split.test))  # one row


def test_features_are_scaled_by_the_training_rows_alone():
    table = load_table("iris")
    split = split_table(table, test_fraction=0.3, seed=0)
    np.testing.assert_allclose(split.train_features.mean(axis=0), 0, atol=1e-12)  # round-off of a mean
    np.testing.assert_allclose(split.train_features.std(axis=0), 1, atol=1e-12)  # round-off
    rows = table.features[split.train]
    expected = (table.features[split.test] - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(split.test_features, expected, atol=1e-12)  # the same arithmetic


def test_the_seed_decides_the_split():
    table = load_table("iris")
    first, again, other = (split_table(table, test_fraction=0.3, seed=seed).test for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_that_leaves_no_rows_is_refused(fraction):
    table = Table("four", np.eye(4), np.array(["a", "a", "b", "b"]), ("p", "q", "r", "s"))
    with pytest.raises(ValueError, match="test_fraction must be between 0 and 1, got"):
        split_table(table, test_fraction=fraction, seed=0)
