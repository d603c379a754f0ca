"""The loop over pairs: vector instructions against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import DTypeLike

from hamiltonian_ml.subspace.jit import compiled
from hamiltonian_ml.subspace.pairs import add_pairs


@compiled
def _add(left, right, codes, table, x, y):  # type: ignore[no-untyped-def]
    add_pairs(left, right, codes, table, x, y)


@pytest.mark.parametrize("code_type", [np.uint16, np.int32])
@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("d", "n_pairs"), [(20, 50), (70_000, 100), (70_000, 1000)])  # beyond the caches: asked ahead
def test_compiled_pairs_equal_the_plain_loop(d: int, n_pairs: int, dtype: DTypeLike, code_type: DTypeLike) -> None:
    rng, n_codes = np.random.default_rng(0), 7
    left, right = rng.integers(0, d, (2, n_pairs)).astype(np.uint32)
    codes = rng.integers(0, n_codes, n_pairs).astype(code_type)
    table, x, y = (_numbers(rng, n, dtype) for n in (n_codes, d, d))
    plain = y.copy()
    add_pairs(left, right, codes, table, x, plain)
    _add(left, right, codes, table, x, y)
    assert_allclose(y, plain, rtol=0, atol=1e-13)  # sums of some tens of numbers of order one


def _numbers(rng: np.random.Generator, n: int, dtype: DTypeLike) -> np.ndarray:
    values = rng.standard_normal(n)
    return (values + 1j * rng.standard_normal(n)).astype(dtype) if dtype is complex else values.astype(dtype)
