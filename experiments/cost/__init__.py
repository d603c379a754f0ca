"""What circuits and ground states cost."""
