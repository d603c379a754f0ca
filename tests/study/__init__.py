"""Tests of hamiltonian_ml.study."""
