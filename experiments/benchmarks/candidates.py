"""Estimators of this package and of its neighbours, each made as its documentation makes it, for two features.

In: a name. Out: an estimator that is not fitted; ImportError where its package is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hamiltonian_ml import (
    HamiltonianClassifier,
    HamiltonianHeadClassifier,
    HamiltonianRegressor,
    HamiltonianTransformer,
)

OURS = (HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer, HamiltonianHeadClassifier)
SETTINGS: tuple[dict[str, str], ...] = ({}, {"selection": "krylov"}, {"frame": "computational"})


@dataclass(frozen=True)
class Candidate:
    """An estimator with the module of its package, how it is made, and whether it predicts classes."""

    package: str
    make: Callable[[], Any]
    classifies: bool = True


def _qiskit_kernel() -> Any:
    from qiskit.circuit.library import zz_feature_map
    from qiskit_machine_learning.algorithms import QSVC
    from qiskit_machine_learning.kernels import FidelityStatevectorKernel

    return QSVC(quantum_kernel=FidelityStatevectorKernel(feature_map=zz_feature_map(2)))


def _qiskit_network() -> Any:
    from qiskit_machine_learning.algorithms import VQC

    return VQC(num_qubits=2)


def _squlearn_kernel() -> Any:
    from squlearn import Executor
    from squlearn.encoding_circuit import YZ_CX_EncodingCircuit
    from squlearn.kernel import QSVC, FidelityKernel

    return QSVC(FidelityKernel(YZ_CX_EncodingCircuit(num_qubits=2, num_features=2), Executor("pennylane")))


def _squlearn_network() -> Any:
    from squlearn import Executor
    from squlearn.encoding_circuit import ChebyshevPQC
    from squlearn.observables import SummedPaulis
    from squlearn.optimizers import SLSQP
    from squlearn.qnn import QNNClassifier, SquaredLoss

    circuit = ChebyshevPQC(num_qubits=2, num_features=2, num_layers=2)
    return QNNClassifier(circuit, SummedPaulis(2), Executor("pennylane"), SquaredLoss(), SLSQP())


def _xanadu(name: str) -> Any:
    from qml_benchmarks import models

    return getattr(models, name)()


CANDIDATES = {
    f"{make.__name__}({', '.join(settings.values())})": Candidate(
        "hamiltonian_ml",
        partial(make, **settings),
        classifies=make not in (HamiltonianRegressor, HamiltonianTransformer),
    )
    for settings in SETTINGS
    for make in OURS
} | {
    "qiskit-machine-learning QSVC": Candidate("qiskit_machine_learning", _qiskit_kernel),
    "qiskit-machine-learning VQC": Candidate("qiskit_machine_learning", _qiskit_network),
    "sQUlearn QSVC": Candidate("squlearn", _squlearn_kernel),
    "sQUlearn QNNClassifier": Candidate("squlearn", _squlearn_network),
    "qml-benchmarks IQPKernelClassifier": Candidate("qml_benchmarks", partial(_xanadu, "IQPKernelClassifier")),
    "qml-benchmarks DataReuploading": Candidate("qml_benchmarks", partial(_xanadu, "DataReuploadingClassifier")),
}
