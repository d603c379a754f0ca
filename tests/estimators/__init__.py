"""Tests of hamiltonian_ml.estimators."""
