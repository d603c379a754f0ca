"""How hard the ground states are for tensor networks."""
