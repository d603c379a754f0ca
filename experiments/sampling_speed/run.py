"""Seconds a row of Krylov samples on a matrix product state, beside Aer as it comes, and where they go.

Run ``python -m experiments.sampling_speed.run``; about half a minute. Competitors take turns on one thread each. The
last line bounds what it would bring to evolve a row once and to sample it after each step: Aer would have to draw all
samples as now, and to evolve the longest circuit instead of all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit_aer.primitives import SamplerV2

from experiments.speed.timing import median, ratio, take_turns, timed
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.template import krylov_template

BOND_DIMENSION = 16
TRUNCATION = 1e-10


def plain_aer() -> SamplerV2:
    """Return Aer's sampler with its defaults, but for the method and its accuracy."""
    options = {
        "method": "matrix_product_state",
        "matrix_product_state_max_bond_dimension": BOND_DIMENSION,
        "matrix_product_state_truncation_threshold": TRUNCATION,
        "max_parallel_threads": 1,
    }
    return SamplerV2(seed=1, options={"backend_options": options})


def main(arguments: list[str] | None = None) -> None:
    """Print processor seconds a row and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qubits", type=int, default=50)
    parser.add_argument("--circuits", type=int, default=4, help="Krylov states that are sampled (default 4)")
    parser.add_argument("--shots", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    chosen = parser.parse_args(arguments)
    basis = PauliBasis.chain(chosen.qubits)
    rng = np.random.default_rng(0)
    # A field of strength 1 and random terms of .15: as far from a product state as the models that are trained here.
    coefficients = 0.15 * rng.normal(size=(chosen.rows, basis.n_terms))
    coefficients[:, 2 : 3 * chosen.qubits : 3] -= 1.0
    template = krylov_template(basis, krylov_dimension=chosen.circuits + 1)
    pairs = list(zip(template.circuits, krylov_angles(template, coefficients), strict=True))
    backend = Backend("mps", bond_dimension=BOND_DIMENSION, truncation_threshold=TRUNCATION, max_threads=1)
    ours = backend.open(chosen.qubits, seed=1)
    plain = plain_aer()

    def work(sampler: Any, circuits: list[Any], shots: int) -> Callable[[], Any]:
        pubs = [(circuit, values, shots) for circuit, values in circuits]
        return lambda: sampler.run(pubs).result()

    costs = take_turns(
        {
            "Aer as it comes": timed(work(plain, pairs, chosen.shots)),
            "this package": timed(work(ours, pairs, chosen.shots)),
            "its evolution": timed(work(ours, pairs, 1)),
            "evolution of the longest": timed(work(ours, pairs[-1:], 1)),
        },
        chosen.turns,
    )
    print(f"{chosen.qubits} qubits, {chosen.circuits} Krylov states, {chosen.shots} shots, bond {BOND_DIMENSION}")
    for name, values in costs.items():
        cost = median(values) / chosen.rows
        print(f"{name:<26}{cost.processor:.3f} s of processor a row, {cost.wall:.3f} s on the clock")
    gained = ratio(costs["Aer as it comes"], costs["this package"])
    print(f"Aer as it comes / this package: {gained.processor:.2f} in processor time, {gained.wall:.2f} on the clock")
    whole, evolving, longest = (median(values).processor for values in list(costs.values())[1:])
    print(f"evolving once would bring a factor of {whole / (whole - evolving + longest):.2f} at most")


if __name__ == "__main__":
    main()
