"""Whatever comes in is accepted, or refused by an error that names the argument."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.head import HamiltonianHeadClassifier
from hamiltonian_ml.estimators.regressor import HamiltonianRegressor
from hamiltonian_ml.estimators.transformer import HamiltonianTransformer

NAMES = re.compile(r"\b(X|y|sample_weight|features|class_weight|labels)\b")
ROWS = 6
ESTIMATORS = (HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer, HamiltonianHeadClassifier)

values = st.sampled_from([0.0, 1.0, -2.5, 1e-300, 1e30, 1e200, np.nan, np.inf, -np.inf])
tables = st.one_of(
    st.builds(
        lambda n, f, seed: np.random.default_rng(seed).normal(size=(n, f)),
        st.integers(0, ROWS), st.integers(0, 3), st.integers(0, 9),
    ),
    st.builds(lambda column: np.tile(np.asarray(column)[:, None], (1, 2)), st.lists(values, min_size=1, max_size=ROWS)),
    st.lists(st.lists(values, min_size=0, max_size=3), max_size=ROWS),
    st.sampled_from(
        [
            None, 3, "rows", [["a", "b"]] * ROWS, [[{}, {}]] * ROWS, [[10**400, 1]] * ROWS, np.ones((ROWS, 2)) * 1j,
            np.ones((2, 2, 2)), np.ones(ROWS), np.zeros((ROWS, 2), dtype=bool), np.array([["2020"]] * ROWS, "M8[s]"),
            csr_array(np.ones((ROWS, 2))), pd.DataFrame({"a": ["x"] * ROWS}), np.array([[1, None]] * ROWS, object),
        ]
    ),
)  # fmt: skip
targets = st.one_of(
    st.lists(st.sampled_from([0, 1, 2]), max_size=ROWS + 1),
    st.lists(st.sampled_from(["a", "b", ""]), min_size=ROWS, max_size=ROWS),
    st.lists(values, min_size=ROWS, max_size=ROWS),
    st.sampled_from(
        [
            None, "a", 1, [0, "a"] * 3, [None, 1] * 3, [[0, 1], [1, 0]] * 3, [[0, 1], [1]] * 3, [10**400] * ROWS,
            np.ones((ROWS, 2, 2)), csr_array(np.ones((ROWS, 1))), [{}] * ROWS, [0.5, 1.5] * 3, [1j] * ROWS,
        ]
    ),
)  # fmt: skip
weights = st.one_of(
    st.none(),
    st.lists(st.sampled_from([0.0, 1.0, 3.0, -1.0, np.nan, np.inf]), min_size=ROWS, max_size=ROWS),
    st.sampled_from(["a", ["a"] * ROWS, np.ones((ROWS, 2)), np.ones(2), 2.0, {}]),
)


@pytest.mark.filterwarnings("ignore")  # what scikit-learn and NumPy say of odd input is theirs
@pytest.mark.parametrize("make", ESTIMATORS)
@given(X=tables, y=targets, sample_weight=weights)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_100_malformed_inputs_are_accepted_or_named(make, X, y, sample_weight):
    model = make(n_qubits=1, max_iter=1, random_state=0)
    try:
        model.fit(X, y, sample_weight=sample_weight)
        found = model.transform(X) if make is HamiltonianTransformer else model.predict(X)
    except (ValueError, TypeError) as error:
        assert NAMES.search(str(error)), f"{error!r} does not name the argument"  # noqa: PT017 - any of many inputs
    else:
        assert len(found) == ROWS or len(found) == np.shape(X)[0]
