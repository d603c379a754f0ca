"""Slow, obvious twins of the fast code, which the tests compare it with."""
