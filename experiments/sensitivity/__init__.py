"""Accuracy against the settings of training and sampling."""
