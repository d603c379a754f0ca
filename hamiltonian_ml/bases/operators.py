"""Reading Qiskit's operators, which may hold anything, as sums of 1- and 2-local strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
    names = [letters for letters, _ in strings]
    is_identity = np.array([letters == "" for letters in names], dtype=np.bool_)
    largest = check_hermitian(np.array(list(strings.values()), dtype=np.complex128), is_identity, names.__getitem__)
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


def check_hermitian(
    coefficients: NDArray[np.complex128], is_identity: NDArray[np.bool_], label: Callable[[int], str]
) -> float:
    """Return the largest size of a coefficient but the identity's, which may be of any size, or raise ValueError.

    ``label`` names a string, each of which is there once.

    Raises
    ------
    ValueError
        If a coefficient is not finite, or its imaginary part is more than round-off.
    """
    if not np.isfinite(coefficients).all():
        raise ValueError("operator must have finite coefficients, got NaN or infinity.")
    sizes = np.abs(coefficients)
    largest = float(sizes.max(where=~is_identity, initial=0.0))
    wrong = np.flatnonzero(np.abs(coefficients.imag) > _ROUND_OFF * np.maximum(sizes, largest))
    if len(wrong):
        raise ValueError(
            f"operator must be Hermitian, but the string {label(int(wrong[0]))} has the coefficient "
            f"{coefficients[wrong[0]]}."
        )
    return largest
