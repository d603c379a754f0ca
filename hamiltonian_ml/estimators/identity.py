"""Which fit is which: text that is equal, in any process and on any machine, for what fits the same and nothing else.

In: arrays and parameters as a user gave them. Out: a text for each, by which checkpoints and submitted fits are found
again. Plain values are their own text; anything else is a digest of what it is made of.
"""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from inspect import getattr_static
from pathlib import Path
from pickle import PickleError
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.estimators.head_files import FOREIGN

# These say where files lie, what may be spent, what is shown, or what is read off a fit that is done; they do not
# change what is fitted. Every other parameter counts, those to come included.
NO_PART_OF_THE_FIT = frozenset({"store", "max_qpu_seconds", "verbose", "checkpoint", "decision_rounds", "strings"})
_WITHOUT_VALUE = (AttributeError, OSError, PickleError, RuntimeError, TypeError, ValueError)  # what pickling may raise
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))


def identity_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return a text for each of the parameters that can change what is fitted.

    Numbers count by their value, whatever their type. Functions and objects of a user's own count by what they are
    made of: code, defaults, closures, the globals that the code names, and attributes, or what ``__getstate__`` gives;
    modules of a user's own by their files. Installed packages count by their names.

    Raises
    ------
    ValueError
        If a parameter holds something, such as a lock or a connection, that has no value beyond its address.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml.estimators.identity import identity_of
    >>> identity_of({"alpha": np.float64(0), "verbose": 1})
    {'alpha': '0'}
    >>> one, other = ({"embedding": lambda X, k=k: X**k} for k in (2, 3))
    >>> identity_of(one) == identity_of(other)
    False
    """
    return {name: _text(name, value) for name, value in parameters.items() if name not in NO_PART_OF_THE_FIT}


def digest_of(arrays: Iterable[NDArray[Any]]) -> str:
    """Return a digest of arrays, of the type and shape of each too."""
    return _hashed([_of_array(np.asarray(array)) for array in arrays])


def _text(name: str, value: Any) -> str:
    # What a head's frozen models make of the rows is looked at itself, so that a model fitted on another processor,
    # which rounds differently, is the same; here their class and settings do.
    value = _by_value(_outline(value) if name in FOREIGN else value)
    if isinstance(value, _PLAIN):
        return repr(value)
    try:
        return _Reader().digest(value)
    except _WITHOUT_VALUE as error:
        raise ValueError(
            f"{name} cannot be told from others in another process, which checkpoint and submit have to do, because it "
            f"holds something that has no value: {error}; give its class a __getstate__ that returns what decides the "
            "fit, or fit without a checkpoint."
        ) from error


def _by_value(value: Any) -> Any:
    """Return numbers and lists of them such that equal ones look alike."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is float and value.is_integer():
        return int(value)
    return tuple(_by_value(each) for each in value) if type(value) in (list, tuple) else value


def _outline(value: Any) -> Any:
    """Return class and parameters of a scikit-learn object, and no more than the class of any other."""
    if type(value) in (list, tuple):
        return [_outline(each) for each in value]
    if isinstance(value, (*_PLAIN, np.generic)):
        return value
    known = value.get_params(deep=False) if hasattr(value, "get_params") and not isinstance(value, type) else {}
    return {"class": type(value).__qualname__, **{name: _outline(each) for name, each in known.items()}}


