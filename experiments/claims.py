"""How each claim ended: verdicts from the cached results of all figures, written as JSON, as a table and for LaTeX.

``numbers.tex`` holds the numbers that the paper's text quotes, one macro each, so that none is typed by hand.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from experiments import studies
from experiments.parts import Verdict
from hamiltonian_ml.bases.files import whole_file

FOLDER = Path(__file__).parents[1] / "paper"
CLAIMS = {
    1: "at least .91 test accuracy on a synthetic binary task at some size",
    2: "sampled states in the loop cost at most 2 points of accuracy",
    3: "the same at 50 qubits with sampled subspaces only",
    4: "accuracy against the number of qubits does not fall",
    5: "gradients at the start do not vanish exponentially",
    6: "nor do they during training, sampled and with noise",
    7: "gradients are local",
    8: "the analytic gradient is exact, and few excited states do not suffice",
    9: "the derivative of nudged states agrees with it",
    10: "at most 6 CZ layers a step, no SWAP on a line",
    11: "classical models with as many parameters are not better",
    12: "depth does not depend on the number of features",
    13: "Heron-like noise: accuracy lost and energy error added",
    14: "the samples do the work",
    15: "sensitivity to settings",
    16: "errors obey the published bounds",
    17: "the best time step for sampling is longer than pi/W",
    18: "the XXZ ring reaches the course's energy",
    19: "states holding 99 % against the number of qubits",
    20: "new states against shots",
    21: "carry-over between rows and epochs lowers errors at equal size",
    22: "local frames lower the number of states needed",
    23: "errors of observables and gradients go as the root of the energy error",
    24: "bond dimensions of trained chains; chain against heavy-hex",
    26: "more expressive operators raise accuracy",
    27: "a head mends answers of a frozen language model, and breaks few",
    28: "a Cayley adapter of 4x4 blocks is orthogonal and takes at most 3 CZ a block",
}


Results = dict[str, tuple[str, xr.DataTree]]


def read() -> Results:
    """Return the profile and the results of each figure that has some in the repository, by its name."""
    profiles = {study.name: studies.cached_profile(study.name) for study in studies.STUDIES.values() if study.has_data}
    return {name: (profile, studies.results(name)) for name, profile in profiles.items() if profile}


def collect(results: Results) -> list[tuple[Verdict, str, str]]:
    """Return each claim's verdict with the figure and the profile that it comes from, by claim."""
    found: dict[int, tuple[Verdict, str, str]] = {}
    for name, (profile, tree) in results.items():
        for verdict in import_module(f"experiments.{name}.figure").verdicts(tree):
            found.setdefault(verdict.claim, (verdict, name, profile))
    for claim in CLAIMS:
        why = "the figure that decides it has no results in the repository"
        found.setdefault(claim, (Verdict(claim, "not tested", "-", f"not tested here because: {why}"), "-", "-"))
    return [found[claim] for claim in sorted(found)]


def numbers(results: Results, verdicts: list[str]) -> dict[str, str]:
    """Return the numbers that the paper quotes, by the name of their macro."""
    found: dict[str, str] = {}
    for name, (_, tree) in results.items():
        module = import_module(f"experiments.{name}.figure")
        if hasattr(module, "numbers"):
            found |= module.numbers(tree)
    for word, name in (
        ("held", "nHeld"),
        ("failed", "nFailed"),
        ("described", "nDescribed"),
        ("not tested", "nNotTested"),
    ):
        found[name] = str(verdicts.count(word))
    found["nUndecided"] = str(verdicts.count("not decidable"))
    found["nClaims"] = str(len(verdicts))
    return found


def write(folder: Path) -> list[Path]:
    """Write claims.json, claims.md, claims.tex and numbers.tex, and return their paths."""
    results = read()
    rows = collect(results)
    quoted = numbers(results, [verdict.verdict for verdict, _, _ in rows])
    records = [{"statement": CLAIMS[v.claim], **asdict(v), "figure": f, "profile": p} for v, f, p in rows]
    texts = {
        "claims.json": json.dumps(records, indent=1, ensure_ascii=False) + "\n",
        "claims.md": _markdown(records),
        "claims.tex": _latex(records),
        "numbers.tex": "".join(f"\\newcommand{{\\{k}}}{{{escape(v)}}}\n" for k, v in sorted(quoted.items())),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with whole_file(folder / name) as partial:
            partial.write_text(text)
    return [folder / name for name in texts]


def escape(text: str) -> str:
    """Return text for LaTeX."""
    special = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "<": r"$<$", ">": r"$>$"}
    special |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
    return "".join(special.get(letter, letter) for letter in text).replace("+-", r"$\pm$")


def _markdown(records: list[dict[str, Any]]) -> str:
    head = "# Claims and how they ended\n\nWritten by `python -m experiments claims`.\n\n"
    lines = ["| claim | what | verdict | measured | how | figure, profile |", "|---|---|---|---|---|---|"]
    for row in records:
        cells = (
            str(row["claim"]),
            row["statement"],
            row["verdict"],
            row["number"],
            row["text"],
            f"{row['figure']}, {row['profile']}",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return head + "\n".join(lines) + "\n"


def _latex(records: list[dict[str, Any]]) -> str:
    lines = []
    for row in records:
        measured = escape(row["number"] if row["number"] != "-" else row["text"])
        lines.append(f"{row['claim']} & {escape(row['statement'])} & {row['verdict']} & {measured} \\\\\n")
    return "".join(lines)
