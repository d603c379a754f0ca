"""The cache of features: what goes in comes out, and keys tell contents apart."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.estimators.feature_cache import FeatureCache, content_key, file_hash


def test_rows_come_out_as_they_went_in(tmp_path, rng):
    rows = {f"key {k}": rng.normal(size=3).astype(np.float32) for k in range(1200)}  # more than one query can ask for
    FeatureCache(tmp_path).keep(rows)
    found = FeatureCache(tmp_path).find([*rows, "unknown"])
    assert set(found) == set(rows)
    assert all((found[key] == rows[key]).all() for key in rows)


def test_the_first_row_of_a_key_stays(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.keep({"a": np.zeros(2, np.float32)})
    cache.keep({"a": np.ones(2, np.float32)})
    assert cache.find(["a"])["a"].tolist() == [0, 0]


def test_a_batch_that_fails_leaves_no_row(tmp_path):
    cache = FeatureCache(tmp_path)

    class Broken(dict):
        def items(self):
            yield "a", np.zeros(2, np.float32)
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        cache.keep(Broken())
    assert cache.find(["a"]) == {}


def test_keys_tell_where_one_part_ends():
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("ab", "c") == content_key("ab", "c")


def test_the_hash_of_files_knows_names_and_contents_but_no_order(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1")
    b.write_text("2")
    first = file_hash([a, b])
    assert file_hash([b, a]) == first
    b.write_text("3")
    assert file_hash([a, b]) != first


def test_a_file_that_is_no_cache_is_refused_and_left_alone(tmp_path):
    (tmp_path / "features.sqlite").write_text("mine " * 100)
    with pytest.raises(ValueError, match="cache must be a folder to write to"):
        FeatureCache(tmp_path)
    assert (tmp_path / "features.sqlite").read_text() == "mine " * 100
