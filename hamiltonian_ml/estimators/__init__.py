"""The scikit-learn estimators: one object with fit, predict and the certificate of its own answers."""
