"""The certificate's promise over many random cases, against exact levels."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.selection.classical import ClassicalSelection
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict
from tests.reference.dense import dense_hamiltonian

N_CASES = 1000


@pytest.mark.slow
def test_an_exact_level_lies_within_the_residual_in_a_thousand_random_cases(capsys):
    basis = PauliBasis.chain(6)
    rng = np.random.default_rng(3)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    strength = rng.uniform(0.02, 0.8, size=(N_CASES, 1))
    coeffs = strength * rng.normal(size=(N_CASES, basis.n_terms)) - fields
    coeffs = rotate(basis, coeffs, mean_field_frames(basis, coeffs).rotations)
    nearest_is_ground, trusted, right = 0, 0, 0
    for case, row in enumerate(coeffs[:, None]):
        size = int(rng.integers(2, 48))
        space = ClassicalSelection(size).select(basis, row, np.ones(1), seed=np.random.SeedSequence(case)).subspace
        structure = restrict(basis, space)
        certificate = certify(structure, row, lowest_levels(structure, row, gap_tol=1e-6))
        levels = np.linalg.eigvalsh(dense_hamiltonian(basis.labels, row[0]))
        distance = np.abs(levels - certificate.energy[0])
        assert distance.min() <= certificate.residual[0] + 1e-9  # the solver's own residual
        is_ground = distance.argmin() == 0
        nearest_is_ground += is_ground
        trusted += certificate.trusted[0]
        right += certificate.trusted[0] and is_ground
    summary = (
        f"{N_CASES} cases: the level within the residual is the ground level in {nearest_is_ground / N_CASES:.1%}, "
        f"{trusted / N_CASES:.1%} are trusted, {right / max(trusted, 1):.1%} of these rightly"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{summary}\n")
    # Measured: 98.0 %, 90.2 % and 99.3 %; a rule that trusts everything would be right in 98.0 % only.
    assert trusted / N_CASES > 0.8, summary
    assert right / trusted > 0.99, summary
