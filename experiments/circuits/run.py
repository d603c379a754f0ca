"""CZ count and CZ depth of one first-order Trotter step of 50 qubits on every fake Heron.

`python -m experiments.circuits.run` prints the circuits of this package, on a chain, on a heavy-hexagonal patch and on
patches of 60 to 120 qubits of the device's own graph, beside those of Qiskit's `PauliEvolutionGate` for the same
strings of the chain on the same line of qubits, at optimization levels 1 and 3. It takes some minutes. Before that it
prints how long the parameters of many rows take; ``--times`` stops there.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.synthesis import LieTrotter

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.devices import fake_target, heron_fakes, read_calibration
from hamiltonian_ml.sampling.layout import NoLayoutError, best_line
from hamiltonian_ml.sampling.template import krylov_template

N_QUBITS = 50
PATCHES = (60, 80, 100, 120)  # qubits
N_ROWS, N_POWERS = 1000, 4


def size(circuit: QuantumCircuit) -> str:
    """Return the number of CZ and the depth that counts nothing else."""
    depth = circuit.depth(lambda instruction: instruction.operation.name == "cz")
    return f"{circuit.count_ops()['cz']} / {depth}"


def ours(name: str, basis: PauliBasis) -> str:
    template = krylov_template(basis, krylov_dimension=2)
    try:
        return size(Backend(name).compile(template.circuits, basis)[0])
    except NoLayoutError:
        return "no place"


def on_own_patch(name: str, n_qubits: int) -> str:
    try:
        return ours(name, Backend(name).patch(n_qubits))
    except NoLayoutError:
        return "no place"


def generic(name: str, *, level: int) -> str:
    basis = PauliBasis.chain(N_QUBITS)
    operator = basis.to_operator(np.random.default_rng(0).normal(size=basis.n_terms))
    circuit = QuantumCircuit(N_QUBITS)
    circuit.append(PauliEvolutionGate(operator, time=0.1, synthesis=LieTrotter()), range(N_QUBITS))
    target = fake_target(name)
    line = list(best_line(read_calibration(target), N_QUBITS).qubits)
    return size(transpile(circuit, target=target, initial_layout=line, optimization_level=level, seed_transpiler=0))


def binding_times() -> tuple[float, float]:
    """Return processor and wall seconds from the coefficients of many rows to PUBs, least of five, circuits at hand."""
    basis = PauliBasis.chain(N_QUBITS)
    template = krylov_template(basis, krylov_dimension=N_POWERS + 1)
    rows = np.random.default_rng(0).normal(size=(N_ROWS, basis.n_terms))
    taken = []
    for _ in range(5):
        processor, wall = time.process_time(), time.perf_counter()
        angles = krylov_angles(template, rows)
        for pub in zip(template.circuits, angles, strict=True):
            SamplerPub.coerce(pub, 1000)
        taken.append((time.process_time() - processor, time.perf_counter() - wall))
    return min(each[0] for each in taken), min(each[1] for each in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", action="store_true", help="print the first table only")
    only_times = parser.parse_args().times
    processor, wall = binding_times()
    print(f"{N_ROWS} rows x {N_POWERS} powers of {N_QUBITS} qubits, coefficients to PUBs: ", end="")
    print(f"{processor:.2f} s of processor time, {wall:.2f} s by the clock")
    if only_times:
        return
    columns = ["chain", "heavy-hex patch", *(f"own patch of {n}" for n in PATCHES)]
    columns += ["generic, level 1", "generic, level 3"]
    print(f"{N_QUBITS} qubits, one first-order step: CZ gates / CZ depth")
    print(f"{'device':18s}" + "".join(f"{column:>18s}" for column in columns))
    for name in heron_fakes():
        row = [ours(name, PauliBasis.chain(N_QUBITS)), ours(name, PauliBasis.heavy_hex(N_QUBITS))]
        row += [on_own_patch(name, n_qubits) for n_qubits in PATCHES]
        row += [generic(name, level=level) for level in (1, 3)]
        print(f"{name:18s}" + "".join(f"{each:>18s}" for each in row), flush=True)


if __name__ == "__main__":
    main()
