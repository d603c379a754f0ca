"""The method, drawn."""
