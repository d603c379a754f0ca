"""Local frames: turn the axes of each qubit so that the best product state of a Hamiltonian becomes |0...0>.

In: coefficients of complete Pauli bases, a row for each Hamiltonian. Out: `Frames`, and coefficients in them. In its
frame a Hamiltonian has the same strings and spectrum, and its ground state sits on fewer basis states.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases import kernels
from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.pauli import PauliBasis

FRAMES = ("mean_field", "computational")  # the axes in which basis states may be meant
SCREENING_SWEEPS = 4  # of each start, before the starts are put together


@dataclass(frozen=True, eq=False)
class Frames:
    """A rotation of each qubit's axes for each Hamiltonian, and the product states that they make ``|0...0>``.

    Attributes
    ----------
    rotations : (n_rows, n_qubits, 3, 3) float
        Proper rotations, from the computational axes into the frame.
    energies : (n_rows,) float
        Energies of the product states, in the units of the coefficients.
    converged : (n_rows,) bool
        Whether no Bloch vector was still turning.
    sweeps : (n_rows,) int
        Sweeps over the qubits that the last stage took.
    """

    rotations: Floats
    energies: Floats
    converged: NDArray[np.bool_]
    sweeps: NDArray[np.int64]

    @property
    def bloch_vectors(self) -> Floats:
        """(n_rows, n_qubits, 3) unit vectors <X>, <Y>, <Z> of the product states, in the computational axes."""
        return self.rotations[:, :, 2]


def mean_field_frames(
    basis: PauliBasis, coefficients: ArrayLike, *, n_starts: int = 6, tol: float = 1e-8, max_sweeps: int = 2000
) -> Frames:
    """Return the frames in which a product state of low energy is ``|0...0>``, for each row of coefficients.

    Parameters
    ----------
    basis : PauliBasis
        A complete basis.
    coefficients : (n_rows, n_terms) float
        A Hamiltonian in each row.
    n_starts : int
        Number of start states: the computational one, the one that grows against the fields, the axes with and
        without alternation, and then random ones from a fixed seed. Equal input gives equal frames.
    tol : float
        A row has converged when no local field times the turn of its Bloch vector is above ``tol`` times the largest
        local field. The single-flip terms left in the frame are of this size, the energy is off by its square.
    max_sweeps : int
        Most sweeps over the qubits in the last stage.

    Raises
    ------
    ValueError
        If the basis is not complete, the coefficients do not belong to it, or an option is out of its range.

    Notes
    -----
    The energy ``sum_i h_i.r_i + sum_ij r_i.J_ij.r_j`` of unit Bloch vectors never rises when one of them turns
    against its local field ``f_i = h_i + sum_j J_ij r_j``. A few sweeps of such turns are made from each start. As
    only neighbours couple, the best choice, qubit by qubit, among the vectors they reach and their opposites is
    found exactly on a forest by dynamic programming; that state is relaxed until it converges.

    The result is a local minimum, which need not be the lowest. Against 96 starts on chains of 50 qubits, the energy
    is the same for 69 % of rows with normal random coefficients and .1 % too high on average; for 95 % and .004 % with
    coefficients of size .3 and a field of 1 along z; for all with coefficients of size .02 (300 rows each).

    In frames found by this function it finds identity frames, or a lower energy.

    Examples
    --------
    >>> import numpy as np
    >>> from hamiltonian_ml import PauliBasis, mean_field_frames
    >>> basis = PauliBasis.chain(2)
    >>> field = np.zeros((1, basis.n_terms))
    >>> field[0, 0] = 1.0  # X on qubit 0, whose ground state points along -x
    >>> (mean_field_frames(basis, field).rotations[0, 0] @ [-1, 0, 0]).round(6).tolist()
    [0.0, 0.0, 1.0]
    """
    _check_complete(basis)
    values = np.ascontiguousarray(basis.check_coefficients(coefficients, ndim=2))
    _check_options(n_starts, tol, max_sweeps)
    graph = linked_qubits(basis)
    n_rows = len(values)
    states = np.empty((n_rows, basis.n_qubits, 3))
    frames = Frames(
        np.empty((n_rows, basis.n_qubits, 3, 3)),
        np.empty(n_rows),
        np.empty(n_rows, dtype=np.bool_),
        np.empty(n_rows, dtype=np.int64),
    )
    starts = _start_states(basis, n_starts)
    outputs = (states, frames.energies, frames.converged, frames.sweeps)
    kernels.solve_rows(graph, values, starts, tol, max_sweeps, SCREENING_SWEEPS, *outputs)
    kernels.frame_rotations(states, frames.rotations)
    return frames


def rotate(basis: PauliBasis, coefficients: ArrayLike, rotations: ArrayLike) -> Floats:
    """Return the coefficients of each row in its frame: fields ``R_i h_i`` and couplings ``R_i J_ij R_j^T``.

    Expectation values of strings turn in the same way.

    Parameters
    ----------
    basis : PauliBasis
        A complete basis.
    coefficients : (n_rows, n_terms) float
        In the computational axes.
    rotations : (n_rows, n_qubits, 3, 3) float
        Proper rotations, as in `Frames`.

    Returns
    -------
    (n_rows, n_terms) float
        Coefficients of the same Hamiltonians, up to a change of basis of each qubit.

    Raises
    ------
    ValueError
        If the basis is not complete or a shape does not fit.
    """
    _check_complete(basis)
    values = np.ascontiguousarray(basis.check_coefficients(coefficients, ndim=2))
    turns = np.ascontiguousarray(rotations, dtype=np.float64)
    if turns.shape != (len(values), basis.n_qubits, 3, 3):
        raise ValueError(
            f"rotations must have shape ({len(values)}, {basis.n_qubits}, 3, 3), one 3 x 3 matrix for each row and "
            f"qubit, got {turns.shape}; take them from the Frames of the same rows."
        )
    edges = np.array(basis.edges, dtype=np.int64).reshape(-1, 2)
    rotated = np.empty_like(values)
    kernels.rotate_rows(edges[:, 0], edges[:, 1], values, turns, rotated)
    return rotated


def rotate_back(basis: PauliBasis, values: ArrayLike, rotations: ArrayLike) -> Floats:
    """Return values in the computational axes from values in the frame: the transpose and inverse of `rotate`.

    Takes expectation values of strings measured in the frame, or gradients with respect to coefficients there.
    Arguments and errors are those of `rotate`.
    """
    return rotate(basis, values, np.swapaxes(np.asarray(rotations, dtype=np.float64), -1, -2))


def linked_qubits(basis: PauliBasis) -> kernels.Graph:
    """Return the links of the edges of a basis, and a forest grown from the first qubit outwards."""
    links = _links(basis)
    start = np.cumsum([0] + [len(row) for row in links])
    flat = np.array([link for row in links for link in row], dtype=np.int64).reshape(-1, 2)
    order: list[int] = []
    parent_link = np.full(basis.n_qubits, kernels.OUTSIDE, dtype=np.int64)
    for i in np.argsort(_distances(basis), kind="stable"):
        inside = [k for k, (_, j) in enumerate(links[i]) if parent_link[j] != kernels.OUTSIDE]
        if len(inside) <= 1:  # a second one could close a loop
            parent_link[i] = start[i] + inside[0] if inside else kernels.ROOT
            order.append(int(i))
    return kernels.Graph(start, flat[:, 0].copy(), flat[:, 1].copy(), np.array(order, dtype=np.int64), parent_link)


def _check_complete(basis: PauliBasis) -> None:
    if not basis.is_complete:
        raise ValueError(
            f"basis must hold every string on its {basis.n_qubits} qubits and {len(basis.edges)} edges in the standard "
            f"order, because a rotation mixes them, got {basis.n_terms} strings; use PauliBasis.from_edges with these "
            "edges."
        )


def _check_options(n_starts: int, tol: float, max_sweeps: int) -> None:
    for name, value in (("n_starts", n_starts), ("max_sweeps", max_sweeps)):
        check_integer(name, value, at_least=1)
    if not 0 < tol < 1:
        raise ValueError(f"tol must lie between 0 and 1, got {tol}.")


def _start_states(basis: PauliBasis, n_starts: int) -> Floats:
    """Return start states of shape (n_starts, n_qubits, 3); a zero vector is one that follows its first field."""
    alternating = 1.0 - 2.0 * (_distances(basis) % 2)[:, None]
    same = np.ones((basis.n_qubits, 1))
    x, y, z = np.eye(3)
    regular = [same * z, 0 * same * z, same * x, same * y, alternating * z]
    normals = np.random.default_rng(0).normal(size=(max(n_starts - len(regular), 0), basis.n_qubits, 3))
    drawn = normals / np.linalg.norm(normals, axis=2, keepdims=True)
    return np.concatenate([np.array(regular[:n_starts]), drawn])


def _distances(basis: PauliBasis) -> NDArray[np.int64]:
    """Return how many edges lead from each qubit to the first one of its connected part."""
    links = _links(basis)
    distances = np.full(basis.n_qubits, -1, dtype=np.int64)
    for root in range(basis.n_qubits):
        if distances[root] >= 0:
            continue
        distances[root] = 0
        queue = deque([root])
        while queue:
            i = queue.popleft()
            for _, j in links[i]:
                if distances[j] < 0:
                    distances[j] = distances[i] + 1
                    queue.append(j)
    return distances


def _links(basis: PauliBasis) -> list[list[tuple[int, int]]]:
    """Return (edge, other qubit) for each edge of each qubit."""
    links: list[list[tuple[int, int]]] = [[] for _ in range(basis.n_qubits)]
    for e, (i, j) in enumerate(basis.edges):
        links[i].append((e, j))
        links[j].append((e, i))
    return links
