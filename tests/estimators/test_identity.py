"""What makes a fit another fit, and what does not."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit_aer.primitives import SamplerV2
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from hamiltonian_ml import Backend, FullSelection, KrylovSelection, PauliBasis
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.estimators.identity import NO_PART_OF_THE_FIT, digest_of, identity_of
from hamiltonian_ml.estimators.parameters import HamiltonianParameters

POWER = 2


def power(X):
    return X**POWER


def factorial(n):
    return n * factorial(n - 1) if n else 1


class Own:
    """A strategy that its address alone tells from another, for what Python shows of it."""

    needs_refresh = False

    def __init__(self, n):
        self.n = n

    def select(self, basis, coefficients, weights, *, seed):
        return {"never", "called"}


class Child(Own):
    def select(self, basis, coefficients, weights, *, seed):
        return super().select(basis, coefficients, weights, seed=seed)


class Counting(Own):
    def __getstate__(self):
        return self.n

    lock = 3

    def __init__(self, n):
        super().__init__(n)
        self.lock = threading.Lock()


@dataclass(frozen=True)
class Valued:
    names: frozenset = frozenset("abcdefgh")


def the_same():
    """Return objects that are equal whenever they are made."""
    basis = PauliBasis.chain(3)
    basis.labels  # computed once, and kept in the object  # noqa: B018
    return [
        lambda X: jnp.sin(3 * X), power, lambda X: power(X), factorial, jax.jit(power), jax.vmap(power), len, jnp.sin,
        functools.partial(power, 3), Own(3), Child(3), Counting(3), Valued(), Own(3).select, basis, object(),
        (lambda p, X: X * p["a"], {"a": jnp.ones(3), "b": np.arange(3.0)}), np.random.RandomState(0),
        {"a": 1, "b": 2.0}, Backend("mps"), KrylovSelection(shots=5), [(0, 1), [1, np.int64(2)]], SamplerV2(seed=3),
    ]  # fmt: skip


def texts():
    return [identity_of({"embedding": each})["embedding"] for each in the_same()]


def test_equal_values_are_one_fit_in_every_process_and_no_two_of_them_alike():
    command = [sys.executable, "-c", "from tests.estimators.test_identity import texts; print(*texts(), sep='\\n')"]
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    elsewhere = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, check=True, capture_output=True, text=True
    )
    assert elsewhere.stdout.splitlines() == texts() == texts()
    assert len(set(texts())) == len(texts())


def scaled(factor, start=0.0, *, shift=0.0):
    return lambda X, start=start, *, shift=shift: factor * X + start + shift


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda X: jnp.sin(3 * X), lambda X: X**2),
        (lambda X: 3 * X, lambda X: 3.0 * X),
        (lambda X: jnp.sin(X), lambda X: jnp.cos(X)),
        (scaled(1.0), scaled(2.0)),
        (scaled(1.0), scaled(1.0, 1.0)),
        (scaled(1.0), scaled(1.0, shift=1.0)),
        (Own(12), Own(4)),
        (Own(3), Child(3)),
        (Own(3).select, Own(4).select),
        (functools.partial(power, 1), functools.partial(power, 2)),
        (jax.jit(lambda X: X), jax.jit(lambda X: X + 1)),
        ((power, np.ones(2000)), (power, np.ones(2000) + 1e-12 * (np.arange(2000) == 1000))),
        (np.ones(2), np.ones((2, 1))),
        (np.array([1, "a"], dtype=object), np.array([2, "a"], dtype=object)),
        (FullSelection(), KrylovSelection()),
        (True, 1),
        ("1", 1),
        (None, "None"),
    ],
)
def test_what_is_made_of_other_things_is_another_fit(one, other):
    assert identity_of({"embedding": one}) != identity_of({"embedding": other})


def test_a_function_counts_with_the_globals_that_it_names(monkeypatch):
    before = identity_of({"embedding": lambda X: power(X)})
    monkeypatch.setitem(globals(), "POWER", 3)
    assert identity_of({"embedding": lambda X: power(X)}) != before


def test_a_module_of_ones_own_counts_by_its_file(tmp_path, monkeypatch):
    own = ModuleType("waves")
    own.__file__ = str(tmp_path / "waves.py")
    monkeypatch.setitem(globals(), "waves", own)
    found = []
    for text in ("def wave(X): return X", "def wave(X): return -X"):
        (tmp_path / "waves.py").write_text(text)
        found.append(identity_of({"embedding": lambda X: waves.wave(X)}))  # noqa: F821
    assert found[0] != found[1]


def test_a_method_counts_by_its_code(monkeypatch):
    before = identity_of({"selection": Own(3)})
    monkeypatch.setattr(Own, "select", lambda self: None)
    assert identity_of({"selection": Own(3)}) != before


def test_numbers_count_by_their_value():
    assert identity_of({"alpha": 0, "n": np.int64(2), "e": [(0, 1)], "s": np.str_("a")}) == identity_of(
        {"alpha": 0.0, "n": 2, "e": ([np.int8(0), 1.0],), "s": "a"}
    )


def test_what_has_no_value_is_refused():
    with pytest.raises(
        ValueError, match=r"selection cannot be told from others in another process.*lock.*__getstate__"
    ):
        identity_of({"selection": [threading.Lock()]})


def test_of_a_frozen_model_class_and_settings_count():
    X, y = np.eye(3), [0, 1, 1]
    one = LogisticRegression(C=2.0).fit(X, y)
    assert identity_of({"base": one}) == identity_of({"base": LogisticRegression(C=2.0)})
    assert identity_of({"base": one}) != identity_of({"base": LogisticRegression()})
    with threading.Lock() as lock:
        assert identity_of({"base": lambda X: lock}) == identity_of({"base": power})
        assert identity_of({"features": FunctionTransformer(lambda X: lock)}) != identity_of({"features": None})


def test_a_digest_of_arrays_tells_shapes_and_values():
    arrays = [np.zeros(2), np.zeros((2, 1)), np.zeros(2, dtype=np.float32), np.array([0.0, 1e-300])]
    assert len({digest_of([array]) for array in arrays}) == 4
    assert digest_of(arrays) != digest_of(arrays[::-1])


OTHER = {
    "n_qubits": 3, "connectivity": [(0, 1)], "embedding": "quadratic", "rank": 1, "selection": "random",
    "backend": "mps", "frame": "computational", "krylov_dimension": 3, "time_step": 0.1, "trotter_order": 2, "shots": 9,
    "max_dimension": 3, "expansion_rounds": 1, "refresh_every": 2, "entangling": False, "max_iter": 3, "batch_size": 4,
    "learning_rate": 0.2, "start_scale": 0.2, "alpha": 0.1, "variance_penalty": 0.2, "tol": 0.1,
    "early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3, "warm_start": True, "random_state": 1,
}  # fmt: skip


def test_every_parameter_is_known_to_change_a_fit_or_not_to():
    assert set(vars(HamiltonianParameters())) == set(OTHER) | (NO_PART_OF_THE_FIT - {"decision_rounds", "strings"})


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Return a model that has a checkpoint, and what it was fitted to."""
    X, y = np.array([[0.0], [1.0], [2.0], [3.0], [5.0]]), [0, 1, 0, 1, 1]
    file = tmp_path_factory.mktemp("begun") / "fit.nc"
    return HamiltonianClassifier(2, max_iter=1, shots=5, random_state=0, checkpoint=file).fit(X, y), X, y


@pytest.mark.parametrize("name", OTHER)
def test_a_checkpoint_of_another_value_of_a_parameter_is_refused(name, begun):
    model, X, y = begun
    with pytest.raises(ValueError, match=rf"fit\.nc is of a fit with other {name}; delete it"):
        clone(model).set_params(**{name: OTHER[name]}).fit(X, y)


@pytest.mark.parametrize("name", ["features", "targets", "weights"])
def test_a_checkpoint_of_other_rows_is_refused(name, begun):
    model, X, y = begun
    with pytest.raises(ValueError, match=rf"fit\.nc is of a fit with other {name}; delete it"):
        clone(model).fit(
            X + (name == "features"), y[::-1] if name == "targets" else y, [1, 1, 1, 1 + (name == "weights"), 1]
        )
