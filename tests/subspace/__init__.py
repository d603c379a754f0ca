"""Tests of hamiltonian_ml.subspace."""
