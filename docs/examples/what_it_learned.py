"""
What a model has learned
========================

Operators are the parameters, so they can be read: which terms carry a feature, which carry a class, and which features
the outputs depend on.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from hamiltonian_ml import HamiltonianClassifier
from hamiltonian_ml.display.operators import OperatorDisplay
from hamiltonian_ml.display.sensitivities import SensitivityDisplay

table = load_iris(as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(table.data)
y = table.target_names[table.target]
model = HamiltonianClassifier(4, learning_rate=0.1, random_state=0).fit(X, y)
print(f"training accuracy {model.score(X, y):.3f} on {model.classes_.tolist()}")

# %%
# The operator that multiplies a feature, string by string. A dash marks a negative coefficient.

OperatorDisplay.from_estimator(model, operator="feature", index=3)

# %%
# The operator whose expectation value, with an intercept, is the logit of a class, and the same as a ``SparsePauliOp``.

OperatorDisplay.from_estimator(model, operator="label", index=2)
print(model.label_operators_[2].simplify(atol=0.5))

# %%
# Exact derivatives of the outputs by the features: how much each of them matters, over the rows of the table.

SensitivityDisplay.from_estimator(model, X)
plt.show()
