"""States carried over between rows and epochs, on and off, at equal size."""
