"""Test accuracy in the whole space on small tables."""
