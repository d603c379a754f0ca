"""Tests of the commands that work on tables."""
