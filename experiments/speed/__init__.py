"""Speed: what a Hamiltonian costs, beside other packages and beside what the machine allows."""
