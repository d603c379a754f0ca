"""Errors of energies, observables and gradients against each other."""
