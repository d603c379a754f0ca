"""Print the table of all heads from the cached results, and some questions that one head mended or broke.

Run ``python -m experiments.heads.report``; the questions need a base and an 8-qubit head, trained on the spot in about
two minutes. ``--no-examples`` leaves them out. Needs the extra ``heads``.
"""

from __future__ import annotations

import argparse

import numpy as np

from experiments import studies
from experiments.heads import figure
from experiments.heads.run import Head, fit, prepare, scores_of


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-examples", action="store_true")
    chosen = parser.parse_args(arguments)
    print(figure.table(studies.results("heads")))
    if not chosen.no_examples:
        print("\n" + examples(Head(head="hamiltonian", size=8, seed=0)))


def examples(task: Head, *, most: int = 4) -> str:
    """Train a Hamiltonian head and return some of the questions that it mended, and some that it broke."""
    made = prepare(task)
    scores, before = scores_of(fit(task, made), made.tables["test"]), made.asked["test"].scores
    answers, lines = made.asked["test"].answers, []
    right, was_right = scores.argmax(1) == answers, before.argmax(1) == answers
    for title, rows in (("mended", right & ~was_right), ("broken", was_right & ~right)):
        lines.append(f"{title}: {int(rows.sum())} of {len(rows)}")
        for row in np.flatnonzero(rows)[:most]:
            question = made.world.questions["test"][row]
            said, says = (question.options[s[row].argmax()] for s in (before, scores))
            lines.append(f"  {question.stem} {' / '.join(question.options)}\n    base: {said}; head: {says}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
