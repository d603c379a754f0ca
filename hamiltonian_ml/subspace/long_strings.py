"""Expectation values of Pauli strings of any length, which no circuit needs and users may ask for.

In: a state in a subspace, in local frames or not, and a string. Out: a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import MATRICES
from hamiltonian_ml.bases.states import Subspace, pack_bits

LONGEST_IN_FRAMES = 12


def long_string_expectation(
    subspace: Subspace,
    amplitudes: NDArray[Any],
    letters: str,
    qubits: Sequence[int],
    *,
    rotations: NDArray[np.float64] | None = None,
) -> float:
    """Return <P> of one string in the state of some amplitudes in a subspace.

    Parameters
    ----------
    subspace : Subspace
    amplitudes : (dimension,) float or complex
    letters, qubits : str and sequence of int
        X, Y or Z, and the qubit that each acts on.
    rotations : (n_qubits, 3, 3) float, optional
        Local frames in which the basis states are meant; the letters are of the computational axes.

    Raises
    ------
    ValueError
        If there are rotations and more than 12 letters.

    Notes
    -----
    In the frame of its qubit a letter is a matrix (2, 2), which may flip the qubit and may leave it: a string on k
    qubits takes 2**k searches for basis states in local frames, and one without.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import Subspace
    >>> from hamiltonian_ml.subspace.long_strings import long_string_expectation
    >>> cat = np.array([1.0, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
    >>> round(long_string_expectation(Subspace.full(3), cat, "XXX", [0, 1, 2]), 12)
    1.0
    """
    vectors = np.eye(3)[["XYZ".index(letter) for letter in letters]]
    if rotations is not None:
        if len(qubits) > LONGEST_IN_FRAMES:
            raise ValueError(
                f"operator has a string on {len(qubits)} qubits; in local frames, where it is a sum of 3**k strings, "
                f'{LONGEST_IN_FRAMES} are the most. Use ground_state(..., frame="computational").'
            )
        vectors = np.einsum("kab,kb->ka", rotations[list(qubits)], vectors)
    matrices = np.einsum("ka,aij->kij", vectors, MATRICES[1:])
    bits = subspace.bits()[:, qubits]
    possible = [[flip for flip in (0, 1) if matrix[flip, 0] or matrix[1 - flip, 1]] for matrix in matrices]
    parts = []
    for flips in product(*possible):
        mask = np.zeros((1, subspace.n_qubits), dtype=np.uint8)
        mask[0, qubits] = flips
        place = subspace.places(subspace.words ^ pack_bits(mask))
        factors = matrices[np.arange(len(qubits)), bits ^ np.array(flips), bits].prod(axis=1)
        bra = np.where(place >= 0, amplitudes[place].conj(), 0)
        parts.append(float((bra * factors * amplitudes).sum().real))
    return math.fsum(parts)
