"""Pauli strings, computational basis states and local frames: the types that every stage shares."""
