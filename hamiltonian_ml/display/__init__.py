"""Figures of fitted models and of studies."""
