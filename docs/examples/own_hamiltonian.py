"""
The ground state of a Hamiltonian of your own
=============================================

No data and no labels: one operator on 40 qubits, an Ising chain in a tilted field. Basis states come from Krylov
circuits on a matrix product state, and DMRG is the referee.
"""

import matplotlib.pyplot as plt
import numpy as np
from qiskit.quantum_info import SparsePauliOp

from hamiltonian_ml import ground_state
from hamiltonian_ml.referee import dmrg_ground_state

N_QUBITS = 40
couplings = [("ZZ", [q, q + 1], -1.0) for q in range(N_QUBITS - 1)]
fields = [
    (letter, [q], strength)
    for q in range(N_QUBITS)
    for letter, strength in (("X", -1.2), ("Z", -0.3))
]
operator = SparsePauliOp.from_sparse_list(couplings + fields, num_qubits=N_QUBITS)

state = ground_state(
    operator, shots=2000, expansion_rounds=2, max_dimension=2000, random_state=0
)
print(state.subspace)
print(f"energy {state.energy:.5f}, gap {state.gap:.3f}, residual {state.residual:.3f}")

# %%
# The energy is an upper bound, and an exact level lies within the residual of it. The certificate adds what the basis
# states are estimated to miss.

print(
    state.certificate()[
        ["variance", "correction", "captured_weight", "tilt", "trusted"]
    ].to_dataframe()
)

# %%
# More basis states take variance and energy down together, towards the exact level at variance zero. That is what
# ``extrapolated_energy`` follows, without the referee. With few states it overshoots, and it is no bound.

exact = dmrg_ground_state(operator, random_state=0).energy
sizes = [250, 500, 1000, 2000, 4000, 8000]
states = [
    ground_state(operator, selection="classical", max_dimension=size) for size in sizes
]
errors = [each.energy - exact for each in states]
extrapolated = [abs(each.extrapolated_energy() - exact) for each in states]

figure, ax = plt.subplots(layout="constrained")
ax.loglog(sizes, errors, "o-", color="black", label="energy")
ax.loglog(sizes, extrapolated, "^--", color="0.4", label="extrapolated in the variance")
ax.set(
    xlabel="basis states",
    ylabel="distance to the energy of DMRG",
    title=f"{N_QUBITS} qubits, selected classically",
)
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.set_xticks([], minor=True)
ax.legend()

# %%
# Expectation values of any strings follow, in the computational axes.

magnetisation = SparsePauliOp.from_sparse_list(
    [("X", [q], 1 / N_QUBITS) for q in range(N_QUBITS)], N_QUBITS
)
print(f"<X> a qubit: {states[-1].expectation(magnetisation):.4f}")
correlation = SparsePauliOp.from_sparse_list([("ZZ", [10, 30], 1.0)], N_QUBITS)
print(f"<Z10 Z30>: {states[-1].expectation(correlation):.4f}")
print(
    "spectrum of weights:",
    np.round(np.sort(np.abs(states[-1].amplitudes) ** 2)[::-1][:4], 4),
)
plt.show()