class _Reader:
    """Reads one value to the ground; what is met within itself, as a function that calls itself, is named by depth."""

    def __init__(self) -> None:
        # By the values' ids, with the values: or another could get the id of one that is gone.
        self._known: dict[int, tuple[Any, str]] = {}
        self._depth = 0

    def digest(self, value: Any) -> str:
        """Return a digest of a value."""
        if type(value) in _PLAIN:
            return f"{type(value).__name__} {value!r}"
        if id(value) not in self._known:
            self._known[id(value)] = value, f"within {self._depth}"
            self._depth += 1
            found = _hashed([type(value).__qualname__, *self._parts(value)])
            self._depth -= 1
            self._known[id(value)] = value, found
        return self._known[id(value)][1]

    def _all(self, values: Iterable[Any]) -> list[str]:
        return [self.digest(value) for value in values]

    def _parts(self, value: Any) -> list[str]:
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            array = np.asarray(value)
            return self._all(array.ravel().tolist()) if array.dtype.hasobject else [_of_array(array)]
        if type(value) in (list, tuple):
            return self._all(value)
        if type(value) in (set, frozenset):
            return sorted(self._all(value))
        if type(value) is dict:
            return sorted(self.digest(key) + self.digest(each) for key, each in value.items())
        if isinstance(value, ModuleType):
            file = None if _is_installed(value.__name__) else getattr(value, "__file__", None)
            return [value.__name__, "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()]
        if isinstance(value, CodeType):
            return self._of_code(value)
        if isinstance(value, MethodType):
            return self._all([value.__func__, value.__self__])
        name, module = getattr(value, "__qualname__", None), getattr(value, "__module__", None)
        if isinstance(name, str) and isinstance(module, str) and "<" not in name and _is_installed(module):
            return [module, name]
        if isinstance(value, FunctionType):
            return self._of_function(value)
        if isinstance(value, type):
            return self._of_class(value)
        if callable(value) and hasattr(value, "__wrapped__"):  # what jax.jit returns
            return [self.digest(value.__wrapped__)]
        return self._of_object(value)

    def _of_code(self, code: CodeType) -> list[str]:
        """Return what a function does, wherever it stands in a file."""
        counts = code.co_argcount, code.co_kwonlyargcount, code.co_flags
        return [code.co_code.hex(), repr(counts), repr(code.co_names), *self._all(code.co_consts)]

    def _of_function(self, function: FunctionType) -> list[str]:
        cells = [_content(cell) for cell in function.__closure__ or ()]
        given = [function.__code__, function.__defaults__, function.__kwdefaults__, *cells]
        known = {} if _is_installed(function.__globals__.get("__name__", "")) else function.__globals__
        named = {name: known[name] for name in sorted(_globals_of(function.__code__)) if name in known}
        return self._all([*given, named])

    def _of_class(self, kind: type) -> list[str]:
        members = {
            name: getattr(each, "__func__", getattr(each, "fget", getattr(each, "func", each)))
            for name, each in vars(kind).items()
            if (not name.startswith("__") or name == "__call__") and name != "_abc_impl"
        }
        return self._all([kind.__qualname__, members, kind.__bases__])

    def _of_object(self, value: Any) -> list[str]:
        """Return what pickle would write of an object, less what it has only computed from the rest."""
        if hasattr(value, "uuid") and hasattr(value, "name"):  # a Parameter of a Qiskit circuit in a device
            return [value.name]  # the uuid is drawn anew in each process
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return [str(getattr(value, "__module__", None)), reduced]
        made_by, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if type(state) is dict:
            computed = {name for name in state if isinstance(getattr_static(type(value), name, None), cached_property)}
            state = {name: each for name, each in state.items() if name not in computed}
        return self._all([made_by, arguments, state, list(items or ()), list(pairs or ())])


def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256(repr(list(parts)).encode()).hexdigest()


def _of_array(array: NDArray[Any]) -> str:
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"{array.dtype.str} {array.shape} {content}"


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the name is not given a value yet
        return ...


def _globals_of(code: CodeType) -> set[str]:
    """Return the names that code looks up in its module, the functions within it included."""
    named = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return named.union(*(_globals_of(each) for each in code.co_consts if isinstance(each, CodeType)))


def _is_installed(module: str) -> bool:
    """Return whether a module is of Python, an installed package or this one, so that its name says what it is."""
    root = module.partition(".")[0]
    if root in sys.builtin_module_names or root in sys.stdlib_module_names or root == __name__.partition(".")[0]:
        return root != "__main__"
    file = getattr(sys.modules.get(root), "__file__", None)
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
