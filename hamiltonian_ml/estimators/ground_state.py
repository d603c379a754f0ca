"""The ground state of one Hamiltonian of the user's own, by the same path that the estimators take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from hamiltonian_ml.bases.checks import check_operator, check_real
from hamiltonian_ml.bases.frames import mean_field_frames, rotate, rotate_back
from hamiltonian_ml.bases.operators import sparse_terms
from hamiltonian_ml.bases.pauli import PauliBasis, check_basis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.bases.symmetries import PauliSymmetries
from hamiltonian_ml.estimators import options, records
from hamiltonian_ml.selection.strategy import check_selected
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import Certificate, certify
from hamiltonian_ml.subspace.extrapolation import extrapolate
from hamiltonian_ml.subspace.ground_state import Levels, expectations, lowest_levels
from hamiltonian_ml.subspace.long_strings import long_string_expectation
from hamiltonian_ml.subspace.memory import check_memory
from hamiltonian_ml.subspace.second_look import certify_closely
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

if TYPE_CHECKING:
    import xarray as xr
    from qiskit.quantum_info import SparsePauliOp

_DEGENERATE = 1e-8  # gap over the summed size of the coefficients
_LARGEST_TOL = 0.1
_LEVEL_TOL = 1e-8  # residual of the second level, in units of the largest coefficient
_ROUND_OFF = 1e-6  # of expectation values


@dataclass(frozen=True, eq=False)
class GroundState:
    """The lowest level of an operator in a subspace. Made by `ground_state`.

    Attributes
    ----------
    energy : float
        ``<H>``, an upper bound on the exact ground-state energy, in the units of the operator, its identity included.
    gap : float
        Distance to the second level inside the subspace; 0 if the ground state is degenerate.
    residual : float
        ``||H psi - E psi||`` in the full space: an exact level lies within this distance of the energy.
    degenerate : bool
        Whether the second level inside the subspace is too close to tell apart (1e-8 of the summed size of the
        coefficients), or all levels are degenerate because Pauli strings that commute with the operator do not commute
        with each other. The state is then one of many, and so are its expectation values.
    subspace : Subspace
        Basis states, in the local frames.
    amplitudes : (dimension,) float or complex
        In the order of the subspace.
    rotations : (n_qubits, 3, 3) float or None
        Local frames: each qubit's rotation takes its Bloch vector into the frame. None for the computational axes.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml import PauliBasis, ground_state
    >>> ising = [("ZZ", [q, q + 1], -1.0) for q in range(7)] + [("X", [q], -0.5) for q in range(8)]
    >>> operator = SparsePauliOp.from_sparse_list(ising, num_qubits=8)
    >>> state = ground_state(operator, selection="classical", max_dimension=100)
    >>> abs(state.expectation(operator) - state.energy) < 1e-9, state.expectations(PauliBasis.chain(8)).shape
    (True, (87,))
    >>> bool(state.certificate().captured_weight[0] > 0.9), state.extrapolated_energy() < state.energy
    (True, True)
    """

    energy: float
    gap: float
    residual: float
    degenerate: bool
    subspace: Subspace
    amplitudes: NDArray[Any] = field(repr=False)
    rotations: NDArray[np.float64] | None = field(repr=False)
    _symmetries: PauliSymmetries = field(repr=False)
    _structure: SubspaceStructure = field(repr=False)
    _coefficients: NDArray[np.float64] = field(repr=False)
    _levels: Levels = field(repr=False)

    def expectations(self, basis: PauliBasis) -> NDArray[np.float64]:
        """Return <P_p> (n_terms,) of every string of a ``basis`` on equally many qubits."""
        check_basis("basis", basis)
        self._check_qubits("basis", basis.n_qubits)
        if self.rotations is not None and not basis.is_complete:
            whole = PauliBasis.from_edges(basis.n_qubits, basis.edges)
            place = {name: k for k, name in enumerate(whole.short_labels)}
            return self.expectations(whole)[[place[name] for name in basis.short_labels]]
        states = self.amplitudes[None]
        values = expectations(restrict(basis, self.subspace), states, states)
        turned = values if self.rotations is None else rotate_back(basis, values, self.rotations[None])
        row: NDArray[np.float64] = turned[0]
        return row

    def expectation(self, operator: SparsePauliOp) -> float:
        """Return <``operator``>, in its units; its strings may act on any qubits.

        In local frames a string on k qubits takes 2**k searches for basis states, and k may be 12 at most.
        """
        check_operator("operator", operator)
        self._check_qubits("operator", operator.num_qubits)
        terms = sparse_terms(operator, any_length=True)
        basis = PauliBasis.from_edges(operator.num_qubits, [qubits for _, qubits, _ in terms if len(qubits) == 2])
        found = {"": 1.0} | dict(zip(basis.short_labels, self.expectations(basis).tolist(), strict=True))
        for letters, qubits, _ in terms:
            if len(qubits) > 2:
                found[_short_label(letters, qubits)] = long_string_expectation(
                    self.subspace, self.amplitudes, letters, qubits, rotations=self.rotations
                )
        return math.fsum(value * found[_short_label(letters, qubits)] for letters, qubits, value in terms)

    def certificate(self) -> xr.Dataset:
        """Return the figures of `hamiltonian_ml.subspace.certificate.Certificate`, along a ``row`` of one.

        Units as in ``energy``. Trust is local: it says that the state is close to one level of the operator among those
        that the subspace holds or borders on. A subspace that is cut off from the ground state, as in a classical spin
        glass, may hold a trusted state that is not the lowest. A state that is degenerate or breaks a symmetry is never
        trusted, and its tilt is 1: another level lies as near, which the subspace need not know.
        """
        found = replace(self._certificate, energy=np.array([self.energy]))
        if self.degenerate or self.broken_symmetry is not None:
            found = replace(found, tilt=np.ones(1), trusted=np.zeros(1, dtype=bool))
        return records.certificate([found], unit="operator's unit")

    @cached_property
    def broken_symmetry(self) -> str | None:
        """A Pauli string that commutes with the operator but has no definite sign in this state; None if none is seen.

        In Qiskit's order, as ``XXXX`` for an Ising model in a transverse field whose state is magnetised. The state is
        then a mixture of levels of both signs, which lie within about its residual of each other, and its energy is
        that of neither. ``selection="full"`` and the referees find one of them; a small field makes the state a level.

        Notes
        -----
        In a level that has one sign, ``<Q> = 0`` for every string Q that anticommutes with the symmetry, and ``|<Q>|``
        is at most ``sin(2 angle)`` in a state at an angle of at most pi/4 to it. Where it is larger for a string on one
        qubit or on the two of an edge, the state does not lie as near to any such level as the tilt, a sine, says.
        """
        if self.subspace.is_full or not self._symmetries.labels:
            return None
        basis = PauliBasis.from_edges(self.subspace.n_qubits, self._structure.basis.edges)
        angle = min(np.arcsin(self._certificate.tilt[0]), np.pi / 4)
        is_large = np.abs(self.expectations(basis)) > np.sin(2 * angle) + _ROUND_OFF
        broken = np.flatnonzero(self._symmetries.broken_by(basis)[is_large].any(axis=0))
        return self._symmetries.labels[broken[0]] if len(broken) else None

    @cached_property
    def _certificate(self) -> Certificate:
        boundary = find_boundary(self._structure)
        return certify_closely(self._structure, self._coefficients, self._levels, boundary=boundary)

    def extrapolated_energy(self) -> float:
        """Return the energy at zero variance, from this subspace and its better half and quarter; not a bound.

        Units and identity as in ``energy``.
        """
        found = extrapolate(self._structure, self._coefficients, self._levels)
        return self.energy + float(found.energy[0] - self._levels.energies[0, 0])

    def _check_qubits(self, name: str, n_qubits: int) -> None:
        if n_qubits != self.subspace.n_qubits:
            raise ValueError(
                f"{name} acts on {n_qubits} qubits but the state on {self.subspace.n_qubits}; use equally many."
            )


def _short_label(letters: str, qubits: list[int]) -> str:
    """Return the name that a string has in a `PauliBasis`; that of the identity is empty."""
    return " ".join(f"{letter}{qubit}" for letter, qubit in zip(letters, qubits, strict=True))


@dataclass(frozen=True)
class _Options:
    """What `options.make_selection` reads, under the estimators' names."""

    selection: Any
    backend: Any
    krylov_dimension: int
    time_step: float | str
    trotter_order: int
    shots: int
    max_dimension: int | None
    expansion_rounds: int
    frame: str
    store: Any
    max_qpu_seconds: float | None


