"""The documentation as a whole: what it lists, where it leads, and that it builds without a warning."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import hamiltonian_ml
from hamiltonian_ml.cli import main
from tests.test_documentation import public_objects

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.rst"))
PAGES = sorted(DOCS.glob("*.md")) + sorted((DOCS / "guide").glob("*.md")) + sorted((DOCS / "reference").glob("*.md"))
COMMANDS = typer.main.get_command(main).commands


@pytest.mark.parametrize("name", [name.rpartition(".")[2] for name, _ in public_objects()])
def test_a_public_name_stands_in_the_reference(name):
    assert re.search(rf"^\.\. auto(class|function):: ([\w.]+\.)?{name}$", REFERENCE, re.MULTILINE)


def test_every_error_of_the_package_stands_in_the_reference():
    package = Path(hamiltonian_ml.__file__).parent
    defined = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r"^class ([A-Z]\w+Error)\(", file.read_text("utf-8"), re.MULTILINE)
    }
    assert defined == set(re.findall(r"autoexception:: [\w.]+\.(\w+)$", REFERENCE, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)\s]*)\)", text)
    for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
        linked += [line for line in tree.splitlines() if line and not line.startswith(":")]
    for link in linked:
        name, _, anchor = link.partition("#")
        source = re.sub(r"gallery/index$", "examples/README", re.sub(r"gallery/(?!index)", "examples/", name))
        found = [page.parent / f"{source}{kind}" for kind in ("", ".md", ".rst", ".py")] if source else [page]
        found = [target for target in found if target.is_file()]
        assert found, link
        headings = re.findall(r"^#+ (.*)$", found[0].read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"\W+", "-", heading.lower()) for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_commands_and_their_options_exist(page):
    text = page.read_text("utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"hamiltonian-ml +([a-z]+)([^`\n#]*)", text):
        assert name in COMMANDS
        known = {option for each in COMMANDS[name].params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_every_command_is_described():
    text = (DOCS / "guide" / "command_line.md").read_text("utf-8")
    assert set(re.findall(r"`hamiltonian-ml ([a-z]+)", text)) == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_code_that_cannot_run_here_names_arguments_that_exist(page):
    for code in re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        try:
            tree = ast.parse(code)
        except SyntaxError:  # a formula or a command
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            public = getattr(hamiltonian_ml, ast.unparse(call.func), None) if isinstance(call.func, ast.Name) else None
            if public is not None:
                assert {keyword.arg for keyword in call.keywords} <= set(inspect.signature(public).parameters)


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
