"""Training at fifty qubits from sampled states."""
