"""What is solved: Hamiltonians like those of a model at the start of its training, and states to solve them in.

In: sizes. Out: coefficients in their mean-field frames, and subspaces that were sampled or drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.subspace.sign_tables import sign_tables
from hamiltonian_ml.subspace.structure import restrict

_DRAWS = 200_000  # states drawn at a time
_EXPECTED_FLIPS = 2.5  # in a drawn state


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is solved, and how often.

    Attributes
    ----------
    n_qubits, n_states, n_rows : int
        Length of the chain, basis states of the subspace, Hamiltonians.
    strength : float
        Standard deviation of every coefficient around a field of one along -z. Models start at 0.02; 0.15 stands for
        one in the midst of training, and is harder.
    time_step, shots : float, int
        Of the Krylov circuits, four states a Hamiltonian.
    turns : int
        Measurements that a median is taken of.
    scaling : tuple of int
        Numbers of states along which the growth of the cost is fitted; the last is solved in a process of its own.
    seed : int
        Of everything that is drawn.
    """

    n_qubits: int = 50
    n_states: int = 10_000
    n_rows: int = 64
    strength: float = 0.15
    time_step: float = 0.3
    shots: int = 1000
    turns: int = 7
    scaling: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    seed: int = 1


FULL = Size()
QUICK = Size(n_states=1_000, n_rows=16, turns=5, scaling=(1_000, 3_000, 10_000))


@dataclass(frozen=True, eq=False)
class Workload:
    """Hamiltonians and a subspace for them.

    Attributes
    ----------
    basis : PauliBasis
        All 1- and 2-local strings of a chain.
    coefficients : (n_rows, n_terms) float
        In the mean-field frames.
    subspace : Subspace
        Sampled states.
    n_sampled : int
        Different states that were sampled; of more than enough the most frequent were kept, fewer were topped up with
        the certificate's candidates.
    """

    basis: PauliBasis
    coefficients: NDArray[np.float64]
    subspace: Subspace
    n_sampled: int


def hamiltonians(basis: PauliBasis, n_rows: int, *, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return coefficients (n_rows, n_terms) near a field along -z, drawn for each row alone, in mean-field frames."""
    drawn = strength * rng.standard_normal((n_rows, basis.n_terms))
    drawn[:, (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)] -= 1.0
    return rotate(basis, drawn, mean_field_frames(basis, drawn).rotations)


def sampled_workload(size: Size) -> Workload:
    """Sample the Krylov states of all rows into one pool, and make it the wanted number of states."""
    basis = PauliBasis.chain(size.n_qubits)
    rows = hamiltonians(basis, size.n_rows, strength=size.strength, rng=np.random.default_rng(size.seed))
    parts = sample_krylov(basis, rows, shots=size.shots, time_step=size.time_step, seed=size.seed)
    reference = Samples.from_words(np.zeros((1, basis.n_words), dtype=np.uint64), size.n_qubits, [np.inf])
    pool = Samples.union([reference, *parts])
    subspace = Subspace.span(size.n_qubits, pool.most_frequent(size.n_states))
    if subspace.dimension < size.n_states:
        structure, before = restrict(basis, subspace), 0
        while before < structure.dimension < size.n_states:
            before = structure.dimension
            structure = refine(structure, rows, np.ones(len(rows)), dimension=size.n_states, rounds=1)
        subspace = structure.subspace
    return Workload(basis, rows, subspace, pool.n_states)


def drawn_subspace(basis: PauliBasis, n_states: int, *, rng: np.random.Generator) -> Subspace:
    """Draw states by flipping each edge and each qubit independently, edges six times as often; keep the most frequent.

    That is how ground states near a field look, since the mean-field frame takes away most single flips. Sizes beyond
    what is worth sampling can be had in seconds.
    """
    flips = sign_tables(basis).flips
    shares = np.where(np.bitwise_count(flips).sum(axis=1) == 2, 6.0, 1.0)
    chances = np.minimum(_EXPECTED_FLIPS * shares / shares.sum(), 0.5)
    pool = Samples.from_words(np.zeros((1, basis.n_words), dtype=np.uint64), basis.n_qubits, [np.inf])
    while pool.n_states < n_states:
        words = np.zeros((_DRAWS, basis.n_words), dtype=np.uint64)
        for flip, chance in zip(flips, chances, strict=True):
            words[rng.random(_DRAWS) < chance] ^= flip
        pool = Samples.union([pool, Samples.from_words(words, basis.n_qubits)])
    return Subspace.span(basis.n_qubits, pool.most_frequent(n_states))
