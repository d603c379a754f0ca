"""The code of the documentation runs: every example of the gallery, every block of the guide, and its sweep."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
LONG = {"controls", "noise_ladder", "own_hamiltonian", "whole_path"}
WITH_CODE = (
    "index",
    "guide/devices",
    "guide/everyday",
    "guide/frozen_models",
    "guide/method",
    "guide/selections",
    "guide/trust",
)


@pytest.fixture
def figures():
    """Leave no figure open for the next test."""
    plt.close("all")
    yield
    plt.close("all")


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    "example", [pytest.param(path, marks=[pytest.mark.slow] * (path.stem in LONG), id=path.stem) for path in EXAMPLES]
)
def test_an_example_runs_and_draws(example, figures, capsys):
    runpy.run_path(str(example), run_name="__main__")
    assert plt.get_fignums()
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for code in blocks(DOCS / f"{page}.md"):
        exec(compile(code, page, "exec"), names)


def test_no_page_with_code_is_left_out():
    found = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md") if blocks(path)]
    assert sorted(found) == sorted(WITH_CODE)


@pytest.mark.slow  # worker processes load everything anew
def test_the_sweep_of_the_guide_runs_and_goes_on(tmp_path):
    command = [sys.executable, str(DOCS / "guide" / "cells.py")]
    first, again = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert "energy" in first
    assert again == first
    assert len(list((tmp_path / "cells").glob("*.nc"))) == 20
