"""Every figure and every verdict by one command.

``python -m experiments list`` shows what there is; ``reproduce FIGURE --from cache`` draws a figure (or all of them)
from the results in the repository, ``--from simulation`` computes those anew; ``claims`` writes how each claim ended.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from experiments import claims, figures, studies
from experiments.parts import PROFILES
from hamiltonian_ml.commands.interrupts import heard_interrupts
from hamiltonian_ml.commands.output import check_folder


def main(arguments: list[str] | None = None) -> int:
    """Run one command; status 2 and one line for bad input, 130 for an interrupt."""
    chosen = _parser().parse_args(arguments)
    try:
        with heard_interrupts():
            if chosen.command != "list":
                check_folder(chosen.out)
            return _COMMANDS[chosen.command](chosen)
    except (ValueError, OSError, ImportError) as error:
        print(f"experiments: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("experiments: interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show figure, claims, minutes and QPU seconds")
    one = commands.add_parser("reproduce", help="draw one figure, or all")
    one.add_argument("figure", choices=[*studies.STUDIES, "all"])
    one.add_argument("--from", dest="source", choices=["cache", "simulation", "hardware"], default="cache")
    one.add_argument("--profile", choices=PROFILES, help="default: full from the cache where it is there, else quick")
    one.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler; without it, processes on this machine")
    one.add_argument("--workers", type=int, help="local processes; default one a core")
    one.add_argument("--retry", action="store_true", help="run failed cells again")
    one.add_argument("--out", type=Path, default=figures.FOLDER, help="folder for the figures")
    said = commands.add_parser("claims", help="write how each claim ended, and the numbers of the paper")
    said.add_argument("--out", type=Path, default=claims.FOLDER, help="folder for claims and numbers.tex")
    return parser


def _list(chosen: argparse.Namespace) -> int:
    print(f"{'figure':14} {'minutes: quick':>14} {'full':>5} {'QPU s':>6}  {'results':8} claims")
    for study in studies.STUDIES.values():
        quick, full = (f"{study.minutes[profile]:g}" for profile in PROFILES)
        cached = studies.cached_profile(study.name) or "none"
        if not study.has_data:
            cached = "drawn"
        numbers = ", ".join(map(str, study.claims)) or "-"
        print(f"{study.name:14} {quick:>14} {full:>5} {study.qpu_seconds:>6g}  {cached:8} {numbers}")
        print(f"{'':14} {study.title}")
    return 0


def _reproduce(chosen: argparse.Namespace) -> int:
    if chosen.source == "hardware":
        raise ValueError(
            "no figure takes its results from a quantum processor yet; train with backend='ibm_<name>' and use "
            "--from simulation here."
        )
    names = list(studies.STUDIES) if chosen.figure == "all" else [chosen.figure]
    profile = chosen.profile or ("quick" if chosen.source == "simulation" else None)
    for name in names:
        if chosen.source == "simulation" and studies.STUDIES[name].has_data:
            os.environ.setdefault("MPLBACKEND", "Agg")
            studies.simulate(
                name,
                profile,
                cluster=chosen.cluster,
                workers=chosen.workers,
                retry_failed=chosen.retry,
            )
        for path in figures.draw(name, chosen.out, profile=profile):
            print(path)
        if table := figures.table(name, profile=profile):
            print(table)
    return 0


def _claims(chosen: argparse.Namespace) -> int:
    for path in claims.write(chosen.out):
        print(path)
    return 0


_COMMANDS = {"list": _list, "reproduce": _reproduce, "claims": _claims}

if __name__ == "__main__":
    sys.exit(main())
