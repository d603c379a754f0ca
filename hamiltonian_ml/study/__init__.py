"""Sweeps over tasks, their results on disk and their statistics."""