def ground_state(
    operator: SparsePauliOp,
    *,
    selection: Any = "krylov",
    backend: Any = "auto",
    frame: str = "mean_field",
    krylov_dimension: int = 4,
    time_step: float | str = "auto",
    trotter_order: int = 1,
    shots: int = 1000,
    max_dimension: int | None = None,
    expansion_rounds: int = 0,
    tol: float = 1e-8,
    store: Any = None,
    max_qpu_seconds: float | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> GroundState:
    """Approximate the ground state of one operator of 1- and 2-local strings.

    Parameters
    ----------
    operator : SparsePauliOp
        Hermitian, strings on two qubits at most, any two. All states are ground states of a multiple of the identity.
    selection, backend, frame, krylov_dimension, time_step, trotter_order, shots, max_dimension, expansion_rounds
        As in `HamiltonianClassifier`, but that "krylov" samples are the default at any size. Where all 2**n_qubits
        states fit, ``selection="full"`` is exact; states far from any product state need it, or many samples.
    store, max_qpu_seconds
        As in `HamiltonianClassifier`.
    tol : float
        Largest residual inside the subspace, in units of the largest coefficient: above 0, at most 0.1.
    random_state : int, RandomState instance or None
        Seed of the samples.

    Returns
    -------
    GroundState

    Raises
    ------
    ValueError
        If the operator is not Hermitian, has a string on more than two qubits, or an option is not allowed.
    TypeError
        If the operator is no SparsePauliOp.
    MemoryError
        If more basis states are asked for than fit; before any work.

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from hamiltonian_ml import ground_state
    >>> ring = [("ZZ", [q, (q + 1) % 6], -1.0) for q in range(6)] + [("X", [q], -0.5) for q in range(6)]
    >>> state = ground_state(SparsePauliOp.from_sparse_list(ring, num_qubits=6), selection="full")
    >>> round(state.energy, 4), state.degenerate
    (-6.3847, False)
    """
    check_real("tol", tol, exclusive=True)
    if tol > _LARGEST_TOL:
        raise ValueError(f"tol must be at most {_LARGEST_TOL:g}, got {tol!r}: a residual that large says nothing.")
    basis = PauliBasis.from_operator(operator)
    values, identity = basis.coefficients(operator)
    asked = _Options(
        selection, backend, krylov_dimension, time_step, trotter_order, shots, max_dimension, expansion_rounds, frame,
        store, max_qpu_seconds,
    )  # fmt: skip
    structure, rotated, rotations = _projected(asked, basis, values, random_state)
    levels = lowest_levels(structure, rotated, tol=tol, gap_tol=_LEVEL_TOL)
    symmetries = PauliSymmetries.of(basis.subset(values != 0))
    is_close = bool(levels.gaps[0] <= _DEGENERATE * np.abs(values).sum())
    degenerate = is_close or symmetries.make_all_levels_degenerate
    return GroundState(
        energy=float(levels.energies[0, 0]) + identity,
        gap=0.0 if degenerate else float(levels.gaps[0]),
        residual=float(certify(structure, rotated, levels).residual[0]),
        degenerate=degenerate,
        subspace=structure.subspace,
        amplitudes=levels.ground_states[0],
        rotations=rotations,
        _symmetries=symmetries,
        _structure=structure,
        _coefficients=rotated,
        _levels=levels,
    )


def _projected(
    asked: _Options, basis: PauliBasis, values: NDArray[np.float64], random_state: Any
) -> tuple[SubspaceStructure, NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the strings between the basis states, their coefficients (1, n_terms), and the rotations behind both."""
    strategy = options.make_selection(asked, basis)
    rotations = mean_field_frames(basis, values[None]).rotations if asked.frame == "mean_field" else None
    rotated = values[None] if rotations is None else rotate(basis, values[None], rotations)
    seed = np.random.SeedSequence(check_random_state(random_state).randint(2**31 - 1))
    subspace = check_selected(strategy.select(basis, rotated, np.ones(1), seed=seed), basis).subspace
    if subspace.is_full:
        rotations = None  # it is the same in all frames
    if rotations is None and values.any():  # some strings have to be left
        basis, rotated = basis.subset(values != 0), values[None, values != 0]
    check_memory(basis, subspace.dimension, n_rows=1)
    return restrict(basis, subspace), rotated, None if rotations is None else rotations[0]
