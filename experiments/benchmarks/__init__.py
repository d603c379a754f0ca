"""Test scores on small tables by nested cross-validation, beside tuned classical models."""
