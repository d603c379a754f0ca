"""Calibrated noise by Pauli trajectories beside the full noise model."""
