"""Machine code that is kept between runs."""

import importlib
import sys

import pytest

_CALLER = """
from pathlib import Path
from hamiltonian_ml.subspace.jit import compiling
from callee import inner
compiled = compiling(Path(__file__).parent)

@compiled
def outer(x):
    return inner(x)
"""
_CALLEE = """
from numba import njit

@njit
def inner(x):
    return {}
"""


@pytest.fixture
def outer(tmp_path, monkeypatch):
    """Write a function that returns what its callee in another file makes of its argument, and import it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "caller.py").write_text(_CALLER)

    def made(returned):
        (tmp_path / "callee.py").write_text(_CALLEE.format(returned))
        importlib.invalidate_caches()
        for name in ("caller", "callee"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module("caller").outer

    yield made
    for name in ("caller", "callee"):
        sys.modules.pop(name, None)


def test_a_loop_is_compiled_anew_where_another_file_has_changed(outer):
    assert outer("x + 1")(1) == 2
    assert outer("x + 10 ")(1) == 11


def test_a_loop_is_not_compiled_again_where_nothing_has_changed(outer):
    outer("x + 1")(1)
    again = outer("x + 1")
    again(1)
    assert sum(again.stats.cache_hits.values()) == 1
    assert not again.stats.cache_misses
