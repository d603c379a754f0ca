"""Circuits laid out on a device's best qubits and written in its own gates, once for all rows.

In: parametrised circuits, their graph and a target. Out: circuits on all qubits of the device, ready to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit, transpile

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.devices import read_calibration
from hamiltonian_ml.sampling.layers import Edge
from hamiltonian_ml.sampling.layout import best_layout

if TYPE_CHECKING:
    from qiskit.transpiler import Target


def native_circuits(target: Target, circuits: Sequence[QuantumCircuit], basis: PauliBasis) -> list[QuantumCircuit]:
    """Return circuits in the gates of a device, on the couplers that `best_layout` finds; parameters keep their order.

    Raises
    ------
    NoLayoutError
        If the graph does not fit on working couplers. No SWAP is added to make it fit.

    Examples
    --------
    >>> from hamiltonian_ml.sampling.devices import fake_target
    >>> from hamiltonian_ml.sampling.template import krylov_template
    >>> basis = PauliBasis.chain(4)
    >>> circuits = krylov_template(basis, krylov_dimension=2).circuits
    >>> native_circuits(fake_target("fake_fez"), circuits, basis)[0].count_ops()["cz"]
    9
    """
    compiled: list[QuantumCircuit] = transpile(
        list(circuits),
        target=target,
        initial_layout=list(_places(target, basis.n_qubits, basis.edges)),
        optimization_level=1,
        seed_transpiler=0,
        num_processes=1,
    )
    return compiled


@lru_cache(maxsize=8)  # training compiles anew each time that it samples, and the search can take seconds
def _places(target: Target, n_qubits: int, edges: tuple[Edge, ...]) -> tuple[int, ...]:
    return best_layout(read_calibration(target), n_qubits, edges).qubits
