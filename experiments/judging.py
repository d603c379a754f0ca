"""Fitted models held against the true ground states of their own Hamiltonians."""

from __future__ import annotations

import time
from copy import copy

import numpy as np
import xarray as xr

from hamiltonian_ml import HamiltonianClassifier, Subspace, restrict
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import solve
from hamiltonian_ml.learning.model import readout
from hamiltonian_ml.referee import dmrg_expectations
from hamiltonian_ml.study.cells import quantities

EXACT_QUBITS = 12  # up to here the whole space is solved for every row
ROUNDS = HamiltonianClassifier().decision_rounds


def judge(
    fitted: HamiltonianClassifier, features: np.ndarray, labels: np.ndarray, *, max_bond: int, settled: bool = False
) -> xr.Dataset:
    """Compare energies, logits and decisions of two classes with those of the true ground states.

    All decisions are taken in the one subspace that was sampled. If ``settled``, the same figures stand beside them for
    decisions as the classifier takes them by default, where rows in doubt are solved again.
    """
    coefficients = np.asarray(linear_embedding(fitted.parameters_, features))
    start = time.perf_counter()
    energies, values = true_states(fitted, coefficients, max_bond=max_bond)
    seconds = time.perf_counter() - start
    exact = np.asarray(readout(fitted.parameters_, values))
    decisions = fitted.classes_[exact.argmax(axis=1)]
    shared, again = copy(fitted), copy(fitted)
    shared.decision_rounds, again.decision_rounds = 0, ROUNDS
    certificate = shared.certify(features)
    error = (certificate.energy.values - energies) / np.abs(energies)
    ours, theirs = shared.decision_function(features), exact[:, 1] - exact[:, 0]
    found = quantities(
        agreement=((shared.predict(features) == decisions).mean(), "1", "test decisions as the referee's"),
        referee_accuracy=((decisions == labels).mean(), "1", "share of judged rows right with true ground states"),
        judged_rows=(len(labels), "1", "test rows judged"),
        energy_error=(np.median(error), "1", "relative energy error, median"),
        largest_energy_error=(error.max(), "1", "relative energy error, largest"),
        logit_error=(np.median(np.abs(ours - theirs) / np.abs(theirs)), "1", "relative logit error, median"),
        trusted=(float(certificate.trusted.mean()), "1", "share of rows that the certificate trusts"),
        captured_weight=(float(certificate.captured_weight.median()), "1", "captured weight, median"),
        referee_seconds=(seconds, "s", "time of the referee"),
    )
    return xr.merge([found, _settled(again, features, labels, decisions)]) if settled else found


def _settled(
    fitted: HamiltonianClassifier, features: np.ndarray, labels: np.ndarray, decisions: np.ndarray
) -> xr.Dataset:
    start = time.process_time()
    predicted = fitted.predict(features)
    seconds = time.process_time() - start
    certificate = fitted.certify(features)
    more = certificate.dimension.values > fitted.subspace_.dimension
    return quantities(
        settled_agreement=((predicted == decisions).mean(), "1", "decisions as the referee's, rows in doubt again"),
        settled_accuracy=((predicted == labels).mean(), "1", "share of judged rows right, rows in doubt again"),
        doubtful=(more.mean(), "1", "share of rows that were solved again"),
        undecided=(float((~certificate.decided).mean()), "1", "share of rows in doubt in the end"),
        settled_dimension=(
            certificate.dimension.values[more].mean() if more.any() else 0.0, "1",
            "basis states of a row that was solved again",
        ),
        settled_seconds=(seconds, "s", "processor time of the predictions"),
    )  # fmt: skip


def true_states(
    fitted: HamiltonianClassifier, coefficients: np.ndarray, *, max_bond: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return energies and expectation values in the ground states of all rows, exact or by DMRG."""
    if fitted.n_qubits <= EXACT_QUBITS:
        whole = restrict(fitted.basis_, Subspace.full(fitted.n_qubits))
        states = solve(coefficients, whole, tol=1e-9)
        return states.levels.energies[:, 0], states.expectations
    found = dmrg_expectations(fitted.basis_, coefficients, max_bond=max_bond, random_state=0)
    return found.energies, found.expectations
