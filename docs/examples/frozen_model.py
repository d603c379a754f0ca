"""
A head on a model that stays frozen
===================================

A fitted classifier keeps its weights and its logits; the head learns what to add to them, and a report says which rows
it mended and which it broke.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_circles
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from hamiltonian_ml import HamiltonianHeadClassifier

X, y = make_circles(240, factor=0.5, noise=0.1, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
base = LogisticRegression().fit(X_train, y_train)
print(f"base alone: {base.score(X_test, y_test):.3f}")

# %%
# A line cannot tell two circles apart, so the correction has to.

head = HamiltonianHeadClassifier(base, n_qubits=3, learning_rate=0.1, random_state=0).fit(
    X_train, y_train
)
print(f"with the head: {head.score(X_test, y_test):.3f}")

# %%
# On rows that neither has seen: which answers were mended, which broken, and whether that could be chance.

report = head.compare(X_test, y_test)
print(
    f"{int(report.fixed.sum())} mended, {int(report.broken.sum())} broken, p = {float(report.p_value):.1e}"
)

figure, ax = plt.subplots(layout="constrained")
fixed, broken = np.asarray(report.fixed), np.asarray(report.broken)
for rows, marker, label in (
    (~fixed & ~broken, ".", "as before"),
    (fixed, "^", "mended"),
    (broken, "x", "broken"),
):
    ax.scatter(
        *X_test[rows].T,
        marker=marker,
        color="black" if marker != "." else "0.6",
        label=label,
    )
ax.set(
    xlabel="feature 0",
    ylabel="feature 1",
    aspect="equal",
    title="test rows, by what the head did to them",
)
ax.legend()
plt.show()
