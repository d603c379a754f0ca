"""Variance of the gradient at the start of training, its locality, and its agreement with independent derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from scipy.linalg import eigh
from scipy.special import softmax

from experiments.parts import Part, Profile, Task, rows_of
from experiments.speed.workload import hamiltonians
from hamiltonian_ml import HamiltonianClassifier, KrylovSelection, PauliBasis, Subspace, mean_field_frames, restrict
from hamiltonian_ml.bases.frames import rotate
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import pull_back, solve
from hamiltonian_ml.learning.model import initial_parameters, readout
from hamiltonian_ml.selection.refine import refine
from hamiltonian_ml.study.cells import quantities

CUTS = (1, 2, 5, 10)  # excited states kept in the sum
GROWN = 16_000  # basis states


@dataclass(frozen=True, kw_only=True)
class Start(Task):
    """Gradients of one model before its first step; ``scale`` is that of its start values, 0 for isotropic ones.

    "grown" adds to sampled states those that the certificate misses, until few are missing: what a fixed number of
    states leaves out takes from the gradient too.
    """

    states: str
    scale: float
    n_qubits: int
    seed: int
    n_rows: int = 16


@dataclass(frozen=True, kw_only=True)
class Distance(Task):
    """Derivatives of <Z> on the first qubit of a chain by all strings."""

    strength: float
    seed: int
    n_qubits: int = 12
    n_rows: int = 8


@dataclass(frozen=True, kw_only=True)
class Check(Task):
    """The analytic gradient beside other ways to the same number."""

    seed: int
    n_qubits: int = 5
    strength: float = 0.3
    nudge: float = 1e-4


def starts(profile: Profile) -> list[Start]:
    small, large, n_seeds = {
        "tiny": ((3,), (3,), 2),
        "quick": ((4, 6, 8, 10), (4, 8, 16, 30), 8),
        "full": ((4, 6, 8, 10, 12), (4, 8, 12, 20, 30, 50), 20),
    }[profile]
    whole = [("full", scale, n) for scale, n in product((0.02, 0.15, 0.0), small)]
    sampled = [("sampled", scale, n) for scale, n in product((0.02, 0.15), large)]
    grown = [("grown", 0.15, n) for n in large]
    return [Start(states=s, scale=x, n_qubits=n, seed=k) for k in range(n_seeds) for s, x, n in whole + sampled + grown]


def distances(profile: Profile) -> list[Distance]:
    n_seeds, n = {"tiny": (1, 4), "quick": (4, 10), "full": (20, 12)}[profile]
    return [Distance(strength=s, seed=k, n_qubits=n) for s, k in product((0.05, 0.15, 0.3), range(n_seeds))]


def checks(profile: Profile) -> list[Check]:
    return [Check(seed=k, n_qubits=3 if profile == "tiny" else 5) for k in range(2 if profile == "tiny" else 10)]


def run_start(task: Start) -> xr.Dataset:
    """Take the gradient of the loss by the bias operator, at the start values of one seed."""
    rows = rows_of("moons", 0)
    features, labels = rows.train_features[: task.n_rows], rows.train_labels[: task.n_rows]
    basis = PauliBasis.chain(task.n_qubits)
    seed = task.seed_sequence("start", "seed", "n_qubits", "scale")
    parameters = initial_parameters(basis, features.shape[1], 2, seed=seed, scale=task.scale or 1.0)
    if not task.scale:
        fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
        parameters = parameters._replace(bias=np.where(fields, parameters.bias + 1.0, parameters.bias))
    coefficients = np.asarray(linear_embedding(parameters, features))
    rotations = None
    if task.states != "full":
        rotations = mean_field_frames(basis, coefficients).rotations
        selection = KrylovSelection(
            backend="mps" if task.n_qubits > 16 else "statevector", shots=500, max_dimension=1276
        )
        turned = rotate(basis, coefficients, rotations)
        space = selection.select(basis, turned, np.ones(len(turned)), seed=task.seed_sequence("samples")).subspace
        if task.states == "grown":
            structure = restrict(basis, space)
            space = refine(structure, turned, np.ones(len(turned)), dimension=GROWN, rounds=2).subspace
    else:
        space = Subspace.full(task.n_qubits)
    states = solve(coefficients, restrict(basis, space), rotations)
    targets = (labels[:, None] == np.unique(labels)).astype(float)
    slopes = softmax(np.asarray(readout(parameters, states.expectations)), axis=1) - targets
    gradient = pull_back(states, slopes @ np.asarray(parameters.labels)).mean(axis=0)
    middle = int(np.flatnonzero((basis.qubits[:, 0] == task.n_qubits // 2) & (basis.qubits[:, 1] < 0))[0])
    return quantities(
        one_component=(gradient[middle], "nat/field", "derivative of the loss by X on the middle qubit"),
        mean_square=((gradient**2).mean(), "(nat/field)^2", "mean square of all derivatives by the bias operator"),
    )


def run_distance(task: Distance) -> xr.Dataset:
    """Average the squares of all derivatives whose string is equally far from the first qubit."""
    basis = PauliBasis.chain(task.n_qubits)
    rows = hamiltonians(basis, task.n_rows, strength=task.strength, rng=np.random.default_rng(task.seed))
    states = solve(rows, restrict(basis, Subspace.full(task.n_qubits)), tol=1e-10)
    observable = ((basis.qubits[:, 0] == 0) & (basis.qubits[:, 1] < 0) & (basis.paulis[:, 0] == 3)).astype(float)
    gradients = pull_back(states, np.tile(observable, (task.n_rows, 1)))
    away = basis.qubits[:, 0]
    rms = [np.sqrt((gradients[:, away == d] ** 2).mean()) for d in range(task.n_qubits)]
    return xr.Dataset(
        {"derivative": ("distance", rms, {"units": "1/field", "long_name": "root mean square derivative"})},
        {"distance": np.arange(task.n_qubits)},
    )


def run_check(task: Check) -> xr.Dataset:
    """Compare the adjoint gradient with central differences, the sum over states, and nudged ground states."""
    basis, rng = PauliBasis.chain(task.n_qubits), np.random.default_rng(task.seed)
    row = hamiltonians(basis, 1, strength=task.strength, rng=rng)
    pull = rng.standard_normal((1, basis.n_terms))
    structure = restrict(basis, Subspace.full(task.n_qubits))
    adjoint = pull_back(solve(row, structure, tol=1e-12), pull)[0]
    sides = [solve(row + s * task.nudge * pull, structure, tol=1e-12).expectations[0] for s in (1, -1)]
    nudged = (sides[0] - sides[1]) / (2 * task.nudge)  # symmetric response: d<P>/ds of H + s G is d<G>/dh_p
    sums = _sums_over_states(structure, row[0], pull[0])
    size = np.abs(adjoint).max()
    cut = [np.abs(sums[k] - adjoint).max() / size for k in CUTS]
    return xr.Dataset(
        {
            "nudged": ((), np.abs(nudged - adjoint).max() / size, {"units": "1"}),
            "differences": ((), _central_differences(task), {"units": "1"}),
            "cut_error": ("levels", cut, {"units": "1", "long_name": "relative error of the sum over excited states"}),
        },
        {"levels": np.array(CUTS)},
    )


def _central_differences(task: Check) -> float:
    rows = rows_of("moons", task.seed)
    model = HamiltonianClassifier(task.n_qubits, selection="full", max_iter=3, random_state=task.seed)
    model.fit(rows.train_features[:20], rows.train_labels[:20])
    return float(model.check_gradients(rows.train_features[:20], rows.train_labels[:20]))


def _sums_over_states(structure, row, pull) -> dict[int, np.ndarray]:
    """Return -2 Re sum_m <0|P|m><m|G|0> / (E_m - E_0), cut after so many excited states, for every string P."""
    levels, states = eigh(structure.matrix(row).toarray())
    objective = states.conj().T @ structure.matrix(pull).toarray() @ states[:, 0]
    n_terms = structure.basis.n_terms
    brackets = [states[:, 0].conj() @ structure.matrix(np.eye(n_terms)[p]).toarray() @ states for p in range(n_terms)]
    found = {}
    for cut in CUTS:
        kept = slice(1, cut + 1)
        shares = objective[kept] / (levels[kept] - levels[0])
        found[cut] = np.array([-2 * (bracket[kept] @ shares).real for bracket in brackets])
    return found


PARTS = {"start": Part(starts, run_start), "distance": Part(distances, run_distance), "check": Part(checks, run_check)}
