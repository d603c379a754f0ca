"""Reading Qiskit's operators, which may hold anything, as sums of 1- and 2-local strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hamiltonian_ml.bases.checks import check_operator

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp

_ROUND_OFF = 1e-12  # of the largest coefficient but the identity's: an imaginary part, or a sum of strings that cancel


def sparse_terms(operator: SparsePauliOp, *, any_length: bool = False) -> list[tuple[str, list[int], float]]:
    """Return (letters, qubits, coefficient) for each string once, qubits ascending, after checking the operator.

    Strings on more than two qubits are refused unless they may have ``any_length``, or are left out where they cancel.
    """
    check_operator("operator", operator)
    strings: dict[tuple[str, tuple[int, ...]], complex] = {}
    for letters, qubits, value in operator.to_sparse_list():
        order = np.argsort(qubits)
        string = "".join(letters[k] for k in order), tuple(int(qubits[k]) for k in order)
        strings[string] = strings.get(string, 0.0) + complex(value)
    if not np.isfinite(list(strings.values())).all():
        raise ValueError("operator must have finite coefficients, got NaN or infinity.")
    largest = max((abs(value) for (letters, _), value in strings.items() if letters), default=0.0)
    for (letters, _), value in strings.items():
        if abs(value.imag) > _ROUND_OFF * max(abs(value), largest):
            raise ValueError(f"operator must be Hermitian, but the string {letters} has the coefficient {value}.")
    long = [string for string in strings if len(string[1]) > 2]
    for letters, qubits in long:
        if abs(strings[letters, qubits]) <= _ROUND_OFF * largest:
            del strings[letters, qubits]
        elif not any_length:
            raise ValueError(
                f"operator has the string {letters} on qubits {list(qubits)}; only 1- and 2-local strings are allowed, "
                "because a circuit has one two-qubit gate an edge."
            )
    return [(letters, list(qubits), value.real) for (letters, qubits), value in strings.items()]
