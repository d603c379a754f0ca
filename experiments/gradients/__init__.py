"""Gradients against the number of qubits and against distance, and how exact they are."""
