"""Tests of hamiltonian_ml.selection."""
