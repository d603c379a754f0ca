"""Strategies that turn samples into the subspace that a batch of rows shares."""
