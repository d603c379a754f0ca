"""Fits of tables: kinds of columns, splits and seeds, and settings that mean nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hamiltonian_ml.study.fitting import FitSettings, fit_table
from hamiltonian_ml.study.predicting import predict_table


def settings(**changes):
    return FitSettings(**{"target": "label", "options": {"n_qubits": 2, "max_iter": 3}} | changes)


@pytest.fixture
def table(rng):
    rows = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
    return rows.assign(label=(rows["a"] > 0).astype(int))


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("int64[pyarrow]", [0, 1]),
        ("double[pyarrow]", [0.0, 1.0]),
        ("bool[pyarrow]", [False, True]),
        ("decimal", [0.0, 1.0]),
        ("Int64", [0, 1]),
        ("boolean", [False, True]),
        ("string[pyarrow]", ["0", "1"]),
    ],
)
def test_columns_in_the_formats_of_arrow_and_pandas_are_learned_as_those_of_numpy(table, kind, classes, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed; the extra tables brings it")
    chosen = pd.ArrowDtype(pa.decimal128(22, 1)) if kind == "decimal" else kind
    labels = table["label"].astype(str) if kind.startswith("string") else table["label"]
    other = table.assign(label=labels.astype(chosen))
    other["b"] = other["b"].astype("double[pyarrow]")
    fitted, plain = fit_table(other, settings()), fit_table(table, settings())
    found = fitted.model.classes_.tolist()
    assert found == classes
    assert [type(each) for each in found] == [type(each) for each in classes]
    np.testing.assert_array_equal(fitted.model.loss_curve_, plain.model.loss_curve_)
    assert predict_table(fitted.model, other)[1] == predict_table(plain.model, table)[1]


def test_many_numbers_of_arrow_are_quantities(table):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed; the extra tables brings it")
    whole = table.assign(label=pd.Series(range(40), dtype="int64[pyarrow]"))
    broken = table.assign(label=(table["label"] + 0.5).astype("double[pyarrow]"))
    assert not any(hasattr(fit_table(each, settings()).model, "classes_") for each in (whole, broken))


def test_classes_have_equal_shares_on_both_sides_of_the_split():
    table = pd.DataFrame({"a": 1.0, "label": ["rare"] * 8 + ["usual"] * 32})  # nothing to learn but the shares
    options = {"n_qubits": 1, "max_iter": 20, "learning_rate": 0.1}
    for seed in range(4):  # by chance, one split in three has these shares
        fitted = fit_table(table, settings(seed=seed, test_fraction=0.25, options=options))
        assert (fitted.n_train, fitted.n_test) == (30, 10)
        assert (fitted.train_score, fitted.test_score) == (0.8, 0.8)


@pytest.mark.parametrize("value", ["a", None, np.nan, True, -0.1, [0.2]])
def test_a_test_fraction_that_is_no_number_of_at_least_zero_is_refused(value):
    with pytest.raises(ValueError, match="test_fraction must be a finite number of at least 0, got"):
        settings(test_fraction=value)


def test_a_test_fraction_of_one_is_refused():
    with pytest.raises(ValueError, match="test_fraction must be from 0 to below 1, got 1"):
        settings(test_fraction=1)


def test_the_seed_decides_the_start_of_training(table):
    first, again, other = (
        fit_table(table, settings(seed=seed, test_fraction=0)).model.loss_curve_ for seed in (1, 1, 2)
    )
    assert first == again
    assert first[0] != other[0]
