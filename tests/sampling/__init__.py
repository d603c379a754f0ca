"""Tests of hamiltonian_ml.sampling."""
