"""
A table, a model, and how far to trust it
=========================================

Two interleaved half moons, three qubits and all of their eight basis states: the shortest path from a table to
predictions that say how good they are.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.display.training import TrainingDisplay

X, y = make_moons(300, noise=0.15, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Scale the features first: each of them multiplies an operator whose start values know nothing of units.

model = make_pipeline(
    StandardScaler(), HamiltonianClassifier(3, learning_rate=0.1, random_state=0)
)
model.fit(X_train, y_train)
print(f"accuracy on {len(y_test)} test rows: {model.score(X_test, y_test):.3f}")

# %%
# It is an estimator of scikit-learn, so scikit-learn draws its decision boundary.

boundary = DecisionBoundaryDisplay.from_estimator(
    model, X, response_method="predict_proba", cmap="cividis", alpha=0.6
)
for label, marker in enumerate("o^"):
    boundary.ax_.scatter(
        *X_test[y_test == label].T,
        marker=marker,
        facecolor="white",
        edgecolor="black",
        label=label,
    )
boundary.ax_.set(
    xlabel="feature 0", ylabel="feature 1", title="probability of class 1, and test rows"
)
boundary.ax_.legend(title="class")

# %%
# Every ground state has a certificate. In the whole space its residual is the solver's tolerance; with sampled basis
# states, as in later examples, it says what they miss.

scaler, classifier = model[:-1], model[-1]
certificate = classifier.certify(scaler.transform(X_test))
print(
    certificate[["energy", "gap", "residual", "trusted"]].isel(row=slice(3)).to_dataframe()
)

# %%
# Gradients are exact, and can be held against central differences at any time.

deviation = classifier.check_gradients(scaler.transform(X_train[:10]), y_train[:10])
print(f"largest relative deviation from central differences: {deviation:.1e}")

# %%
# The history of training is an ``xarray.Dataset``, and a figure.

TrainingDisplay.from_estimator(classifier)
plt.show()
