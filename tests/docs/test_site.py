"""The documentation as a whole: what it lists, where it leads, and that it builds without a warning."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_documentation import public_objects

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.rst"))
PAGES = sorted(DOCS.glob("*.md")) + sorted((DOCS / "guide").glob("*.md")) + sorted((DOCS / "reference").glob("*.md"))


@pytest.mark.parametrize("name", [name.rpartition(".")[2] for name, _ in public_objects()])
def test_a_public_name_stands_in_the_reference(name):
    assert re.search(rf"^\.\. auto(class|function):: ([\w.]+\.)?{name}$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\((?!http)([\w./]+)\)", text)
    for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
        linked += [line for line in tree.split() if re.fullmatch(r"[a-z_/]+", line) and line != page.stem]
    for link in linked:
        source = re.sub(r"gallery/index$", "examples/README", re.sub(r"gallery/(?!index)", "examples/", link))
        target = page.parent / source
        assert any(target.with_suffix(kind).exists() for kind in (".md", ".rst", ".py")), link


def test_every_example_has_its_place_in_the_gallery():
    listed = re.search(r"EXAMPLES = \[(.*?)\]", (DOCS / "conf.py").read_text("utf-8"), re.DOTALL)
    assert listed
    assert sorted(re.findall(r'"(\w+)"', listed[1])) == sorted(path.stem for path in (DOCS / "examples").glob("*.py"))


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="Sphinx is not installed; make docs brings it")
    source = shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "gallery"))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(DOCS.parent / name, tmp_path)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    without_running = ["-D", "sphinx_gallery_conf.plot_gallery=0"]  # other tests run them
    built = subprocess.run(
        [*command, *without_running, str(source), str(tmp_path / "html")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert "HamiltonianClassifier" in (tmp_path / "html" / "reference" / "estimators.html").read_text("utf-8")
