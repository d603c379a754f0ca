"""The parameters that all estimators share, said once: their names, their defaults and what they mean.

In: a class that adds what is its own. Out: a constructor that stores its arguments and nothing more, as scikit-learn
wants it, and a docstring that lists all of them.
"""

from __future__ import annotations

import inspect
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

_Class = TypeVar("_Class", bound=type)

MEANINGS = {
    "n_qubits": """int, default=6
    Number of qubits, independent of the number of features.""",
    "connectivity": """{"chain", "ring", "zigzag", "heavy_hex"}, list of (int, int) or PauliBasis, default="chain"
    Which pairs of qubits interact; "zigzag" is a chain whose next-nearest neighbours do too. A `PauliBasis` sets the
    number of qubits as well.""",
    "embedding": """{"linear", "quadratic", "fourier"} or JAX function, default="linear"
    What the operators X_m are multiplied by: the features; also their products; also sine and cosine of each at
    two learned frequencies; or what ``function(X)`` returns (n_rows, n_maps), each row on its own. A pair
    ``(function, start)`` makes it ``function(parameters, X)``, with parameters, a tree of arrays, that are learned from
    ``start``.""",
    "rank": """int or None, default=None
    If given, the operators of all features are mixtures of so many, which saves memory and parameters for hundreds of
    features.""",
    "selection": """{"auto", "full", "krylov", "classical", "random"} or Selection, default="auto"
    Which basis states are used: all of them, those sampled from Krylov circuits, or, as controls, those that a
    classical computer finds alone or that are drawn at random; or those that an object with a ``select`` method
    returns. "auto" takes all up to 10 qubits where ``backend`` is "auto" too, and samples otherwise.""",
    "backend": """str, Backend or BaseSamplerV2, default="auto"
    Where circuits run: "statevector", "mps", "auto" (by the number of qubits), a device with its calibrated noise such
    as "fake_kingston", a device of IBM Quantum as "ibm_<name>", a `Backend`, or any V2 sampler. Unless ``selection``
    says otherwise, circuits do run where one is named, however few the qubits.""",
    "frame": """{"mean_field", "computational"}, default="mean_field"
    Axes in which basis states are meant: each qubit's own, in which its mean-field state is ``|0>``, or the
    computational ones. Only matters where basis states are selected.""",
    "krylov_dimension": """int, default=4
    Krylov states sampled a row, the reference state included.""",
    "time_step": """"auto" or float, default="auto"
    Time of one step, in 1/energy.""",
    "trotter_order": """{1, 2}, default=1
    Order of the product formula of a step.""",
    "shots": """int, default=1000
    Shots a circuit.""",
    "max_dimension": """int or None, default=None
    Most basis states kept, by counts; None keeps at most 4,096.""",
    "expansion_rounds": """int, default=0
    Rounds in which states of little weight are exchanged for those that the certificate misses most.""",
    "refresh_every": """int, default=5
    Epochs between new samples.""",
    "entangling": """bool, default=True
    Whether two-qubit strings are used. False is the control in which no state is entangled.""",
    "max_iter": """int, default=100
    Most epochs.""",
    "batch_size": """"auto" or int, default="auto"
    Rows a step; "auto" takes all up to 1,024 rows and 256 beyond.""",
    "learning_rate": """float, default=0.02
    Step size of Adam in the first half of the epochs; it falls to zero over the second.""",
    "start_scale": """float, default=0.02
    Standard deviation of the operators' start values around a field along z of strength one. Larger values spread
    ground states over more basis states.""",
    "alpha": """float, default=0.0
    Strength of the L2 penalty on feature and label operators.""",
    "variance_penalty": """float, default=0.1
    Strength of the penalty on the energy variance that states outside the subspace cause, whatever the energy
    unit. It keeps the operators such that the selected states hold their ground states. Without effect where all
    basis states are used.""",
    "tol": """float, default=1e-4
    Training stops when the loss has not fallen by this much in ``n_iter_no_change`` epochs.""",
    "early_stopping": """bool, default=False
    Whether a part of the rows is held out. Their loss then decides when to stop, and the parameters with which it was
    smallest are kept.""",
    "validation_fraction": """float, default=0.1
    The part that is held out, between 0 and 1; classes in equal shares.""",
    "n_iter_no_change": """int, default=10
    See ``tol``.""",
    "warm_start": """bool, default=False
    Whether another ``fit`` goes on from the operators that the last one learned.""",
    "checkpoint": """path_like or None, default=None
    A netCDF file that the fit is written to between epochs. Where it exists, a fit that was killed is gone on with and
    ends with the same numbers. In a folder that exists each fit has a file of its own, which suits searches. A fit
    with other rows, parameters or start values is another one; functions and objects of your own count by their code
    and what they hold, which the same version of Python has to read.""",
    "store": """str, Path, SampleStore or None, default=None
    Folder of samples and jobs: what was measured once is not measured again, here or where the folder is copied to.
    A remote backend needs one. Holds for an object given as ``selection`` too.""",
    "max_qpu_seconds": """float or None, default=None
    Budget of processor time for all jobs of the store. What would exceed it is not sent: a fit ends with the
    samples that it has, or is refused if it has none.""",
    "random_state": """int, RandomState instance or None, default=None
    Seed of start values, batches and samples. The same integer gives the same model.""",
    "verbose": """int, default=0
    1 shows a progress bar.""",
}


