"""Pauli strings that commute with every string of an operator, and what they say about its levels.

In: the strings of an operator, as a `PauliBasis`. Out: `PauliSymmetries`.

A level that is not degenerate has one sign under each of these strings, so that <Q> = 0 in it for every string Q that
anticommutes with one of them. Where two of them anticommute with each other, no level can have both signs: all levels
are degenerate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.pauli import LETTERS, PauliBasis

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PauliSymmetries:
    """Generators of all Pauli strings, of any length, that commute with each string of an operator.

    Attributes
    ----------
    flips, signs : (n_generators, n_qubits) bool
        Where a generator has X or Y, and where it has Y or Z.
    """

    flips: Flags
    signs: Flags

    @classmethod
    def of(cls, basis: PauliBasis) -> PauliSymmetries:
        """Return the symmetries of an operator in which every string of the basis has a coefficient.

        Examples
        --------
        >>> import numpy as np
        >>> from hamiltonian_ml import PauliBasis
        >>> from hamiltonian_ml.bases.symmetries import PauliSymmetries
        >>> chain = PauliBasis.chain(3)
        >>> ising = chain.subset(np.isin(chain.short_labels, ["X0", "X1", "X2", "Z0 Z1", "Z1 Z2"]))
        >>> PauliSymmetries.of(ising).labels
        ['XXX']
        """
        # A string commutes with another if the flips of each meet the signs of the other an even number of times.
        both = _null_space(np.hstack(basis.flags))
        return cls(both[:, : basis.n_qubits], both[:, basis.n_qubits :])

    @property
    def labels(self) -> list[str]:
        """The generators in Qiskit's order: the rightmost letter acts on qubit 0."""
        letters = self.flips[:, ::-1] * (1 + self.signs[:, ::-1]) + ~self.flips[:, ::-1] * (3 * self.signs[:, ::-1])
        return ["".join(LETTERS[letter] for letter in row) for row in letters]

    @property
    def make_all_levels_degenerate(self) -> bool:
        """Whether two of the generators anticommute."""
        return bool(_anticommute(self.signs, self.flips, self.signs, self.flips).any())

    def broken_by(self, basis: PauliBasis) -> Flags:
        """Return which generators each string of a basis anticommutes with, as (n_terms, n_generators) booleans."""
        return _anticommute(*basis.flags, self.signs, self.flips)


def _anticommute(signs: Flags, flips: Flags, other_signs: Flags, other_flips: Flags) -> Flags:
    meetings = flips.astype(np.int64) @ other_signs.T + signs.astype(np.int64) @ other_flips.T
    anticommute: Flags = meetings % 2 == 1
    return anticommute


def _null_space(matrix: Flags) -> Flags:
    """Return a basis of the vectors that a matrix of zeros and ones takes to zero, in sums modulo 2."""
    rows = matrix.copy()
    pivots: list[int] = []
    for column in range(matrix.shape[1]):
        done = len(pivots)
        found = done + np.flatnonzero(rows[done:, column])
        if len(found) == 0:
            continue
        rows[[done, found[0]]] = rows[[found[0], done]]
        others = rows[:, column].copy()
        others[done] = False
        rows[others] ^= rows[done]
        pivots.append(column)
    free = np.setdiff1d(np.arange(matrix.shape[1]), pivots)
    vectors = np.zeros((len(free), matrix.shape[1]), dtype=bool)
    vectors[np.arange(len(free)), free] = True
    vectors[:, pivots] = rows[: len(pivots), free].T
    return vectors
