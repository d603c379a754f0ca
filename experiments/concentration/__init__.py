"""How many basis states hold 99 % of a ground state."""
