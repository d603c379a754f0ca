"""Documentation of the public names: parameters, results and an example that runs, for each of them and each method."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hamiltonian_ml

PACKAGE = Path(hamiltonian_ml.__file__).parent


def public_objects() -> Iterator[tuple[str, Any]]:
    """Yield every public class and function: of the package's root, of the referee, and the figures."""
    for name in hamiltonian_ml.__all__:
        if not inspect.ismodule(getattr(hamiltonian_ml, name)) and not name.startswith("__"):
            yield name, getattr(hamiltonian_ml, name)
    for name in hamiltonian_ml.referee.__all__:
        yield f"referee.{name}", getattr(hamiltonian_ml.referee, name)
    for file in sorted((PACKAGE / "display").glob("*.py")):
        module = import_module(f"hamiltonian_ml.display.{file.stem}")
        for name, each in vars(module).items():
            if name.endswith("Display") and inspect.isclass(each) and each.__module__ == module.__name__:
                yield name, each


def documented_objects() -> dict[str, tuple[Any, str]]:
    """Return public classes and functions, and the methods that this package defines, with the docstring above each."""
    found: dict[int, tuple[str, tuple[Any, str]]] = {}
    for name, each in public_objects():
        found[id(each)] = name, (each, "")
        for method, value in inspect.getmembers_static(each) if inspect.isclass(each) else ():
            value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            own = inspect.isfunction(value) and inspect.unwrap(value).__module__.startswith("hamiltonian_ml.")
            if own and not method.startswith("_"):
                found.setdefault(id(value), (f"{name}.{method}", (value, inspect.getdoc(each) or "")))
    return dict(sorted(found.values(), key=lambda pair: pair[0]))


OBJECTS = documented_objects()
FUNCTIONS = [name for name, (each, _) in OBJECTS.items() if not inspect.isclass(each)]


def arguments(documented: Any) -> list[str]:
    """Return the names of the arguments that a caller may give."""
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    listed = inspect.signature(documented).parameters.values()
    return [each.name for each in listed if each.kind in kinds and each.name.strip("_") not in ("self", "cls", "")]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_an_example_that_runs(name):
    each, above = OBJECTS[name]
    lines = re.findall(r"^ *(?:>>>|\.\.\.) .*", inspect.getdoc(each) or "", re.MULTILINE)
    called = re.compile(rf"^ *(?:>>>|\.\.\.) .*\.{name.rpartition('.')[2]}\(", re.MULTILINE)
    assert lines or called.search(above)  # a method may be shown in the example of its class
    assert not any("+SKIP" in line for line in lines)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_says_what_each_of_its_arguments_is(name):
    each, _ = OBJECTS[name]
    text = inspect.getdoc(each) or ""
    if inspect.isclass(each) and "Attributes\n---" in text and "Parameters\n---" not in text:
        return  # a result, which users read and never make
    if "arguments as in `" in text:
        return
    missing = [argument for argument in arguments(each) if not re.search(rf"\b{argument}\b", text)]
    assert not missing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_returns(name):
    each, _ = OBJECTS[name]
    text = inspect.getdoc(each) or ""
    returned = inspect.signature(each).return_annotation
    assert returned in (None, "None") or "Returns\n---" in text or text.startswith("Return ") or "Yields\n---" in text
