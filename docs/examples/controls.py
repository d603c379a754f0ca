"""
Did the circuits do the work?
=============================

The same ground state with basis states from four places, at equal numbers: Krylov circuits, a classical search from
the reference state, what noise alone would give, and chance. What sampled states have to beat is the second.
"""

import matplotlib.pyplot as plt
import numpy as np

from hamiltonian_ml import NoiseSelection, PauliBasis, RandomSelection, ground_state
from hamiltonian_ml.referee import exact_ground_state

basis = PauliBasis.chain(14)
rng = np.random.default_rng(3)
field = np.array(
    [label.count("Z") == 1 and set(label) == {"I", "Z"} for label in basis.labels]
)
operator = basis.to_operator(-1.0 * field + 0.25 * rng.standard_normal(basis.n_terms))
exact = exact_ground_state(operator).energy

sizes = [10, 20, 40, 80, 160]
places = {
    "Krylov circuits": lambda size: "krylov",
    "classical search": lambda size: "classical",
    "noise alone": lambda size: NoiseSelection(size),
    "random states": lambda size: RandomSelection(size),
}
errors = {
    name: [
        ground_state(
            operator,
            selection=place(size),
            max_dimension=size,
            shots=20_000,
            random_state=0,
        ).energy
        - exact
        for size in sizes
    ]
    for name, place in places.items()
}

figure, ax = plt.subplots(layout="constrained")
for (name, found), line in zip(errors.items(), ["ko-", "k^--", "s:", "d-."], strict=True):
    ax.loglog(
        sizes, found, line, label=name, **({} if line[0] == "k" else {"color": "0.5"})
    )
ax.set(
    xlabel="basis states",
    ylabel="energy above the exact one",
    title="14 qubits, a field and random terms",
)
ax.legend()

# %%
# Here the circuits come close to the classical search and do not beat it.
#
# Local frames are part of it. In the computational axes equally many states end much higher.

for frame in ("mean_field", "computational"):
    state = ground_state(
        operator, frame=frame, max_dimension=160, shots=20_000, random_state=0
    )
    weight = float(state.certificate().captured_weight[0])
    print(
        f"{frame:>14}: energy {state.energy - exact:.4f} above the exact one, estimated weight {weight:.3f}"
    )
plt.show()
