"""
The whole path in one picture
=============================

From a row of a table to a decision and a word on how far to trust it, on twelve qubits with sampled basis states. The
star is one row, with its Hamiltonian and a circuit for it; the bitstrings are those of 64 rows. Circuits and bitstrings
are meant in local frames.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from hamiltonian_ml import HamiltonianClassifier, krylov_circuits
from hamiltonian_ml.display.certificate import CertificateDisplay
from hamiltonian_ml.display.circuit import CircuitDisplay
from hamiltonian_ml.display.operators import OperatorDisplay
from hamiltonian_ml.display.samples import SampleDisplay

X, y = make_moons(120, noise=0.15, random_state=0)
model = HamiltonianClassifier(
    12,
    selection="krylov",
    shots=400,
    max_dimension=150,
    start_scale=0.1,
    learning_rate=0.05,
    random_state=0,
).fit(X, y)
print(f"training accuracy {model.score(X, y):.3f}, {model.subspace_}")

# %%
# Each step has a display of its own; all of them draw on axes that are given.

figure, axes = plt.subplots(2, 3, figsize=(15, 7.6), layout="constrained")
table, hamiltonian, circuit, samples, certificate, boundary = axes.flat
STAR = {"marker": "*", "s": 260, "color": "white", "edgecolor": "black", "zorder": 3}


def scatter(ax):
    """Draw the rows, those of each class by a mark of their own, and a star for one."""
    for label, marker in enumerate("o^"):
        ax.scatter(*X[y == label].T, marker=marker, color="0.85", edgecolor="black")
    ax.scatter(*X[0], **STAR)
    ax.set(xlabel="feature 0", ylabel="feature 1")


scatter(table)
operator = model.hamiltonians(X[:1])[0]
basis = model.basis_
OperatorDisplay(basis.coefficients(operator)[0], basis, unit="start field").plot(
    ax=hamiltonian
)
CircuitDisplay(krylov_circuits(operator, krylov_dimension=2)[0]).plot(ax=circuit)
circuit.get_legend().remove()
SampleDisplay.from_estimator(model, ax=samples)
CertificateDisplay.from_estimator(model, X, ax=certificate)
DecisionBoundaryDisplay.from_estimator(
    model,
    X,
    response_method="predict_proba",
    grid_resolution=25,
    cmap="cividis",
    ax=boundary,
)
scatter(boundary)
for number, (ax, title) in enumerate(
    [
        (table, "a row of a table"),
        (hamiltonian, "its Hamiltonian"),
        (circuit, "a step of its evolution"),
        (samples, "the bitstrings of all rows"),
        (certificate, "how good the ground states are"),
        (boundary, "the decision"),
    ],
    1,
):
    ax.set_title(f"{number}  {title}", loc="left")
plt.show()
