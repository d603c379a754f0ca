from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import UGate
from qiskit.quantum_info import Operator
from scipy.linalg import expm
from scipy.stats import unitary_group

from hamiltonian_ml.sampling.weyl import (
    INTERACTION_AFTER,
    INTERACTION_BEFORE,
    append_interaction,
    decompose,
    euler_angles,
    interaction_parameters,
)
from tests.reference.dense import PAULI
from tests.reference.trotter import distance_up_to_phase

ROUND_OFF = 1e-12  # a few products of unitaries; the worst of 100,000 random and near-degenerate ones was 4.4e-14

HADAMARD = (PAULI["X"] + PAULI["Z"]) / np.sqrt(2)
SWAP = np.eye(4)[[0, 2, 1, 3]]
DEGENERATE = {
    "identity": np.eye(4),
    "a phase": 1j * np.eye(4),
    "CZ": np.diag([1, 1, 1, -1]),
    "CNOT": np.eye(4)[[0, 1, 3, 2]],
    "SWAP": SWAP,
    "iSWAP": SWAP @ np.diag([1, 1j, 1j, 1]),
    "square root of SWAP": (1 + 1j) / 2 * np.eye(4) + (1 - 1j) / 2 * SWAP,
    "Pauli product": np.kron(PAULI["X"], PAULI["Y"]),
    "product": np.kron(HADAMARD, np.diag([1, np.exp(0.3j)])),
    "diagonal signs": np.diag([1, -1, -1, -1]),
    "diagonal phases": np.diag(np.exp(1j * np.array([0.1, 0.7, -0.4, 2.0]))),
}


def interaction(angles):
    a, b, c = angles
    xx, yy, zz = (np.kron(PAULI[letter], PAULI[letter]) for letter in "XYZ")
    return expm(-1j * (a * xx + b * yy + c * zz))


def product(gates):
    return np.kron(gates[1], gates[0])


def rebuilt(split):
    return np.exp(1j * split.phase) * (product(split.after) @ interaction(split.angles) @ product(split.before))


def random_nudge(seed, size):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    return expm(1j * size * (matrix + matrix.conj().T))


@given(seed=st.integers(0, 2**32 - 1))
def test_factors_of_a_random_unitary_give_it_back(seed):
    unitary = unitary_group.rvs(4, random_state=seed)
    np.testing.assert_allclose(rebuilt(decompose(unitary)), unitary, atol=ROUND_OFF)


@given(name=st.sampled_from(sorted(DEGENERATE)), seed=st.integers(0, 2**32 - 1), exponent=st.integers(-17, -1))
def test_factors_of_unitaries_near_degenerate_ones_give_them_back(name, seed, exponent):
    unitary = DEGENERATE[name] @ random_nudge(seed, 10.0**exponent)
    np.testing.assert_allclose(rebuilt(decompose(unitary)), unitary, atol=ROUND_OFF)


@pytest.mark.parametrize("name", sorted(DEGENERATE))
def test_factors_of_degenerate_unitaries_give_them_back_and_are_unitary(name):
    split = decompose(np.asarray(DEGENERATE[name], dtype=np.complex128))
    np.testing.assert_allclose(rebuilt(split), DEGENERATE[name], atol=ROUND_OFF)
    for gates in (split.after, split.before):
        np.testing.assert_allclose(gates @ gates.conj().swapaxes(1, 2), [np.eye(2)] * 2, atol=ROUND_OFF)


def test_a_direction_that_hides_a_difference_of_two_phases_is_not_used():
    # XX, YY, ZZ angles that put every pair of phases symmetric about one of the directions that are tried.
    for step in range(14):
        unitary = interaction((step * np.pi / 28, 0.2, 0.0)) @ random_nudge(step, 1e-9)
        np.testing.assert_allclose(rebuilt(decompose(unitary)), unitary, atol=ROUND_OFF)


def test_a_batch_keeps_its_shape_and_gives_what_single_unitaries_give():
    unitaries = unitary_group.rvs(4, size=6, random_state=1).reshape(2, 3, 4, 4)
    split = decompose(unitaries)
    assert split.phase.shape == (2, 3)
    assert split.angles.shape == (2, 3, 3)
    assert split.after.shape == split.before.shape == (2, 3, 2, 2, 2)
    np.testing.assert_allclose(split.angles[1, 2], decompose(unitaries[1, 2]).angles, atol=ROUND_OFF)


@pytest.mark.parametrize("gate", [*PAULI.values(), HADAMARD, np.diag([1, 1j]), -1j * PAULI["Y"]])
def test_euler_angles_of_clifford_gates_give_them_back(gate):
    assert distance_up_to_phase(UGate(*euler_angles(gate)).to_matrix(), gate) < ROUND_OFF


@given(seed=st.integers(0, 2**32 - 1), exponent=st.integers(-17, 0), flip=st.booleans())
def test_euler_angles_give_the_gate_back_also_near_diagonal_and_flipping_gates(seed, exponent, flip):
    nudge = expm(10.0**exponent * 1j * (PAULI["X"] * 0.8 + PAULI["Y"] * 0.6))
    gate = np.diag(np.exp(1j * np.random.default_rng(seed).uniform(-np.pi, np.pi, 2))) @ nudge
    gate = PAULI["X"] @ gate if flip else gate
    assert distance_up_to_phase(UGate(*euler_angles(gate)).to_matrix(), gate) < ROUND_OFF


@given(angles=st.tuples(*[st.floats(-4, 4)] * 3))
def test_three_cz_make_the_interaction(angles):
    circuit = QuantumCircuit(2)
    append_interaction(circuit, interaction_parameters(np.array(angles)), 0, 1)
    assert circuit.count_ops()["cz"] == 3
    built = product(INTERACTION_AFTER) @ Operator(circuit).data @ product(INTERACTION_BEFORE)
    assert distance_up_to_phase(built, interaction(angles)) < ROUND_OFF


def test_a_matrix_that_is_not_unitary_is_refused():
    with pytest.raises(ValueError, match=r"must be unitary to 1e-9, got a deviation of 3\.0e\+00"):
        decompose(2 * np.eye(4, dtype=np.complex128))
    with pytest.raises(ValueError, match=r"must have shape \(\.\.\., 4, 4\), got \(2, 2\)"):
        decompose(np.eye(2, dtype=np.complex128))
