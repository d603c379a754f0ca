"""
From the ideal simulator to the noisy device
============================================

One trained model, and the same rows with basis states from ever more real places. Noise scatters shots over more basis
states. What is kept of them is diagonalised exactly, so that every energy stays an upper bound. Noise can push states
out that matter; here it hardly does.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.display.ladder import NoiseLadderDisplay
from hamiltonian_ml.display.samples import SampleDisplay

PLACES = ["statevector", "fake_kingston", "fake_torino"]

# Larger start values without the penalty on what is left out make ground states that need many basis states.
X, y = make_moons(40, noise=0.15, random_state=0)
X = StandardScaler().fit_transform(X)
model = HamiltonianClassifier(
    12,
    selection="krylov",
    shots=100,
    max_dimension=40,
    max_iter=40,
    start_scale=0.1,
    variance_penalty=0.0,
    random_state=0,
).fit(X, y)
print(
    f"training accuracy {model.score(X, y):.3f} in {model.subspace_.dimension} of {2**12:,} basis states"
)

# %%
# What was measured for it, by rank and by the number of flipped qubits. Filled marks were kept.

SampleDisplay.from_estimator(model)

# %%
# Its score, the share of trusted rows and the weight that is missed, place by place.

ladder = NoiseLadderDisplay.from_estimator(model, X[:12], y[:12], backends=PLACES)
print(ladder.ladder.to_dataframe().round(4))
plt.show()
