"""Two-qubit gates and depth of a Trotter step on every fake Heron."""
