"""Seconds a row of Krylov samples on a matrix product state, beside Aer as it comes, and where they go.

Run ``python -m experiments.sampling_speed.run``; about half a minute. Competitors take turns on one thread each. The
package evolves a row once, whatever the number of its Krylov states, and draws all shots of a state together;
"circuit by circuit" is the package without the former. "Aer at its fastest" is Aer with the algorithm that draws the
same samples in the least time.
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
from hamiltonian_ml.sampling.simulators import open_matrix_products_of_aer
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
    fastest = open_matrix_products_of_aer(BOND_DIMENSION, TRUNCATION, seed=1, max_threads=1)

    def work(sampler: Any, circuits: list[Any], shots: int) -> Callable[[], Any]:
        pubs = [(circuit, values, shots) for circuit, values in circuits]
        return lambda: sampler.run(pubs).result()

    costs = take_turns(
        {
            "Aer as it comes": timed(work(plain, pairs, chosen.shots)),
            "Aer at its fastest": timed(work(fastest, pairs, chosen.shots)),
            "this package": timed(work(ours, pairs, chosen.shots)),
            "circuit by circuit": timed(lambda: [work(ours, [pair], chosen.shots)() for pair in pairs]),
            "without drawing": timed(work(ours, pairs, 1)),
        },
        chosen.turns,
    )
    print(f"{chosen.qubits} qubits, {chosen.circuits} Krylov states, {chosen.shots} shots, bond {BOND_DIMENSION}")
    for name, values in costs.items():
        cost = median(values) / chosen.rows
        print(f"{name:<26}{cost.processor:.3f} s of processor a row, {cost.wall:.3f} s on the clock")
    for name in ("Aer as it comes", "Aer at its fastest", "circuit by circuit"):
        gained = ratio(costs[name], costs["this package"])
        print(f"{name} / this package: {gained.processor:.2f} in processor time, {gained.wall:.2f} on the clock")


if __name__ == "__main__":
    main()
