"""Tests of hamiltonian_ml.referee."""
