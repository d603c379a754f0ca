"""Ground states by independent methods, to judge the sampled ones by."""
