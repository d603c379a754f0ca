"""Decisions and their errors, against the whole space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import make_moons

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier
from hamiltonian_ml.learning import decisions
from hamiltonian_ml.learning.decisions import decide
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.expectations import solve
from hamiltonian_ml.learning.model import initial_parameters, readout
from hamiltonian_ml.selection.strategy import Selected
from hamiltonian_ml.subspace.boundary import find_boundary
from hamiltonian_ml.subspace.certificate import certify
from hamiltonian_ml.subspace.structure import restrict
from tests.reference.dense import dense_hamiltonian


@dataclass(frozen=True)
class Trained:
    model: HamiltonianClassifier
    X: np.ndarray
    exact: np.ndarray  # logits (n_rows, 2) in the true ground states


class FewStates:
    """Sixteen states, as good as drawn at random."""

    needs_refresh = False

    def select(self, basis, coefficients, weights, *, seed):
        states = [0, 2, 5, 9, 22, 32, 37, 59, 63, 73, 77, 80, 97, 100, 114, 124]
        return Selected(Subspace.from_integers(states, basis.n_qubits))


@cache
def trained() -> Trained:
    """A model in a subspace so small that some decisions are not those of its true ground states."""
    X, y = make_moons(80, noise=0.15, random_state=0)
    model = HamiltonianClassifier(
        7, selection=FewStates(), learning_rate=0.1, max_iter=12, random_state=0, variance_penalty=0.0
    ).fit(X, y)
    coefficients = np.asarray(linear_embedding(model.parameters_, X))
    whole = solve(coefficients, restrict(model.basis_, Subspace.full(7)), tol=1e-9)
    return Trained(model, X, np.asarray(readout(model.parameters_, whole.expectations)))


def test_decisions_in_doubt_become_those_of_the_true_ground_states():
    right = trained().exact.argmax(axis=1)
    model = trained().model
    shared = model.set_params(decision_rounds=0).predict(trained().X)
    settled = model.set_params(decision_rounds=2).predict(trained().X)
    assert (shared != right).sum() >= 2  # or there would be nothing to mend
    assert (settled == right).all()


def test_the_error_of_a_margin_bounds_what_the_states_left_out_move_it_by():
    found = trained().model.set_params(decision_rounds=0).certify(trained().X)
    shared = trained().model.decision_function(trained().X)
    true = trained().exact[:, 1] - trained().exact[:, 0]
    sure = found.tilt.values < 0.5  # first order in the angle
    assert sure.sum() > 20
    assert (np.abs(shared - true) <= found.margin_error.values)[sure].all()


def test_the_error_of_a_margin_counts_what_neighbours_make_of_the_state(monkeypatch):
    model, X = trained().model.set_params(decision_rounds=0), trained().X
    both = model.certify(X)
    monkeypatch.setattr(decisions, "certify_closely", certify)
    first = model.certify(X)
    turn = np.sqrt(1 - both.overlap.values)
    expected = first.margin_error.values * np.maximum(turn / first.tilt.values, 1)
    np.testing.assert_allclose(both.margin_error, expected, rtol=1e-9)  # round-off
    assert (turn > first.tilt.values).any()


def test_rows_that_are_sure_are_left_as_they_are():
    model, X = trained().model, trained().X
    plain = model.set_params(decision_rounds=0)
    first, outputs = plain.certify(X), plain.decision_function(X)
    second = model.set_params(decision_rounds=2).certify(X)
    again = second.dimension.values > model.subspace_.dimension
    np.testing.assert_array_equal(again, ~first.decided.values)
    np.testing.assert_array_equal(model.decision_function(X)[~again], outputs[~again])
    assert 0 < again.sum() < len(X)


def test_more_states_lower_the_energy_and_the_error_of_rows_in_doubt():
    first = trained().model.set_params(decision_rounds=0).certify(trained().X)
    second = trained().model.set_params(decision_rounds=2).certify(trained().X)
    again = second.dimension.values > first.dimension.values
    assert (second.energy.values < first.energy.values)[again].all()
    assert np.median(second.margin_error.values[again]) < np.median(first.margin_error.values[again])


def test_a_decision_depends_on_its_own_row_alone():
    model, X = trained().model.set_params(decision_rounds=2), trained().X
    whole = model.decision_function(X)
    alone = np.concatenate([model.decision_function(X[row : row + 1]) for row in range(0, 80, 7)])
    np.testing.assert_allclose(alone, whole[::7], atol=1e-9)  # the solver's tolerance


def test_rounds_end_where_all_basis_states_are_used():
    model = trained().model.set_params(decision_rounds=9)
    found = model.certify(trained().X)
    assert found.dimension.max() <= 2**7
    np.testing.assert_allclose(found.margin_error.values[found.dimension.values == 2**7], 0.0, atol=1e-6)


def test_a_round_at_most_quadruples_the_states_of_a_row():
    found = trained().model.set_params(decision_rounds=1).certify(trained().X)
    assert set(found.dimension.values.tolist()) == {16, 64}


def test_no_row_gets_more_states_than_the_limit(monkeypatch):
    monkeypatch.setattr(decisions, "_MOST_STATES", 50)
    found = trained().model.set_params(decision_rounds=9).certify(trained().X)
    assert set(found.dimension.values.tolist()) == {16, 50}


def test_the_gap_of_a_row_that_was_solved_again_is_exact_in_the_whole_space():
    """A coarse search would do for the state, but the error of the margin rests on the gap."""
    model = trained().model
    found = model.set_params(decision_rounds=2).certify(trained().X)
    whole = np.flatnonzero(found.dimension.values == 2**7)
    assert len(whole) > 5
    for row, operator in zip(whole, model.hamiltonians(trained().X[whole]), strict=True):
        lowest = np.linalg.eigvalsh(operator.to_matrix())[:2]
        assert found.gap.values[row] == pytest.approx(lowest[1] - lowest[0], rel=1e-6)  # the residual's square


def test_the_closest_of_three_logits_decides(rng):
    basis = PauliBasis.chain(4)
    parameters = initial_parameters(basis, 2, 3, seed=np.random.SeedSequence(0), scale=0.3)
    structure = restrict(basis, Subspace.excitations(4, 1))
    coefficients = np.asarray(linear_embedding(parameters, rng.normal(size=(6, 2))))
    states = solve(coefficients, structure, tol=1e-10)
    offsets = rng.normal(size=(6, 3))
    found = decide(parameters, states, offsets, boundary=find_boundary(structure), rounds=0)
    kets = np.zeros((6, 16), dtype=complex)
    kets[:, structure.subspace.words[:, 0].astype(int)] = states.levels.ground_states
    outputs = np.asarray(readout(parameters, states.expectations)) + offsets
    np.testing.assert_allclose(found.outputs, outputs)
    for row, ket in enumerate(kets):
        best, candidates = outputs[row].argmax(), []
        for rival in {0, 1, 2} - {best}:
            dense = dense_hamiltonian(basis.labels, parameters.labels[best] - parameters.labels[rival])
            spread = np.linalg.norm(dense @ ket - np.vdot(ket, dense @ ket) * ket)
            candidates.append((outputs[row, best] - outputs[row, rival], 2 * spread * found.certificate.tilt[row]))
        margin, error = min(candidates, key=lambda pair: pair[0] - pair[1])
        assert found.margins[row] == pytest.approx(margin, abs=1e-9)  # round-off
        assert found.errors[row] == pytest.approx(error, rel=1e-6)  # round-off


def test_a_single_basis_state_is_always_in_doubt(rng):
    basis = PauliBasis.chain(3)
    parameters = initial_parameters(basis, 1, 2, seed=np.random.SeedSequence(0), scale=0.3)
    structure = restrict(basis, Subspace.from_integers([0], 3))
    states = solve(np.asarray(linear_embedding(parameters, rng.normal(size=(2, 1)))), structure)
    boundary = find_boundary(structure)
    assert np.isinf(decide(parameters, states, 0.0, boundary=boundary, rounds=0).errors).all()
    assert (decide(parameters, states, 0.0, boundary=boundary, rounds=1).dimensions > 1).all()


def test_what_is_added_to_the_logits_counts(rng):
    model, X = trained().model, trained().X
    coefficients = np.asarray(linear_embedding(model.parameters_, X))
    states = solve(coefficients, model.structure_, model._chosen.rotations(coefficients))
    boundary = find_boundary(model.structure_)
    sure = decide(model.parameters_, states, np.array([1e3, 0.0]), boundary=boundary, rounds=2)
    assert not sure.doubtful.any()
    assert (sure.outputs.argmax(axis=1) == 0).all()


def test_a_certificate_that_is_passed_in_is_not_written_to():
    model, X = trained().model, trained().X
    coefficients = np.asarray(linear_embedding(model.parameters_, X))
    states = solve(coefficients, model.structure_, model._chosen.rotations(coefficients))
    before = replace(states.levels, energies=states.levels.energies.copy())
    decide(model.parameters_, states, 0.0, boundary=find_boundary(model.structure_), rounds=2)
    np.testing.assert_array_equal(states.levels.energies, before.energies)


def test_a_negative_number_of_rounds_is_refused():
    with pytest.raises(ValueError, match="decision_rounds must be an integer of at least 0, got -1"):
        HamiltonianClassifier(2, decision_rounds=-1).fit([[0.0], [1.0]], [0, 1])
