"""The Hamiltonian model as a layer of a torch network: exact gradients for its parameters and for what feeds it.

In: a tensor of features. Out: a tensor of outputs. Autograd meets one new operation, the ground state; its pullback is
the one that the estimators train with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.bases.checks import check_integer
from hamiltonian_ml.bases.frames import mean_field_frames
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators.options import FULL_SPACE_QUBITS, make_basis
from hamiltonian_ml.learning.choosing import choose_for
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import pull_back, solve
from hamiltonian_ml.learning.model import Parameters, initial_parameters
from hamiltonian_ml.selection.strategy import Selection
from hamiltonian_ml.subspace.structure import SubspaceStructure, restrict

try:
    import torch
    from torch import nn

    _Module: Any = nn.Module
    _Function: Any = torch.autograd.Function
    _once: Callable[[Any], Any] = torch.autograd.function.once_differentiable
except ModuleNotFoundError:  # the extra "heads" is not installed: the class can be imported but not made
    torch = None
    _Module = _Function = object
    _once = staticmethod

_LEARNED = ("bias", "features", "labels", "intercepts")


class HamiltonianLayer(_Module):
    """Read outputs off the ground states of learned, data-dependent Hamiltonians, inside any torch network.

    ``outputs_k = <psi(x)| O_k |psi(x)> + c_k`` with psi(x) the ground state of ``H(x) = B - sum_f x_f X_f``. Gradients
    are exact inside the subspace, for the parameters and for x, so what stands in front of the layer learns with it.
    They are of first order only: a gradient of a gradient is refused. Needs torch, the extra ``heads``.

    Parameters
    ----------
    in_features : int
        Width of x; best of unit scale, as behind a layer norm.
    out_features : int
        Number of outputs.
    n_qubits : int, default=6
        Number of qubits; up to 10 unless ``select`` or ``subspace`` is used.
    connectivity : {"chain", "zigzag", "ring", "heavy_hex"}, list of (int, int) or PauliBasis, default="chain"
        Which pairs of qubits interact.
    subspace : Subspace or None, default=None
        Basis states in which ground states are sought; None takes all of them, up to 10 qubits.
    seed : int, default=0
        Of the start values.

    Attributes
    ----------
    bias, features, labels, intercepts : torch.nn.Parameter
        As in `hamiltonian_ml.learning.model.Parameters`, in double precision.
    structure : SubspaceStructure
        The strings in the subspace.

    Raises
    ------
    ImportError
        If torch is not installed.
    ValueError
        If a size is not allowed, or all states of more than 10 qubits are asked for.

    Examples
    --------
    >>> import torch
    >>> from hamiltonian_ml import HamiltonianLayer
    >>> network = torch.nn.Sequential(torch.nn.Linear(5, 3), HamiltonianLayer(3, 2, n_qubits=2))
    >>> outputs = network(torch.ones(4, 5))
    >>> outputs.sum().backward()
    >>> tuple(outputs.shape), network[0].weight.grad is not None
    ((4, 2), True)
    >>> layer = HamiltonianLayer(3, 2, n_qubits=8)
    >>> layer.forward(torch.zeros(1, 3)).shape, layer.extra_repr()
    (torch.Size([1, 2]), '3, 2, n_qubits=8')
    >>> from hamiltonian_ml import ClassicalSelection
    >>> layer.select(torch.zeros(1, 3), ClassicalSelection(20)).structure.dimension
    20
    >>> tuple(layer.get_extra_state()["words"].shape)  # in the state_dict, from where set_extra_state takes them back
    (20, 1)
    >>> again = HamiltonianLayer(3, 2, n_qubits=8)
    >>> again.set_extra_state(layer.get_extra_state())
    >>> again.structure.dimension
    20
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        n_qubits: int = 6,
        connectivity: Any = "chain",
        subspace: Subspace | None = None,
        seed: int = 0,
    ) -> None:
        if torch is None:
            raise ImportError("HamiltonianLayer needs torch; run make heads in the checkout.")
        super().__init__()
        check_integer("in_features", in_features, at_least=1)
        check_integer("out_features", out_features, at_least=1)
        self.basis = make_basis(connectivity, n_qubits, entangling=True)
        if subspace is None and self.basis.n_qubits > FULL_SPACE_QUBITS:
            raise ValueError(
                f"subspace must be given beyond {FULL_SPACE_QUBITS} qubits, got None for {self.basis.n_qubits}; for a "
                "start take Subspace.from_integers([0], n_qubits), and call select before training."
            )
        self.local_frames = subspace is not None
        self.structure: SubspaceStructure = restrict(self.basis, subspace or Subspace.full(self.basis.n_qubits))
        start = initial_parameters(self.basis, in_features, out_features, seed=np.random.SeedSequence(seed))
        for name in _LEARNED:
            setattr(self, name, nn.Parameter(torch.tensor(getattr(start, name), dtype=torch.float64)))

    def forward(self, x: Any) -> Any:
        """Return outputs (..., out_features) for ``x`` (..., in_features), in the precision of x."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.float64)
        coefficients = linear_embedding(self._parameters_as(rows), rows)
        found = _Expectations.apply(coefficients, self.structure, self._frames(coefficients))
        outputs = found @ self.labels.T + self.intercepts
        return outputs.to(x.dtype).reshape(*x.shape[:-1], -1)

    def select(self, x: Any, selection: Selection, *, seed: int = 0) -> HamiltonianLayer:
        """Choose the subspace for some rows x (n_rows, in_features), in their local frames; the parameters stay.

        Parameters
        ----------
        x : tensor
            What the layer gets; no gradient flows.
        selection : Selection
            For instance `KrylovSelection` or `ClassicalSelection`.
        seed : int
            Of the samples.

        Returns
        -------
        HamiltonianLayer
            The layer itself.
        """
        with torch.no_grad():
            rows = x.reshape(-1, x.shape[-1]).to(torch.float64)
            tensor: Any = linear_embedding(self._parameters_as(rows), rows)
        rows = tensor.cpu().numpy()
        chosen = choose_for(
            rows, np.ones(len(rows)), self.basis, selection, local_frames=True, seed=np.random.SeedSequence(seed)
        )
        self.structure, self.local_frames = chosen.structure, chosen.local_frames
        return self

    def get_extra_state(self) -> dict[str, Any]:
        """Return the basis states, which torch keeps beside the parameters in a ``state_dict``.

        Returns
        -------
        dict
            ``words`` (n_states, n_words) int64, packed as in `Subspace`, and ``local_frames``.
        """
        words = self.structure.subspace.words.view(np.int64)  # torch can hardly do anything with unsigned ones
        return {"words": torch.from_numpy(words.copy()), "local_frames": self.local_frames}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take basis states back from a ``state_dict``.

        Parameters
        ----------
        state : dict
            As `get_extra_state` returns it.

        Raises
        ------
        ValueError
            If the states are those of another number of qubits.
        """
        words = state["words"].cpu().numpy().view(np.uint64)
        if words.ndim != 2 or words.shape[1] != self.basis.n_words or not len(words):
            raise ValueError(
                f"state_dict must hold basis states (n_states, {self.basis.n_words}), got shape {words.shape}; make "
                f"the layer with the number of qubits that it was saved with, here {self.basis.n_qubits}."
            )
        self.structure = restrict(self.basis, Subspace.span(self.basis.n_qubits, words))
        self.local_frames = bool(state["local_frames"])

    def extra_repr(self) -> str:
        """Return the sizes, for printing the network."""
        return f"{self.features.shape[0]}, {self.labels.shape[0]}, n_qubits={self.basis.n_qubits}"

    def _parameters_as(self, like: Any) -> Parameters:
        return Parameters(*(getattr(self, name).to(like.device) for name in _LEARNED))

    def _frames(self, coefficients: Any) -> NDArray[np.float64] | None:
        if not self.local_frames:
            return None
        return mean_field_frames(self.basis, coefficients.detach().cpu().numpy()).rotations


class _Expectations(_Function):
    """<P_p> in the ground state of every row, and its pullback; both run on the processor."""

    @staticmethod
    def forward(
        context: Any, coefficients: Any, structure: SubspaceStructure, rotations: NDArray[np.float64] | None
    ) -> Any:
        context.states = solve(coefficients.detach().cpu().numpy(), structure, rotations)
        return torch.from_numpy(context.states.expectations).to(coefficients.device)

    @staticmethod
    @_once  # autograd would take what comes out for constants, and give a wrong gradient of a gradient
    def backward(context: Any, *cotangents: Any) -> Any:
        pulled = pull_back(context.states, cotangents[0].detach().cpu().numpy())
        return torch.from_numpy(pulled).to(cotangents[0].device), None, None
