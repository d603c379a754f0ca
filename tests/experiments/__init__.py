"""Tests of the studies in experiments."""
