"""What a ground state costs, as ratios taken in one run.

Run ``python -m experiments.speed.run``; it takes some minutes. ``--quick`` shows smaller sizes in about one,
``--only NAME`` one part of the table, ``--json FILE`` keeps the figures. Competitors take turns and each figure is a
median over the turns; beside the clock's figure stands the same one from processor time, which other people's work on
the machine disturbs less. fulqrum is optional: ``make peers`` adds it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from experiments.speed.multiply import multiplication
from experiments.speed.peers import installed
from experiments.speed.scaling import growth, width
from experiments.speed.solving import against_peers, certificate, gradient, on_all_cores
from experiments.speed.table import Line, render
from experiments.speed.timing import threads
from experiments.speed.training import training
from experiments.speed.workload import FULL, QUICK, Size, Workload, sampled_workload
from hamiltonian_ml.study.provenance import provenance
from hamiltonian_ml.subspace.structure import restrict

Part = Callable[[Workload, Size], Iterator[Line]]
PARTS: dict[str, Part] = {
    "peers": against_peers,
    "cores": on_all_cores,
    "gradient": gradient,
    "certificate": certificate,
    "training": training,
    "multiply": multiplication,
    "scaling": growth,
    "width": width,
}


def heading(load: Workload, size: Size, n_threads: int) -> str:
    """Return what was solved, with what, on what."""
    structure = restrict(load.basis, load.subspace)
    made = {name: version(name) for name in ("numpy", "scipy", "numba", "jax")}
    made |= {name: installed(name) or "not installed" for name in ("addon-sqd", "fulqrum")}
    names = ", ".join(f"{name} {number}" for name, number in made.items())
    return (
        f"{load.basis.n_qubits} qubits, {load.basis.n_terms} strings, {load.subspace.dimension:,} states "
        f"({load.n_sampled:,} sampled), {structure.n_entries / load.subspace.dimension:.3g} entries a row beside the "
        f"diagonal, {size.n_rows} Hamiltonians: field 1, random terms of {size.strength:g}; residual 1e-6\n"
        f"threads {n_threads} of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"{names}; medians of {size.turns} turns"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes; the requirements are meant for the others")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="print this part; may be repeated")
    parser.add_argument("--threads", type=int, default=1, help="threads for each competitor (default 1: a core each)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    chosen = parser.parse_args(arguments)
    size = QUICK if chosen.quick else FULL
    with threads(chosen.threads):
        load = sampled_workload(size)
        title = heading(load, size, chosen.threads)
        print(title, flush=True)
        lines = [line for name in chosen.only or PARTS for line in _part(name, load, size)]
    if chosen.json is not None:
        record = {"title": title, "size": asdict(size), "made_by": provenance()}
        record["lines"] = [asdict(line) | {"required": line.required, "met": line.met} for line in lines]
        chosen.json.write_text(json.dumps(record, indent=1) + "\n")


def _part(name: str, load: Workload, size: Size) -> list[Line]:
    lines = list(PARTS[name](load, size))
    print(f"\n{name}\n{render(lines)}", flush=True)
    return lines


if __name__ == "__main__":
    main()
