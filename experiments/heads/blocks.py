"""What a processor would make of a Cayley adapter: its gates, and its answers with shots and noise.

A block of width 2^k acts on the amplitudes of k qubits. The signs of the amplitudes, which counts do not show, are
taken as known, amplitudes are loaded without gates and read without errors: what is found here is the least that shots
and noise cost.
"""

from __future__ import annotations

import numpy as np


def orthogonality_error(matrices: np.ndarray) -> float:
    """Return the largest entry of ``Q^T Q - 1`` over blocks (n_blocks, size, size)."""
    return float(np.abs(np.einsum("bij,bik->bjk", matrices, matrices) - np.eye(matrices.shape[-1])).max())


def cz_counts(matrices: np.ndarray) -> np.ndarray:
    """Return the CZ gates of each block, synthesised and optimised by Qiskit for a line of qubits."""
    from qiskit import QuantumCircuit, transpile
    from qiskit.transpiler import CouplingMap

    n_qubits = int(np.log2(matrices.shape[-1]))
    counts = []
    for matrix in matrices:
        circuit = QuantumCircuit(n_qubits)
        circuit.unitary(matrix, range(n_qubits))
        native = transpile(
            circuit, basis_gates=["cz", "rz", "sx", "x"], coupling_map=CouplingMap.from_line(n_qubits),
            optimization_level=3, seed_transpiler=0,
        )  # fmt: skip
        counts.append(native.count_ops().get("cz", 0))
    return np.array(counts)


def measured(
    states: np.ndarray, matrices: np.ndarray, *, shots: int, error: np.ndarray | float, rng: np.random.Generator
) -> np.ndarray:
    """Return states (..., width) turned block by block, with amplitudes estimated from counts.

    Parameters
    ----------
    states : (..., n_blocks * size) float
    matrices : (n_blocks, size, size) float
        Orthogonal.
    shots : int
        For each block of each state.
    error : float or (n_blocks,) float
        Chance that a shot of a block is lost to a uniformly random outcome.
    rng : numpy.random.Generator
    """
    size = matrices.shape[-1]
    parts = states.reshape(-1, len(matrices), size)
    lengths = np.linalg.norm(parts, axis=-1, keepdims=True)
    exact = np.einsum("bij,nbj->nbi", matrices, parts / np.maximum(lengths, 1e-300))
    shares = exact**2 / (exact**2).sum(axis=-1, keepdims=True)
    loss = np.broadcast_to(np.asarray(error, dtype=float), len(matrices))[:, None]
    counts = rng.multinomial(shots, (1 - loss) * shares + loss / size)
    found: np.ndarray = np.sign(exact) * np.sqrt(counts / shots) * lengths
    return found.reshape(states.shape)


def cz_error(device: str) -> float:
    """Return the mean error of the CZ gates of a fake device that work, from its calibration."""
    from hamiltonian_ml.sampling.devices import fake_target

    gates = fake_target(device)["cz"].values()
    errors = [gate.error for gate in gates if gate is not None and gate.error is not None and gate.error < 0.5]
    return float(np.mean(errors))
