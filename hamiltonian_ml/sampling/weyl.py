"""Split a batch of two-qubit unitaries into one-qubit gates and an interaction of three angles; its circuit of 3 CZ.

In: 4x4 unitary matrices. Out: their Cartan (KAK) decompositions, all in one vectorised pass, and the Euler angles of
one-qubit gates. Matrix index ``2 * b1 + b0`` is the state with qubit 0 of the pair in ``b0`` and qubit 1 in ``b1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Complex = NDArray[np.complex128]

# Columns are the magic basis: SU(2) x SU(2) is real in it, and XX, YY, ZZ are diagonal.
_MAGIC = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / np.sqrt(2)
# The diagonals of XX, YY and ZZ in the magic basis; orthogonal to each other and to (1, 1, 1, 1).
_SIGNS = np.array([[1, 1, -1, -1], [-1, 1, -1, 1], [1, -1, -1, 1]], dtype=np.float64)
# See _diagonalise: among seven equally spaced directions one is always at least pi / 14 from each of six bad ones.
_DIRECTIONS = (np.arange(7) + 0.5) * np.pi / 7
_DIAGONAL_TOLERANCE = 1e-13

_HADAMARD = np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2)
_S = np.diag([1, 1j])
# The fixed one-qubit gates around the circuit of `append_interaction`, on the first and the second qubit.
INTERACTION_BEFORE = np.stack([_HADAMARD @ _S.conj(), np.eye(2)])
INTERACTION_AFTER = np.stack([_HADAMARD, _S])


@dataclass(frozen=True, eq=False)
class WeylDecomposition:
    """``U = exp(i phase) (after1 x after0) exp(-i (a XX + b YY + c ZZ)) (before1 x before0)``.

    Attributes
    ----------
    phase : (...) float
        Global phase in radians.
    after, before : (..., 2, 2, 2) complex
        One-qubit gates; ``after[..., q, :, :]`` acts on qubit ``q`` of the pair, last in time, ``before`` first.
    angles : (..., 3) float
        ``(a, b, c)`` in radians, not folded into a Weyl chamber.
    """

    phase: Floats
    after: Complex
    before: Complex
    angles: Floats


def decompose(unitaries: Complex) -> WeylDecomposition:
    """Return the Cartan decomposition of unitaries of shape (..., 4, 4).

    Raises
    ------
    ValueError
        If the last two axes are not 4x4, or a matrix is not unitary to 1e-9.

    Notes
    -----
    The product of the factors gives the input back to about 1e-13, degenerate cases (products, CZ, SWAP) included.

    References
    ----------
    .. [1] B. Kraus and J. I. Cirac, Phys. Rev. A 63, 062309 (2001), App. A, arXiv:quant-ph/0011050.
    """
    _check_unitary(unitaries)
    shape = unitaries.shape[:-2]
    flat = np.asarray(unitaries, dtype=np.complex128).reshape(-1, 4, 4)
    quarter = np.angle(np.linalg.det(flat)) / 4
    special = (_MAGIC.conj().T @ flat @ _MAGIC) * np.exp(-1j * quarter)[:, None, None]
    right, gram = _diagonalise(special.swapaxes(1, 2) @ special)
    halves = np.angle(gram) / 2
    left = (special @ right * np.exp(-1j * halves)[:, None, :]).real
    # Each half angle is known up to pi: choose the sign that makes the left factor a rotation as well.
    flipped = np.linalg.det(left) < 0
    halves[flipped, 0] += np.pi
    left[flipped, :, 0] *= -1
    return WeylDecomposition(
        phase=(quarter + halves.mean(axis=1)).reshape(shape),
        after=_tensor_factors(_MAGIC @ left @ _MAGIC.conj().T).reshape(*shape, 2, 2, 2),
        before=_tensor_factors(_MAGIC @ right.swapaxes(1, 2) @ _MAGIC.conj().T).reshape(*shape, 2, 2, 2),
        angles=(-(halves @ _SIGNS.T) / 4).reshape(*shape, 3),
    )


def euler_angles(gates: Complex) -> Floats:
    """Return ``(theta, phi, lam)`` of shape (..., 3), in radians, of one-qubit unitaries of shape (..., 2, 2).

    Up to a global phase the gate is Qiskit's ``u(theta, phi, lam) = Rz(phi) Ry(theta) Rz(lam)``.
    """
    cosine, sine = np.abs(gates[..., 0, 0]), np.abs(gates[..., 1, 0])
    phases = np.angle(gates)
    # The smaller of cosine and sine may be round-off and its phase meaningless. It enters phi and lam so that their
    # sum (where the cosine is larger) or difference (where the sine is) does not depend on it.
    phi = np.where(cosine >= sine, phases[..., 1, 0] - phases[..., 0, 0], phases[..., 1, 1] - phases[..., 0, 1] + np.pi)
    return np.stack([2 * np.arctan2(sine, cosine), phi, phases[..., 1, 1] - phases[..., 1, 0]], axis=-1)


def append_interaction(circuit: QuantumCircuit, parameters: Sequence[Any], first: int, second: int) -> None:
    """Append ``cz . cz . cz`` with the one-qubit gates between them: the interaction up to fixed outer gates.

    With ``parameters`` from `interaction_parameters`, the gate between `INTERACTION_BEFORE` and `INTERACTION_AFTER` is
    ``exp(-i (a XX + b YY + c ZZ))`` up to a global phase.

    Notes
    -----
    Three CNOT of alternating direction are a SWAP, which is ``exp(-i pi/4 (XX + YY + ZZ))``. Rotations between them,
    pulled through, become rotations about ``XX``, ``YY`` and ``ZZ`` after an S gate on one side [1]_. Here each CNOT
    is a CZ between Hadamard gates, and these are merged with the rotations.

    References
    ----------
    .. [1] F. Vatan and C. Williams, Phys. Rev. A 69, 032315 (2004), Fig. 6, arXiv:quant-ph/0308006.
    """
    circuit.cz(first, second)
    circuit.u(np.pi / 2, parameters[0], np.pi, first)
    circuit.u(parameters[1], np.pi, 0, second)
    circuit.cz(first, second)
    circuit.u(np.pi / 2, 0, np.pi, first)
    circuit.u(parameters[2], 0, np.pi, second)
    circuit.cz(first, second)


def interaction_parameters(angles: Floats) -> Floats:
    """Return the parameters (..., 3) of `append_interaction` for angles ``(a, b, c)`` of shape (..., 3), in radians."""
    a, b, c = np.moveaxis(angles, -1, 0)
    return np.stack([2 * c - np.pi / 2, 2 * b - np.pi, np.pi - 2 * a], axis=-1)


def _check_unitary(matrices: Complex) -> None:
    if matrices.shape[-2:] != (4, 4):
        raise ValueError(f"unitaries must have shape (..., 4, 4), got {matrices.shape}.")
    error = np.abs(matrices.conj().swapaxes(-1, -2) @ matrices - np.eye(4)).max(initial=0.0)
    if not error < 1e-9:
        raise ValueError(f"unitaries must be unitary to 1e-9, got a deviation of {error:.1e}.")


def _diagonalise(grams: Complex) -> tuple[Floats, Complex]:
    """Return rotations O and d with ``grams = O diag(d) O^T``, for symmetric unitaries of shape (n, 4, 4).

    Real and imaginary part commute, so any mix ``cos(t) Re + sin(t) Im`` shares their eigenvectors. Its eigenvalues
    are cos(phi_k - t): two that differ in ``grams`` but not in the mix have (phi_k + phi_l) / 2 = t modulo pi, and
    the error of the result is the round-off over the sine of the distance to the nearest of these six values of t.
    """
    rotations = np.empty(grams.shape, dtype=np.float64)
    diagonals = np.empty(grams.shape[:2], dtype=np.complex128)
    best = np.full(len(grams), np.inf)
    for direction in _DIRECTIONS:
        rows = np.flatnonzero(best > _DIAGONAL_TOLERANCE)
        if len(rows) == 0:
            break
        part = grams[rows]
        vectors = np.linalg.eigh(np.cos(direction) * part.real + np.sin(direction) * part.imag).eigenvectors
        mixed = vectors.swapaxes(1, 2) @ part @ vectors
        diagonal = np.diagonal(mixed, axis1=1, axis2=2)
        error = np.abs(mixed - diagonal[:, None, :] * np.eye(4)).max(axis=(1, 2))
        better = error < best[rows]
        chosen = rows[better]
        rotations[chosen], diagonals[chosen], best[chosen] = vectors[better], diagonal[better], error[better]
    rotations[:, :, 0] *= np.sign(np.linalg.det(rotations))[:, None]
    return rotations, diagonals


def _tensor_factors(products: Complex) -> Complex:
    """Return the factors of ``g1 x g0``, shape (n, 4, 4), as an array of shape (n, 2, 2, 2) with qubit 0 first."""
    blocks = products.reshape(-1, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4, 4)
    sizes = np.linalg.norm(blocks, axis=2)
    largest = np.argmax(sizes, axis=1)  # at least 1 for a product of unitaries, so the division below is safe
    rows = np.arange(len(blocks))
    first = blocks[rows, largest] * (np.sqrt(2) / sizes[rows, largest])[:, None]
    second = (blocks @ first.conj()[:, :, None])[:, :, 0] / 2
    return np.stack([first, second], axis=1).reshape(-1, 2, 2, 2)
