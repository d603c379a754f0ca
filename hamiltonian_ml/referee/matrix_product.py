"""Matrix product states and operators of qubits in a row of sites: what is known about a state without its amplitudes.

In: fields and couplings of sites, and tensors of a state. Out: an operator as tensors, energies, variances and
expectation values. A state is a list of arrays (left bond, site, right bond), an operator one of arrays
(left bond, right bond, site out, site in), both with outer bonds of size 1.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.pauli import MATRICES

Tensor = NDArray[np.complex128]
State = list[Tensor]
Operator = list[Tensor]

NEGLIGIBLE_COUPLING = 1e-13  # of the largest one: what the sum of an operator is rounded to
LARGEST_BATCH = 2**24  # numbers in the environments of the strings that are followed together: 256 MiB


def operator_tensors(fields: Floats, couplings: Floats) -> Operator:
    """Return ``sum fields[q, a] P_a(q) + sum couplings[3 q + a, 3 r + b] P_a(q) P_b(r)`` with the smallest bonds.

    Parameters
    ----------
    fields : (n_sites, 3) float
        Coefficients of X, Y and Z on each site.
    couplings : (3 * n_sites, 3 * n_sites) float
        Those of the products on sites q < r; not read below the diagonal blocks.

    Returns
    -------
    list of (left bond, right bond, 2, 2) complex
        Bond 0 says that nothing has been put down yet, the last one that a term is complete. In between there is one
        bond for each independent row of the couplings that cross the cut.
    """
    n_sites = len(fields)
    none = np.zeros((0, 3 * n_sites))
    channels = [none, *(_right_channels(couplings, cut) for cut in range(1, n_sites)), none]
    tensors = []
    for q, (left, right) in enumerate(pairwise(channels)):
        here = slice(3 * q, 3 * q + 3)
        tensor = np.zeros((len(left) + 2, len(right) + 2, 2, 2), dtype=np.complex128)
        tensor[0, 0] = tensor[-1, -1] = MATRICES[0]
        tensor[0, -1] = np.tensordot(fields[q], MATRICES[1:], 1)
        tensor[0, 1:-1] = np.tensordot(right @ couplings[here].T, MATRICES[1:], 1)
        tensor[1:-1, -1] = np.tensordot(left[:, here], MATRICES[1:], 1)
        tensor[1:-1, 1:-1] = np.multiply.outer(left @ right.T, MATRICES[0])
        tensors.append(tensor)
    tensors[0] = tensors[0][:1]
    tensors[-1] = tensors[-1][:, -1:]
    return tensors


def product_state(bloch_vectors: Floats) -> State:
    """Return the product state of the (n_sites, 3) unit vectors <X>, <Y>, <Z> of its sites."""
    x, y, z = bloch_vectors.T
    angles, phases = np.arccos(np.clip(z, -1, 1)) / 2, np.arctan2(y, x)
    spinors = np.stack([np.cos(angles), np.sin(angles) * np.exp(1j * phases)], axis=1)
    return [spinor[None, :, None] for spinor in spinors]


def add_noise(state: State, bond: int, strength: float, rng: np.random.Generator) -> State:
    """Return a state with bonds of at least ``bond``, whose tensors differ from those given by normal noise.

    Two flips on neighbouring sites come in with the square of ``strength``, three with its third power.
    """
    noisy = []
    for q, tensor in enumerate(state):
        left = 1 if q == 0 else max(bond, tensor.shape[0])
        right = 1 if q == len(state) - 1 else max(bond, tensor.shape[2])
        normal = rng.normal(size=(2, left, 2, right))
        wider = strength * (normal[0] + 1j * normal[1])
        wider[: tensor.shape[0], :, : tensor.shape[2]] += tensor
        noisy.append(wider)
    return right_canonical(noisy)


def right_canonical(state: State) -> State:
    """Return the same state, normalised up to a phase, with tensors that are isometries from right to left."""
    tensors, carried = [], np.eye(1, dtype=np.complex128)
    for tensor in reversed(state):
        moved = np.tensordot(tensor, carried, 1)
        q, r = np.linalg.qr(moved.reshape(len(moved), -1).conj().T)
        tensors.append(np.ascontiguousarray(q.conj().T).reshape(-1, 2, moved.shape[2]))
        carried = r.conj().T / np.linalg.norm(r)  # or the norm of hundreds of tensors overflows
    return tensors[::-1]


def compress(state: State, max_bond: int) -> State:
    """Return a state in right canonical form with bonds of at most ``max_bond``, close to one in that form."""
    tensors, carried = [], np.eye(1, dtype=np.complex128)
    for tensor in state[:-1]:
        moved = np.tensordot(carried, tensor, 1)
        u, sizes, v = np.linalg.svd(moved.reshape(-1, moved.shape[2]), full_matrices=False)
        tensors.append(u[:, :max_bond].reshape(len(moved), 2, -1))
        carried = sizes[:max_bond, None] * v[:max_bond]
    return right_canonical([*tensors, np.tensordot(carried, state[-1], 1)])


def add_projector(operator: Operator, state: State, weight: float) -> Operator:
    """Return ``operator + weight * |state><state|``, whose bonds are wider by the squared bonds of the state."""
    tensors = []
    for q, (site, tensor) in enumerate(zip(operator, state, strict=True)):
        pair = np.einsum("asc,btd->abcdst", tensor, tensor.conj() * (weight if q == 0 else 1.0))
        pair = pair.reshape(tensor.shape[0] ** 2, tensor.shape[2] ** 2, 2, 2)
        left, right = site.shape[:2]
        wider = np.zeros((left + len(pair), right + pair.shape[1], 2, 2), dtype=np.complex128)
        wider[:left, :right], wider[left:, right:] = site, pair
        tensors.append(wider)
    tensors[0] = tensors[0].sum(axis=0, keepdims=True)
    tensors[-1] = tensors[-1].sum(axis=1, keepdims=True)
    return tensors


def bracket(bra: State, operator: Operator, ket: State) -> complex:
    """Return <bra|operator|ket>."""
    environment = np.ones((1, 1, 1), dtype=np.complex128)
    for left, tensor, right in zip(bra, operator, ket, strict=True):
        environment = _absorb(environment, left, tensor, right)
    return complex(environment[0, 0, 0])


def overlap(bra: State, ket: State) -> complex:
    """Return <bra|ket>."""
    return bracket(bra, [MATRICES[:1, None]] * len(bra), ket)


def energy_and_variance(state: State, operator: Operator) -> tuple[float, float]:
    """Return <H> and <H**2> - <H>**2 of a state in right canonical form.

    Notes
    -----
    Each site's part of the energy is taken off the operator there before it is squared, so that no large numbers
    cancel: the variance is exact to about 1e-15 of its largest summand instead of 1e-16 of the squared energy.
    """
    environment = np.ones((1, 1, 1), dtype=np.complex128)
    energy, shifted = 0.0, []
    for tensor, site in zip(state, operator, strict=True):
        environment = _absorb(environment, tensor, site, tensor)
        complete = float(np.trace(environment[:, -1]).real)  # the sites to the right are isometries
        moved = site.copy()
        moved[0, -1] -= (complete - energy) * MATRICES[0]
        shifted.append(moved)
        energy = complete
    squared = np.ones((1, 1, 1, 1), dtype=np.complex128)
    for tensor, site in zip(state, shifted, strict=True):
        squared = _absorb_twice(squared, tensor, site)
    return energy, max(float(squared[0, 0, 0, 0].real), 0.0)


def pauli_expectations(state: State, letters: NDArray[np.int64]) -> Floats:
    """Return <P> of strings in a state in right canonical form, in one pass over the sites.

    Parameters
    ----------
    state : list of (left bond, 2, right bond) complex
        In right canonical form.
    letters : (n_strings, n_sites) int
        0, 1, 2, 3 for I, X, Y, Z on each site.

    Returns
    -------
    (n_strings,) float
    """
    acting = letters > 0
    first = np.where(acting.any(axis=1), acting.argmax(axis=1), len(state))
    last = len(state) - 1 - acting[:, ::-1].argmax(axis=1)
    values = np.ones(len(letters))  # what strings without any letter have
    largest = max(tensor.size for tensor in state)
    order = np.argsort(first, kind="stable")
    for part in np.array_split(order, max(1, len(order) * largest // LARGEST_BATCH)):
        values[part] = _follow(state, letters[part], first[part], last[part])
    return values


def _follow(state: State, letters: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> Floats:
    """Return <P> of strings that act on sites ``first`` to ``last``, or on none if these are in the wrong order."""
    values = np.ones(len(letters))
    outside = np.ones((1, 1), dtype=np.complex128)
    followed, environments = np.empty(0, dtype=np.int64), np.empty((0, 1, 1), dtype=np.complex128)
    for q, tensor in enumerate(state):
        new = np.flatnonzero(first == q)
        followed = np.append(followed, new)
        environments = np.concatenate([environments, np.broadcast_to(outside, (len(new), *outside.shape))])
        moved = np.tensordot(environments, tensor, 1).transpose(0, 1, 3, 2)
        # MATRICES[letters] is (string, out, in); the site comes last on both
        turned = moved @ MATRICES[letters[followed, q]].transpose(0, 2, 1)[:, None]
        environments = np.tensordot(turned, tensor.conj(), ([1, 3], [0, 1])).transpose(0, 2, 1)
        outside = np.tensordot(tensor.conj(), np.tensordot(outside, tensor, 1), ([0, 1], [0, 1]))
        complete = last[followed] == q
        values[followed[complete]] = np.trace(environments[complete], axis1=1, axis2=2).real
        followed, environments = followed[~complete], environments[~complete]
    return values


def _right_channels(couplings: Floats, cut: int) -> Floats:
    """Return an orthonormal basis of the rows of couplings between the first ``cut`` sites and the others."""
    block = couplings[: 3 * cut].copy()
    block[:, : 3 * cut] = 0
    rows, columns = np.flatnonzero(block.any(axis=1)), np.flatnonzero(block.any(axis=0))
    _, sizes, basis = np.linalg.svd(block[np.ix_(rows, columns)], full_matrices=False)
    keep = sizes > NEGLIGIBLE_COUPLING * np.abs(couplings).max()
    channels = np.zeros((np.count_nonzero(keep), block.shape[1]))
    channels[:, columns] = basis[keep]
    return channels


def _absorb(environment: Tensor, bra: Tensor, operator: Tensor, ket: Tensor) -> Tensor:
    """Move an environment (bra, operator, ket) over one site to the right."""
    moved = np.tensordot(environment, ket, 1)
    moved = np.tensordot(moved, operator, ([1, 2], [0, 3]))
    return np.tensordot(bra.conj(), moved, ([0, 1], [0, 3])).transpose(0, 2, 1)


def _absorb_twice(environment: Tensor, state: Tensor, operator: Tensor) -> Tensor:
    """Move an environment (bra, operator, operator, ket) over one site to the right."""
    moved = np.tensordot(environment, state, 1)
    moved = np.tensordot(moved, operator, ([2, 3], [0, 3]))
    moved = np.tensordot(moved, operator, ([1, 4], [0, 3]))
    return np.tensordot(state.conj(), moved, ([0, 1], [0, 4])).transpose(0, 3, 2, 1)
