"""Tests of hamiltonian_ml.learning."""
