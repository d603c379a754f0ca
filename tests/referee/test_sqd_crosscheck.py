"""The same energies from qiskit-addon-sqd, which shares no code with this package."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.referee.exact import exact_ground_state
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict
from tests.reference.dense import dense_hamiltonian

# Entries of strings with Y are off by 4e-8 each there, as pi is rounded in a phase.
SQD_ACCURACY = 1e-6


def solve_by_sqd(qubit, space, operator):
    """Return energy and state; ``which`` and ``v0`` as its solver would look for the largest size, from any start."""
    bits = space.bits()[:, ::-1].astype(bool)  # its leftmost column is the highest qubit
    start = np.random.default_rng(0).normal(size=space.dimension)
    energies, states = qubit.solve_qubit(bits, operator, which="SA", k=1, v0=start, tol=1e-12)
    return energies[0], states[:, 0].conj()  # its matrix is the transpose of the Hamiltonian


@pytest.mark.parametrize(("n_qubits", "dimension"), [(5, 12), (6, 40)])
def test_the_lowest_level_of_a_subspace_is_that_of_the_dense_block(sqd_qubit, rng, n_qubits, dimension):
    basis = PauliBasis.ring(n_qubits)
    values = rng.normal(size=basis.n_terms)
    states = rng.choice(2**n_qubits, dimension, replace=False).tolist()
    space = Subspace.from_integers(states, n_qubits)
    energy, psi = solve_by_sqd(sqd_qubit, space, basis.to_operator(values))
    block = dense_hamiltonian(basis.labels, values)[np.ix_(space.words[:, 0], space.words[:, 0])]
    levels, vectors = np.linalg.eigh(block)
    assert energy == pytest.approx(levels[0], abs=SQD_ACCURACY)
    assert abs(np.vdot(vectors[:, 0], psi)) == pytest.approx(1, abs=SQD_ACCURACY)


@pytest.mark.parametrize("n_qubits", [8, 50])
def test_our_own_search_in_a_subspace_finds_the_same_level_and_state(sqd_qubit, rng, n_qubits):
    """Strings with an odd number of Y included: the state tells a Hamiltonian from its transpose."""
    basis = PauliBasis.chain(n_qubits)
    values = 0.2 * rng.normal(size=basis.n_terms)
    space = Subspace.excitations(n_qubits, 2 if n_qubits < 20 else 1)
    energy, psi = solve_by_sqd(sqd_qubit, space, basis.to_operator(values))
    ours = lowest_levels(restrict(basis, space), values[None], tol=1e-10)
    assert ours.energies[0, 0] == pytest.approx(energy, abs=SQD_ACCURACY)
    assert abs(np.vdot(ours.ground_states[0], psi)) == pytest.approx(1, abs=SQD_ACCURACY)
    assert abs(np.vdot(ours.ground_states[0], psi.conj())) < 0.999  # it is not its own conjugate


def test_the_full_space_gives_the_exact_ground_state(sqd_qubit, rng):
    basis = PauliBasis.chain(5)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    energy, psi = solve_by_sqd(sqd_qubit, Subspace.full(5), operator)
    state = exact_ground_state(operator)
    assert energy == pytest.approx(state.energy, abs=SQD_ACCURACY)
    assert abs(np.vdot(state.amplitudes, psi)) == pytest.approx(1, abs=SQD_ACCURACY)
