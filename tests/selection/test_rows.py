"""Which rows decide on a subspace."""

from __future__ import annotations

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators.ground_state import ground_state
from hamiltonian_ml.selection.rows import distinct_rows


@pytest.mark.parametrize("unit", [1e-90, 1e-19, 1e-4, 1.0, 1e30])
def test_rows_are_one_if_round_off_sets_them_apart_in_any_unit(unit, rng):
    rows = unit * rng.normal(size=(4, 9))
    again = np.vstack([rows, rows * (1 + 1e-15), 2 * rows])
    found, weights = distinct_rows(again, np.ones(12), max_rows=20, rng=rng)
    if unit <= 1:
        assert sorted(weights.tolist()) == 4 * [1.0] + 4 * [2.0]
    assert {row.tobytes() for row in found} <= {row.tobytes() for row in again}  # as they came, not rounded


@pytest.mark.parametrize("selection", ["krylov", "classical"])
def test_states_are_chosen_alike_in_any_unit_of_energy(selection, rng):
    basis = PauliBasis.chain(6)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    one, other = (
        ground_state(operator * unit, selection=selection, max_dimension=30, random_state=0) for unit in (1.0, 1e-19)
    )
    assert other.subspace.dimension == one.subspace.dimension
    assert other.energy / 1e-19 == pytest.approx(one.energy, rel=1e-6)  # the solver's tolerance, with room
