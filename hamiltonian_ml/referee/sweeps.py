"""Two-site DMRG sweeps by quimb: from an operator and a start, both as tensors, to the state of lowest energy.

The only module that knows quimb, which is the optional extra ``referee`` and is imported when a search starts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hamiltonian_ml.referee.matrix_product import Operator, State, bracket, right_canonical

FIRST_BOND = 16  # doubled with each sweep
LOCAL_TOLERANCES = (1e-3, 1e-5)  # of the first sweep and of the others; with 1e-3 throughout, small gaps take 20 sweeps
LOCAL_VECTORS = 8  # of the local Lanczos runs


@dataclass(frozen=True, eq=False, kw_only=True)
class SweptState:
    """Where the sweeps ended.

    Attributes
    ----------
    tensors : list of (left bond, 2, right bond) complex
        The state in right canonical form.
    discarded_weight : float
        Largest weight that a truncation of the last sweep discarded.
    converged : bool
        Whether the last sweep changed the energy by less than the tolerance.
    n_sweeps : int
        Sweeps made.
    """

    tensors: State
    discarded_weight: float
    converged: bool
    n_sweeps: int

    @property
    def bond_dimension(self) -> int:
        """Largest bond dimension of the state."""
        return max(int(tensor.shape[0]) for tensor in self.tensors)


class _Truncations(dict[str, Any]):
    """Passed to quimb for its report on a truncation; keeps the largest of a sweep, where a dict has the last one."""

    def __init__(self) -> None:
        super().__init__(error=0.0)
        self.largest_weight = 0.0

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.largest_weight = max(self.largest_weight, float(value) ** 2)


def sweep_to_ground_state(
    operator: Operator, start: State, *, max_bond: int, cutoff: float, energy_tol: float, max_sweeps: int
) -> SweptState:
    """Return the state of lowest energy that two-site sweeps find from a start.

    Parameters
    ----------
    operator : list of (left bond, right bond, 2, 2) complex
        A Hamiltonian on at least 2 sites.
    start : list of (left bond, 2, right bond) complex
        Need not be normalised.
    max_bond : int
        Largest bond dimension.
    cutoff : float
        Largest weight that one truncation may discard while the bond is below ``max_bond``.
    energy_tol : float
        The sweeps end when one of them changes the energy by less than this, in the units of the operator.
    max_sweeps : int
        Most sweeps, one to the right and the next to the left.

    Raises
    ------
    ImportError
        If quimb is not installed.

    Notes
    -----
    quimb contracts the upper side of an operator with the ket, so that for a Hamiltonian with an odd number of Y in
    its strings the state it arrives at is the complex conjugate of the ground state: of equal energy with respect to
    the transposed operator, with <Y> of the wrong sign. Here the energy with respect to the operator itself decides
    between the state and its conjugate, whatever the convention.
    """
    search = _prepare(operator, start)
    converged, energies = False, [np.inf]
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        # BLAS threads cost more than they gain on small tensors; local Lanczos runs may stop early
        warnings.simplefilter("ignore")
        while not converged and len(energies) <= max_sweeps:
            truncations = _Truncations()
            n_sweeps = len(energies) - 1
            bond = min(max_bond, FIRST_BOND * 2**n_sweeps)
            energies.append(_sweep(search, n_sweeps, bond, cutoff, truncations))
            converged = abs(energies[-1] - energies[-2]) < energy_tol
    found = _tensors_of(search)
    candidates = (found, [tensor.conj() for tensor in found])
    tensors = min(candidates, key=lambda state: bracket(state, operator, state).real)
    return SweptState(
        tensors=tensors,
        discarded_weight=truncations.largest_weight,
        converged=converged,
        n_sweeps=len(energies) - 1,
    )


def import_quimb() -> Any:
    """Return the module ``quimb.tensor``, or raise ImportError that says how to install it."""
    try:
        import quimb.tensor as quimb_tensor  # late: optional, and slow to import
    except ImportError as error:
        raise ImportError(
            "the tensor-network referee needs quimb, which is not installed; run pip install -e '.[referee]' in the "
            "checkout."
        ) from error
    return quimb_tensor


def _prepare(operator: Operator, start: State) -> Any:
    """Return quimb's search, whose outer tensors have no outer bond."""
    quimb_tensor = import_quimb()
    matrix = quimb_tensor.MatrixProductOperator([operator[0][0], *operator[1:-1], operator[-1][:, 0]], shape="lrud")
    ket = quimb_tensor.MatrixProductState([start[0][0], *start[1:-1], start[-1][..., 0]], shape="lpr")
    search = quimb_tensor.DMRG2(matrix, p0=ket)
    search.opts["local_eig_ncv"] = LOCAL_VECTORS
    return search


def _sweep(search: Any, n_before: int, max_bond: int, cutoff: float, truncations: _Truncations) -> float:
    """Sweep once, to the right after an even number of sweeps, and return the energy at the end."""
    search.opts["local_eig_tol"] = LOCAL_TOLERANCES[min(n_before, len(LOCAL_TOLERANCES) - 1)]
    to_left = n_before % 2 == 1 and search.L > 2  # quimb fails to sweep two sites to the left
    energy = search.sweep(
        "L" if to_left else "R",
        canonize=n_before == 0 or search.L == 2,
        max_bond=max_bond,
        cutoff=cutoff,
        cutoff_mode="rsum2",  # the weight discarded, as a share of all
        renorm=2,
        method="svd",
        info=truncations,
    )
    return float(np.real(energy))


def _tensors_of(search: Any) -> State:
    state = search.state
    state.permute_arrays("lpr")
    first, *middle, last = (np.asarray(array, dtype=np.complex128) for array in state.arrays)
    return right_canonical([first[None], *middle, last[..., None]])
