"""Coefficients in, measured bitstrings out: circuits, backends and runs."""
