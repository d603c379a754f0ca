"""Tests of hamiltonian_ml.bases."""
