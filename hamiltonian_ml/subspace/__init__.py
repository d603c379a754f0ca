"""Hamiltonians restricted to a set of basis states: structure, ground states, derivatives and certificates."""
