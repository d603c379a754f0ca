"""CZ count and CZ depth of one first-order Trotter step of 50 qubits on every fake Heron.

`python -m experiments.circuits.run` prints the circuits of this package, on a chain and a heavy-hexagonal patch, beside
those of Qiskit's `PauliEvolutionGate` for the same strings of the chain on the same line of qubits, at optimization
levels 1 and 3. It takes some minutes.
"""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.synthesis import LieTrotter

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.devices import fake_target, heron_fakes, read_calibration
from hamiltonian_ml.sampling.layout import NoLayoutError, best_line
from hamiltonian_ml.sampling.template import krylov_template

N_QUBITS = 50


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


def generic(name: str, *, level: int) -> str:
    basis = PauliBasis.chain(N_QUBITS)
    operator = basis.to_operator(np.random.default_rng(0).normal(size=basis.n_terms))
    circuit = QuantumCircuit(N_QUBITS)
    circuit.append(PauliEvolutionGate(operator, time=0.1, synthesis=LieTrotter()), range(N_QUBITS))
    target = fake_target(name)
    line = list(best_line(read_calibration(target), N_QUBITS).qubits)
    return size(transpile(circuit, target=target, initial_layout=line, optimization_level=level, seed_transpiler=0))


def main() -> None:
    columns = ["chain", "heavy-hex patch", "generic, level 1", "generic, level 3"]
    print(f"{N_QUBITS} qubits, one first-order step: CZ gates / CZ depth")
    print(f"{'device':18s}" + "".join(f"{column:>20s}" for column in columns))
    for name in heron_fakes():
        row = [ours(name, PauliBasis.chain(N_QUBITS)), ours(name, PauliBasis.heavy_hex(N_QUBITS))]
        row += [generic(name, level=level) for level in (1, 3)]
        print(f"{name:18s}" + "".join(f"{each:>20s}" for each in row), flush=True)


if __name__ == "__main__":
    main()