ATTRIBUTES = """n_features_in_ : int
    Number of features.
feature_names_in_ : (n_features_in_,) ndarray of str
    Names of the features, if X had names.
n_iter_ : int
    Epochs run.
converged_ : bool
    Whether training stopped by ``tol`` before ``max_iter``. False is no failure and no warning comes with it: the step
    size falls to zero towards ``max_iter``, so that a run to the end is how a fit is meant to end.
history_ : xarray.Dataset
    Loss, gradient norm, smallest gap and subspace dimension of every epoch.
bias_operator_, feature_operators_, label_operators_ : SparsePauliOp and lists of them
    The learned operators. Those of labels act on real targets brought to mean 0 and variance 1.
intercepts_ : (n_outputs,) ndarray
    What is added to the expectation values of the label operators.
subspace_ : Subspace
    Basis states used for prediction.
samples_ : Samples or None
    What was measured for it; None where nothing was."""


@dataclass(eq=False, repr=False)
class HamiltonianParameters:
    """What every estimator can be told. Values are stored as they come and checked by ``fit``."""

    n_qubits: int = 6
    _: KW_ONLY
    connectivity: Any = "chain"
    embedding: Any = "linear"
    rank: int | None = None
    selection: Any = "auto"
    backend: Any = "auto"
    frame: str = "mean_field"
    krylov_dimension: int = 4
    time_step: float | str = "auto"
    trotter_order: int = 1
    shots: int = 1000
    max_dimension: int | None = None
    expansion_rounds: int = 0
    refresh_every: int = 5
    entangling: bool = True
    max_iter: int = 100
    batch_size: int | str = "auto"
    learning_rate: float = 0.02
    start_scale: float = 0.02
    alpha: float = 0.0
    variance_penalty: float = 0.1
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    warm_start: bool = False
    checkpoint: str | Path | None = None
    store: Any = None
    max_qpu_seconds: float | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: int = 0


def documented(estimator: _Class) -> _Class:
    """Put the meanings of what is shared into a class's docstring, where it says ``{parameters}`` or ``{attributes}``.

    What is the class's own is described there by itself.
    """
    text = inspect.cleandoc(estimator.__doc__ or "")
    shared = "\n".join(f"{each.name} : {MEANINGS[each.name]}" for each in fields(HamiltonianParameters))
    estimator.__doc__ = text.replace("{parameters}", shared).replace("{attributes}", ATTRIBUTES)
    return estimator
