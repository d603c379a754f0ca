"""State vectors of matrix product states, tensor by tensor."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.sampling.kernels import fuse
from hamiltonian_ml.sampling.lines import evolved, line_order, read_line, zero_state


def amplitudes(circuit, bond_dimension=64, threshold=0.0):
    """Return the state vector that the compiled loops give, in Qiskit's order of the qubits."""
    line = read_line(circuit)
    places, gates, ends = fuse(line.n_sites, line.sites, line.angles)
    state, _ = evolved(zero_state(line.n_sites), places, gates, bond_dimension=bond_dimension, threshold=threshold)
    tensors, _, bonds = state
    vector = np.ones((1, 1), dtype=complex)
    for site, end in enumerate(ends):
        tensor = np.einsum("ij,ajb->aib", end, tensors[site, : bonds[site], :, : bonds[site + 1]])
        vector = np.einsum("xa,aib->xib", vector, tensor).reshape(-1, bonds[site + 1])
    order = line_order(circuit.num_qubits, {(a, b) for a, b in pairs(circuit)})
    in_qubits = vector.reshape((2,) * len(order)).transpose([order.index(q) for q in reversed(range(len(order)))])
    return in_qubits.ravel()


def pairs(circuit):
    return [tuple(circuit.find_bit(q).index for q in i.qubits) for i in circuit.data if len(i.qubits) == 2]
