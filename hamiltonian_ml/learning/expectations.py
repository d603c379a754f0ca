"""Ground-state expectation values and their exact derivative, as one pair and as one JAX function.

In: coefficients, a structure and, for local frames, rotations. Out: <P_p> of every string. Which basis states are used
is fixed by the structure and never differentiated; the solution inside them is, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamiltonian_ml.bases.checks import check_real
from hamiltonian_ml.bases.frames import rotate, rotate_back
from hamiltonian_ml.learning import accelerator
from hamiltonian_ml.subspace import ground_state
from hamiltonian_ml.subspace.ground_state import Levels
from hamiltonian_ml.subspace.structure import SubspaceStructure

_KEPT = 16  # functions for JAX, each with the structure that it was made for


@dataclass(frozen=True, eq=False)
class GroundStates:
    """Ground states of a batch, with what `pull_back` needs.

    Attributes
    ----------
    expectations : (n_rows, n_terms) float
        <P_p>, in the axes of the coefficients (rotated back from the local frames).
    levels : Levels
        Energies, gaps, residuals and amplitudes, in the local frames.
    coefficients : (n_rows, n_terms) float
        Coefficients in the local frames.
    device : str
        Where they were found, and where `pull_back` will work.
    """

    expectations: NDArray[np.float64]
    levels: Levels
    coefficients: NDArray[np.float64]
    structure: SubspaceStructure
    rotations: NDArray[np.float64] | None
    tol: float
    device: Literal["cpu", "accelerator"]

    @property
    def methods(self) -> ModuleType:
        """The module whose functions work there: `subspace.ground_state`, or `learning.accelerator`."""
        return accelerator if self.device == "accelerator" else ground_state


def solve(
    coefficients: ArrayLike,
    structure: SubspaceStructure,
    rotations: NDArray[np.float64] | None = None,
    *,
    guesses: NDArray[Any] | None = None,
    tol: float = 1e-8,
    gap_tol: float = 1e-2,
    device: accelerator.Device = "auto",
) -> GroundStates:
    """Find the ground states of all rows; see `ground_state_expectations` for the parameters.

    ``gap_tol`` is that of `lowest_levels`. ``device`` is "cpu" for the compiled search, "accelerator" for that in JAX,
    or "auto" for the second where JAX has a GPU and the batch is large; see `accelerator.choose_device`.
    """
    rows = structure.basis.check_coefficients(coefficients, ndim=2)
    if rotations is not None:
        rows = rotate(structure.basis, rows, rotations)
    place = accelerator.choose_device(device, structure, len(rows))
    methods = accelerator if place == "accelerator" else ground_state
    levels: Levels = methods.lowest_levels(structure, rows, tol=tol, gap_tol=gap_tol, guesses=guesses)
    values: NDArray[np.float64] = methods.expectations(structure, levels.ground_states, levels.ground_states)
    if rotations is not None:
        values = rotate_back(structure.basis, values, rotations)
    return GroundStates(values, levels, rows, structure, rotations, tol, place)


def pull_back(
    states: GroundStates, cotangents: ArrayLike, *, sources: NDArray[Any] | None = None, min_gap: float = 1e-3
) -> NDArray[np.float64]:
    """Return the derivative of ``sum(cotangents * expectations)`` with respect to the coefficients.

    Parameters
    ----------
    states : GroundStates
        From `solve`.
    cotangents : (n_rows, n_terms) array_like of float
        Derivatives of a loss with respect to the expectation values.
    sources : (n_rows, dimension) array, optional
        Of other objectives, in the local frames; see `coefficient_gradients`.
    min_gap : float
        Gap floor, in units of a row's largest coefficient; see `coefficient_gradients`.

    Returns
    -------
    (n_rows, n_terms) float
        With the subspace and the frames held fixed.
    """
    basis, rotations = states.structure.basis, states.rotations
    pulls = basis.check_coefficients(cotangents, ndim=2)
    if rotations is not None:
        pulls = rotate(basis, pulls, rotations)
    gradients: NDArray[np.float64] = states.methods.coefficient_gradients(
        states.structure, states.coefficients, states.levels, pulls, sources=sources, tol=states.tol, min_gap=min_gap
    )
    return gradients if rotations is None else rotate_back(basis, gradients, rotations)


def ground_state_expectations(
    coefficients: jax.Array,
    structure: SubspaceStructure,
    rotations: NDArray[np.float64] | None = None,
    *,
    tol: float = 1e-8,
    min_gap: float = 1e-3,
) -> jax.Array:
    """Return <P_p> in the ground state of every row's Hamiltonian; differentiable by JAX, also under ``jax.jit``.

    Parameters
    ----------
    coefficients : (n_rows, n_terms) array
        One Hamiltonian a row, in the basis of the structure.
    structure : SubspaceStructure
        The strings restricted to a subspace, from `restrict`. Held fixed by the derivative.
    rotations : (n_rows, n_qubits, 3, 3) float, optional
        Local frames in which the subspace is meant, from `mean_field_frames`. Held fixed by the derivative.
    tol : float
        Largest residual, in units of a row's largest coefficient.
    min_gap : float
        Gap floor of the derivative, in the same units.

    Returns
    -------
    (n_rows, n_terms) array
        In the precision of the coefficients; switch JAX to 64 bits for gradients better than about 1e-4.

    Raises
    ------
    ValueError
        If the shape does not fit the basis, coefficients are complex, or tol or min_gap is no number that fits.
    SolverError
        If a row does not converge.

    Notes
    -----
    With G = sum_p g_p P_p for the cotangents g, one linear system a row gives every derivative:
    ``(H - E) z = -(G - <G>) psi``, z orthogonal to psi, and ``dloss/dh_p = 2 Re <z|P_p|psi>``.

    There are no second derivatives: asking for one is a NotImplementedError. For equal arguments beside the
    coefficients JAX compiles once, and keeps the structure until ``jax.clear_caches()``.

    JAX calls back to the CPU for both, also where it has a GPU: work for a device that waits for the call would never
    begin. `solve` and `pull_back` use the device.

    Examples
    --------
    >>> import jax, numpy as np
    >>> from hamiltonian_ml import PauliBasis, Subspace, ground_state_expectations, restrict
    >>> structure = restrict(PauliBasis.chain(1), Subspace.full(1))
    >>> field = jax.numpy.array([[0.0, 0.0, 1.0]])  # H = Z: the ground state is |1>
    >>> float(ground_state_expectations(field, structure)[0, 2])
    -1.0
    """
    check_real("tol", tol, exclusive=True)
    check_real("min_gap", min_gap)
    array = jnp.asarray(coefficients)
    if jnp.iscomplexobj(array):
        raise ValueError("coefficients must be real, because Hamiltonians are Hermitian, got complex numbers.")
    if array.ndim != 2 or array.shape[1] != structure.basis.n_terms:
        raise ValueError(
            f"coefficients must have shape (n_rows, {structure.basis.n_terms}), got {array.shape}; build them and the "
            "structure from one PauliBasis."
        )
    kind = np.dtype(jnp.result_type(array, jnp.float32))
    fixed = None if rotations is None else np.array(rotations, dtype=np.float64)
    names = None if fixed is None else (fixed.shape, fixed.tobytes())
    return _differentiable(_Problem(structure, names, float(tol), float(min_gap), kind, fixed))(array.astype(kind))


@dataclass(frozen=True)
class _Problem:
    """All but the coefficients. Equal ones are one to JAX, which compiles for each once."""

    structure: SubspaceStructure
    rotations_key: tuple[tuple[int, ...], bytes] | None
    tol: float
    min_gap: float
    kind: np.dtype[Any]
    rotations: NDArray[np.float64] | None = field(compare=False)

    def forward(self, rows: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the expectation values, and the states for the way back, as words."""
        states = solve(_floats(rows), self.structure, self.rotations, tol=self.tol, device="cpu")
        return _words(states.expectations.astype(self.kind)), _words(_pack(states, self.kind))

    def backward(
        self, rows: NDArray[np.uint32], packed: NDArray[np.uint32], cotangents: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """Return the derivatives by the coefficients as words."""
        states = _unpack(_floats(packed), _floats(rows), self.structure, self.rotations, self.tol)
        return _words(pull_back(states, _floats(cotangents), min_gap=self.min_gap).astype(self.kind))

    def words(self, shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
        """Return the shape of floats as words."""
        return jax.ShapeDtypeStruct((*shape, self.kind.itemsize // 4), np.uint32)


@lru_cache(maxsize=_KEPT)
def _differentiable(problem: _Problem) -> Callable[[jax.Array], jax.Array]:
    """Return the function of coefficients that JAX calls, the same for equal problems."""
    n_levels, d = min(2, problem.structure.dimension), problem.structure.dimension

    @jax.custom_vjp
    def expect(rows: jax.Array) -> jax.Array:
        return forward(rows)[0]

    def forward(rows: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        shapes = (problem.words(rows.shape), problem.words((rows.shape[0], n_levels, d + 1, 2)))
        values, packed = jax.pure_callback(problem.forward, shapes, _bits(rows), vmap_method="sequential")
        return _reals(values, problem.kind), (rows, _reals(packed, problem.kind))

    @jax.custom_jvp
    def pull(rows: jax.Array, packed: jax.Array, cotangents: jax.Array) -> jax.Array:
        arguments = (_bits(rows), _bits(packed), _bits(cotangents))
        words = jax.pure_callback(problem.backward, problem.words(rows.shape), *arguments, vmap_method="sequential")
        return _reals(words, problem.kind)

    @pull.defjvp
    def refuse(primals: Any, tangents: Any) -> Any:  # words have no derivatives, and zeros would be taken for true ones
        raise NotImplementedError(
            "ground_state_expectations has no second derivatives; take differences of its exact gradients."
        )

    expect.defvjp(forward, lambda saved, cotangents: (pull(*saved, cotangents),))
    return expect


def _bits(array: jax.Array) -> jax.Array:
    """View floats as 32-bit words on their way into and out of callbacks.

    Callbacks may run in a thread of their own, where JAX is in its default precision and would round 64-bit floats.
    """
    words = jax.lax.bitcast_convert_type(array, jnp.uint32)
    return words if array.dtype == jnp.float64 else words[..., None]


def _reals(words: jax.Array, kind: np.dtype[Any]) -> jax.Array:
    """View words as the floats that they were."""
    return jax.lax.bitcast_convert_type(words if kind.itemsize == 8 else words[..., 0], kind)


def _words(array: NDArray[np.floating[Any]]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(array)[..., None].view(np.uint32)


def _floats(words: Any) -> NDArray[np.float64]:
    array = np.ascontiguousarray(np.asarray(words))
    kind = np.float64 if array.shape[-1] == 2 else np.float32
    return array.view(kind)[..., 0].astype(np.float64)


def _pack(states: GroundStates, kind: np.dtype[Any]) -> NDArray[np.float64]:
    """Put energies and amplitudes, real and imaginary parts, into one array of floats; energies come first."""
    levels = states.levels
    n_rows, n_levels, d = levels.states.shape
    packed = np.empty((n_rows, n_levels, d + 1, 2), dtype=kind)
    packed[:, :, 0, 0], packed[:, :, 0, 1] = levels.energies, levels.residuals
    packed[:, :, 1:, 0], packed[:, :, 1:, 1] = levels.states.real, levels.states.imag
    return packed


def _unpack(
    packed: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    structure: SubspaceStructure,
    rotations: NDArray[np.float64] | None,
    tol: float,
) -> GroundStates:
    amplitudes = packed[:, :, 1:, 0] + 1j * packed[:, :, 1:, 1]
    n_rows = len(packed)
    levels = Levels(
        packed[:, :, 0, 0].copy(), packed[:, :, 0, 1], amplitudes, np.zeros(n_rows, np.int64), np.zeros(n_rows, bool)
    )
    rows = coefficients if rotations is None else rotate(structure.basis, coefficients, rotations)
    return GroundStates(np.empty_like(rows), levels, rows, structure, rotations, tol, "cpu")
