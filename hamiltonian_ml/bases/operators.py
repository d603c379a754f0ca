"""Reading Qiskit's operators, which may hold anything, as sums of 1- and 2-local strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hamiltonian_ml.bases.checks import check_operator

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp


def sparse_terms(operator: SparsePauliOp) -> list[tuple[str, list[int], float]]:
    """Return (letters, qubits, coefficient) for each string, qubits ascending, after checking the operator."""
    check_operator("operator", operator)
    terms = []
    for letters, qubits, value in operator.to_sparse_list():
        if len(qubits) > 2:
            raise ValueError(
                f"operator has the string {letters} on qubits {list(qubits)}; only 1- and 2-local strings are allowed, "
                "because a circuit has one two-qubit gate an edge."
            )
        if abs(complex(value).imag) > 1e-12 * max(1.0, abs(value)):
            raise ValueError(f"operator must be Hermitian, but the string {letters} has the coefficient {value}.")
        order = np.argsort(qubits)
        terms.append(("".join(letters[k] for k in order), [int(qubits[k]) for k in order], complex(value).real))
    return terms
