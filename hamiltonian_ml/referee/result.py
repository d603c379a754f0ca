"""What a referee says about the ground state of one operator, whichever method found it.

In: a state that a method holds in its own form. Out: `RefereeState`, with energy, gap, quality and expectation values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import LARGEST_COEFFICIENT, SMALLEST_COEFFICIENT, check_operator
from hamiltonian_ml.bases.operators import check_hermitian
from hamiltonian_ml.bases.pauli import PauliBasis, check_basis

if TYPE_CHECKING:
    from qiskit.quantum_info import PauliList, SparsePauliOp

DEGENERACY_TOLERANCE = 1e-9  # of the summed size of the strings: ten times what the Lanczos energies are good for


@dataclass(frozen=True, eq=False, kw_only=True)
class RefereeState(ABC):
    """A ground state found by a method that is independent of sampling.

    Attributes
    ----------
    n_qubits : int
        Number of qubits.
    energy : float
        Energy expectation value of the state, in the units of the operator, its identity included.
    gap : float
        Distance to the next level; 0 if the ground state is degenerate, NaN if the next level was not looked for.
    residual : float
        ``||H psi - E psi||`` in the full space; a level lies within this distance of ``energy``.
    degenerate : bool
        Whether the next level is known to be too close to tell apart. The state is then one of many, and so are its
        expectation values.
    method : str
        How it was found.
    """

    n_qubits: int
    energy: float
    gap: float
    residual: float
    degenerate: bool
    method: str

    @abstractmethod
    def pauli_expectations(self, paulis: PauliList) -> NDArray[np.float64]:
        """Return <P> for each of the ``paulis`` (n_strings,), whose signs are not looked at."""

    def expectation(self, operator: SparsePauliOp) -> float:
        """Return <``operator``>, in its units.

        Raises
        ------
        ValueError
            If the operator acts on another number of qubits or is not Hermitian.
        """
        check_operator("operator", operator)
        self._check_qubits("operator", operator.num_qubits)
        hermitian = operator.simplify(atol=0.0, rtol=0.0)
        return float(real_coefficients(hermitian) @ self.pauli_expectations(hermitian.paulis))

    def expectations(self, basis: PauliBasis) -> NDArray[np.float64]:
        """Return <P_p> of every string of a basis, as an array of shape (n_terms,).

        Raises
        ------
        ValueError
            If the basis is one of another number of qubits.
        TypeError
            If it is no PauliBasis.
        """
        check_basis("basis", basis)
        self._check_qubits("basis", basis.n_qubits)
        return self.pauli_expectations(basis.to_operator(np.ones(basis.n_terms)).paulis)

    def _check_qubits(self, name: str, n_qubits: int) -> None:
        if n_qubits != self.n_qubits:
            raise ValueError(f"{name} acts on {n_qubits} qubits but the state on {self.n_qubits}; use equally many.")


def real_coefficients(operator: SparsePauliOp) -> NDArray[np.float64]:
    """Return the coefficients of an operator without repeated strings, or raise ValueError if it is not Hermitian."""
    values = np.asarray(operator.coeffs, dtype=np.complex128)
    is_identity = ~(operator.paulis.x | operator.paulis.z).any(axis=1)
    check_hermitian(values, is_identity, lambda k: str(operator.paulis[k].to_label()))
    return values.real


def check_size(coefficients: NDArray[np.inexact[Any]]) -> None:
    """Raise ValueError if squares of an operator's coefficients, without the identity's, would vanish or overflow."""
    largest = float(np.abs(coefficients).max(initial=0.0))
    if largest > 0 and not SMALLEST_COEFFICIENT <= largest <= LARGEST_COEFFICIENT:
        raise ValueError(
            f"operator must have a largest coefficient from {SMALLEST_COEFFICIENT:g} to {LARGEST_COEFFICIENT:g}, or "
            f"only zeros, beside the identity's, got {largest:g}; choose another energy unit."
        )
