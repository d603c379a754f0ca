"""Training and accuracy against the number of qubits, judged by exact or tensor-network ground states."""
