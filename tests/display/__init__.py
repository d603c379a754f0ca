"""Tests of hamiltonian_ml.display."""
