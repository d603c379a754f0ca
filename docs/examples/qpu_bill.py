"""
The bill, before anything is spent
==================================

What training on a Heron processor would take, its circuits as the device would run them, and the budget that stops it.
Nothing here touches the network: devices are the calibrations that qiskit-ibm-runtime ships.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml import Backend, HamiltonianClassifier, PauliBasis, krylov_circuits
from hamiltonian_ml.display.circuit import CircuitDisplay

X = make_pipeline(StandardScaler(), PCA(8), StandardScaler()).fit_transform(
    load_breast_cancer().data
)

model = HamiltonianClassifier(
    50, backend="fake_kingston", refresh_every=25, max_iter=100, shots=1000, random_state=0
)
print(model.preview(X[:60], price_per_minute=96.0))

# %%
# Fewer rounds of sampling, shots and Krylov states are the handles; of many rows 64 are sampled at a time.
# ``max_qpu_seconds`` is a budget: what is estimated to exceed it is not sent.

cheaper = HamiltonianClassifier(
    50, backend="fake_kingston", refresh_every=100, shots=400, max_qpu_seconds=120
)
print(cheaper.preview(X[:60], price_per_minute=96.0))

# %%
# One Krylov step has the same depth at any number of qubits, since edges that share no qubit run side by side.

rng = np.random.default_rng(0)
small = PauliBasis.chain(8)
CircuitDisplay(
    krylov_circuits(
        small.to_operator(rng.standard_normal(small.n_terms)), krylov_dimension=2
    )[0]
).plot()

# %%
# The same step on 50 qubits, on the couplers that the device's calibration likes best and in its own gates:

heron, wide = Backend("fake_kingston"), PauliBasis.chain(50)
circuits = krylov_circuits(
    wide.to_operator(rng.standard_normal(wide.n_terms)), krylov_dimension=2
)
native = heron.compile(circuits, wide)[0]
print(dict(native.count_ops()))
print(f"shots without any error: {heron.error_free_fraction(native):.1%}")
plt.show()
