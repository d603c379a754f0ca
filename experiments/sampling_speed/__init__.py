"""What it costs to sample Krylov states at fifty qubits."""
