"""One model through the noise of three generations of Heron, and training in such noise."""
