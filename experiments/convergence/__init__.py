"""Convergence of sample-based Krylov diagonalisation, beside subspaces of equal size that were not sampled."""
