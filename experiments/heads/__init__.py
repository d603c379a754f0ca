"""Heads on a frozen language model: which questions they mend that the model answers wrongly."""
