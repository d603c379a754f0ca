"""What ranking samples against the noise brings, at equal size of the subspace."""
