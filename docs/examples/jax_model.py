"""
Ground states inside a JAX model
================================

``ground_state_expectations`` is one differentiable function: coefficients in, expectation values out. Anything that
JAX can differentiate may stand before and after it. Here a small network makes the coefficients.
"""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import make_circles

from hamiltonian_ml import PauliBasis, Subspace, ground_state_expectations, restrict

X, y = make_circles(100, factor=0.5, noise=0.1, random_state=0)
rows, labels = jnp.asarray(X), jnp.asarray(y)

# %%
# The structure holds what all Hamiltonians share, the strings between the basis states. It is made once.

basis = PauliBasis.chain(4)
structure = restrict(basis, Subspace.full(4))
rng = np.random.default_rng(0)
parameters = {
    "hidden": 0.5 * rng.standard_normal((2, 8)),
    "strings": 0.1 * rng.standard_normal((8, basis.n_terms)),
    "bias": rng.standard_normal(basis.n_terms),
    "readout": 0.1 * rng.standard_normal(basis.n_terms),
}


def loss(parameters):
    """Return the mean logistic loss, in nats."""
    coefficients = (
        parameters["bias"] + jnp.tanh(rows @ parameters["hidden"]) @ parameters["strings"]
    )
    logits = ground_state_expectations(coefficients, structure) @ parameters["readout"]
    return optax.sigmoid_binary_cross_entropy(logits, labels).mean()


# %%
# The rest is ordinary JAX and optax.

loss_and_slopes = jax.jit(jax.value_and_grad(loss))
optimiser = optax.adam(0.02)
memory, curve = optimiser.init(parameters), []
for _ in range(60):
    value, slopes = loss_and_slopes(parameters)
    updates, memory = optimiser.update(slopes, memory)
    parameters = optax.apply_updates(parameters, updates)
    curve.append(float(value))
print(f"loss {curve[0]:.3f} nats at the start, {curve[-1]:.3f} after {len(curve)} steps")

figure, ax = plt.subplots(layout="constrained")
ax.plot(curve, color="black")
ax.set(xlabel="step", ylabel="loss (nat)", title="a network in front of four qubits")
plt.show()
