"""How much of a state a matrix product simulator throws away at a given bond dimension.

In: a circuit without free parameters, the options of a `Backend`. Out: the discarded weight.
"""

from __future__ import annotations

import math
import re
from typing import Any

from qiskit import QuantumCircuit

from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.kernels import fuse
from hamiltonian_ml.sampling.lines import evolved, read_line, zero_state


def discarded_weight(circuit: QuantumCircuit, backend: Backend) -> float:
    """Return the sum of the squared Schmidt values that the backend "mps" discards while it runs a circuit.

    Parameters
    ----------
    circuit : QuantumCircuit
        Without free parameters; measurements are left out.
    backend : Backend
        Its bond dimension and truncation threshold are used.

    Returns
    -------
    float
        0 if nothing is discarded. As long as it is small, it bounds the loss of fidelity within a factor of about 2.

    Raises
    ------
    ValueError
        If the circuit has free parameters.

    Notes
    -----
    For a circuit that is not on a line of qubits the number comes from Aer's own log of a run that draws no samples; it
    keeps six digits. Runs of other threads of the process would be counted too.

    Examples
    --------
    >>> pair = QuantumCircuit(2)
    >>> for gate, *qubits in (("h", 0), ("cx", 0, 1)):
    ...     _ = getattr(pair, gate)(*qubits)
    >>> round(discarded_weight(pair, Backend("mps", bond_dimension=1)), 6)
    0.5
    >>> discarded_weight(pair, Backend("mps", bond_dimension=2))
    0.0
    """
    if circuit.parameters:
        raise ValueError(f"circuit must have numbers for angles, got {len(circuit.parameters)} parameters; bind them.")
    bare = circuit.remove_final_measurements(inplace=False)
    line = read_line(bare)
    if line is None:
        return _logged_by_aer(bare, backend)
    places, gates, _ = fuse(line.n_sites, line.sites, line.angles)
    bond_dimension, threshold = backend.bond_dimension, backend.truncation_threshold
    return evolved(zero_state(line.n_sites), places, gates, bond_dimension=bond_dimension, threshold=threshold)[1]


def _logged_by_aer(circuit: QuantumCircuit, backend: Backend) -> float:
    from qiskit_aer import AerSimulator

    simulator = AerSimulator(
        method="matrix_product_state",
        matrix_product_state_max_bond_dimension=backend.bond_dimension,
        matrix_product_state_truncation_threshold=backend.truncation_threshold,
        mps_log_data=True,
        max_parallel_threads=1,
    )
    # Aer's log goes on from run to run of a process: what a circuit without gates shows is what was there before.
    before = _log(simulator, QuantumCircuit(1))
    after = _log(simulator, circuit)
    return math.fsum(float(value) for value in re.findall(r"discarded_value=([0-9.e+-]+)", after[len(before) :]))


def _log(simulator: Any, state: QuantumCircuit) -> str:
    state.save_amplitudes([0])  # a run has to ask for something
    return str(simulator.run(state, shots=1).result().results[0].metadata["MPS_log_data"]).rstrip("} ")
