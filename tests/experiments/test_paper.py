"""The paper's source is whole: environments close, files exist, macros are defined, numbers come from results."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from experiments import claims, studies

PAPER = Path(claims.__file__).parents[1] / "paper"
SOURCE = (PAPER / "main.tex").read_text()
# What LaTeX and the packages in the preamble define and the paper uses.
KNOWN = set(
    re.findall(
        r"\w+",
        """
        author begin bibliography bibliographystyle caption cite date documentclass dots end endhead hline input label
        includegraphics langle linewidth makebox maketitle newcommand pi pm psi rangle ref section sin sum textbackslash
        theta title usepackage Delta
        """,
    )
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    claims.write(folder)
    return folder


def test_environments_are_closed_in_the_order_in_which_they_were_opened():
    open_ones: list[str] = []
    for word, name in re.findall(r"\\(begin|end)\{(\w+)\}", SOURCE):
        if word == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert not open_ones


@pytest.mark.parametrize("name", ["main.tex", "claims.tex", "numbers.tex"])
def test_braces_and_dollars_are_balanced(name, written):
    text = SOURCE if name == "main.tex" else (written / name).read_text()
    plain = re.sub(r"\\[{}$%&#_]", "", text)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0


def test_every_file_that_is_read_exists_or_is_written_by_a_command(written):
    inputs = re.findall(r"\\input\{([^}]+)\}", SOURCE)
    assert inputs
    assert all((written / name).exists() for name in inputs)
    drawn = re.findall(r"\\includegraphics\[[^]]*\]\{figures/(\w+)\.pdf\}", SOURCE)
    assert Counter(drawn) == Counter(list(studies.STUDIES))
    for name in re.findall(r"\\bibliography\{(\w+)\}", SOURCE):
        assert (PAPER / f"{name}.bib").exists()


def test_every_macro_is_defined(written):
    defined = set(re.findall(r"\\newcommand\{\\(\w+)\}", (written / "numbers.tex").read_text()))
    used = set(re.findall(r"\\([A-Za-z]+)", SOURCE + (written / "claims.tex").read_text()))
    assert used <= KNOWN | defined
    assert not defined & KNOWN


def test_references_and_citations_have_a_target():
    assert set(re.findall(r"\\ref\{([\w:]+)\}", SOURCE)) <= set(re.findall(r"\\label\{([\w:]+)\}", SOURCE))
    entries = set(re.findall(r"@\w+\{(\w+),", (PAPER / "refs.bib").read_text()))
    assert set(re.findall(r"\\cite\{(\w+)\}", SOURCE)) == entries


def test_the_table_has_a_row_of_four_cells_for_every_claim(written):
    rows = (written / "claims.tex").read_text().splitlines()
    assert len(rows) == len(claims.CLAIMS)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 3 and row.endswith(r"\\") for row in rows)


def test_what_is_in_the_repository_is_what_the_command_writes(written):
    for name in ("claims.json", "claims.md", "claims.tex", "numbers.tex"):
        assert (PAPER / name).read_text() == (written / name).read_text(), "run python -m experiments claims"


def test_special_letters_are_escaped():
    assert claims.escape("50 % of 2^n & a_b +- 1 <O>") == r"50 \% of 2\^{}n \& a\_b $\pm$ 1 $<$O$>$"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_target_says_what_to_install_where_latex_is_missing(tmp_path):
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    old = ("-o", "figures", "-o", "claims")  # not made anew for this test
    made = subprocess.run(
        ["make", *old, "paper"], cwd=PAPER.parent, env={"PATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert made.returncode != 0
    assert "latexmk was not found; install TeX Live (Debian and Ubuntu: apt install latexmk" in made.stderr
