"""What every test gets: seeded random numbers, no window for figures, and a guard over JAX's precision."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings
from joblib.externals.loky import get_reusable_executor

# Modules whose examples in docstrings need an optional package.
NEEDED = {
    "hamiltonian_ml.estimators.hidden_states": "transformers",
    "hamiltonian_ml.estimators.torch_layer": "torch",
}

os.environ.setdefault("MPLBACKEND", "Agg")

# The first example of a property may compile a kernel, so no example has a deadline.
settings.register_profile("hamiltonian_ml", deadline=None)
settings.load_profile("hamiltonian_ml")


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator that starts from the same seed in every test."""
    return np.random.default_rng(20260103)


@pytest.fixture(autouse=True)
def jax_precision() -> Iterator[None]:
    """Start each test in JAX's default precision, and fail one that leaves it changed for the whole process."""
    _set_x64(False)  # collecting a test file may have imported a package that switches it on
    yield
    changed = _x64_is_on()
    _set_x64(False)
    assert not changed, (
        "the test left jax_enable_x64 switched on for the whole process; use jax.enable_x64 as a context manager, "
        "and the fixture sqd_qubit for qiskit-addon-sqd"
    )


@pytest.fixture
def worker_processes() -> Iterator[None]:
    """End joblib's processes after the test.

    Left idle, they go by themselves after five minutes, and a test that asks for them in that very moment can wait
    for ever.
    """
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def sqd_qubit() -> Iterator[ModuleType]:
    """Return ``qiskit_addon_sqd.qubit`` in the 64-bit precision that importing it asks of the whole process."""
    from qiskit_addon_sqd import qubit

    _set_x64(True)
    yield qubit
    _set_x64(False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the examples in docstrings that need an optional package, where it is not installed."""
    for item in items:
        if item.name.startswith(tuple(NEEDED)):
            package = NEEDED[item.name.rpartition(".")[0]]
            if find_spec(package) is None:
                item.add_marker(pytest.mark.skip(reason=f"{package} is not installed (make heads)"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked ``gpu`` where JAX finds none."""
    if item.get_closest_marker("gpu"):
        import jax

        if jax.default_backend() != "gpu":
            pytest.skip("needs a GPU that JAX can use")


def pytest_runtest_teardown() -> None:
    """Close the figures of a test or an example, which matplotlib would keep."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def _x64_is_on() -> bool:
    return "jax" in sys.modules and bool(sys.modules["jax"].config.jax_enable_x64)


def _set_x64(value: bool) -> None:
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", value)
