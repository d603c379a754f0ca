"""Ground states of users' own Hamiltonians against the exact referee."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from qiskit.quantum_info import Pauli, SparsePauliOp
from scipy.spatial.transform import Rotation

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.estimators.ground_state import ground_state
from hamiltonian_ml.referee.dmrg import dmrg_ground_state
from hamiltonian_ml.referee.exact import exact_ground_state
from hamiltonian_ml.sampling.circuits import krylov_circuits
from hamiltonian_ml.subspace import memory
from hamiltonian_ml.subspace.structure import restrict


def _ring(n, couplings, fields=()):
    """Return the sum over the edges of a ring, and over its qubits, of strings with the same coefficient everywhere."""
    terms = [(letters, [q, (q + 1) % n], value) for q in range(n) for letters, value in couplings]
    terms += [(letter, [q], value) for q in range(n) for letter, value in fields]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=n)


def _random_edges(n, rng):
    edges = [(i, j) for i in range(n) for j in range(i) if rng.random() < 0.4]
    basis = PauliBasis.from_edges(n, edges)
    return basis.to_operator(rng.normal(size=basis.n_terms))


PAULIS = np.array([Pauli(letter).to_matrix() for letter in "XYZ"])
MODELS = {
    "Ising": lambda rng: _ring(10, [("ZZ", -1.0)], [("X", -0.7), ("Z", 0.2)]),
    "XXZ": lambda rng: _ring(10, [("XX", 0.3), ("YY", 0.3), ("ZZ", 1.0)]),
    "Heisenberg": lambda rng: _ring(10, [("XX", 1.0), ("YY", 1.0), ("ZZ", 1.0)]),
    "random edges": lambda rng: _random_edges(8, rng),
}


@pytest.mark.parametrize("name", MODELS)
def test_all_basis_states_give_the_exact_ground_state(name, rng):
    operator = MODELS[name](rng)
    exact, got = exact_ground_state(operator), ground_state(operator, selection="full")
    assert got.energy == pytest.approx(exact.energy, abs=1e-6)  # residuals, squared
    assert got.gap == pytest.approx(exact.gap, abs=1e-6)  # residuals, squared
    assert got.residual < 1e-6  # 1e-8 of the largest coefficient, with room
    assert not got.degenerate
    assert got.expectation(operator) == pytest.approx(got.energy, abs=1e-9)  # round-off
    basis = PauliBasis.from_operator(operator)
    np.testing.assert_allclose(got.expectations(basis), exact.expectations(basis), atol=1e-5)  # residual over the gap


@pytest.mark.parametrize("frame", ["mean_field", "computational"])
@pytest.mark.parametrize("selection", ["krylov", "classical"])
def test_a_selected_subspace_bounds_the_energy_from_above_within_its_residual(frame, selection, rng):
    basis = PauliBasis.chain(7)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    operator = basis.to_operator(0.3 * rng.normal(size=basis.n_terms) - fields)
    exact = exact_ground_state(operator)
    got = ground_state(operator, selection=selection, frame=frame, max_dimension=60, random_state=0)
    assert got.energy >= exact.energy - 1e-9
    assert got.energy - exact.energy <= got.residual
    certificate = got.certificate()
    assert certificate.residual.item() == pytest.approx(got.residual)
    estimated = got.energy + certificate.correction.item()
    assert abs(estimated - exact.energy) < abs(got.energy - exact.energy)
    # Expectation values are off by about the square root of the weight outside.
    np.testing.assert_allclose(got.expectations(basis), exact.expectations(basis), atol=0.3)


def test_local_frames_need_fewer_states_for_the_same_energy(rng):
    basis = PauliBasis.chain(8)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    exact = exact_ground_state(operator).energy
    framed, plain = (
        ground_state(operator, selection="classical", frame=frame, max_dimension=40).energy - exact
        for frame in ("mean_field", "computational")
    )
    assert 0 < framed < plain


@pytest.mark.parametrize(
    "operator",
    [
        _ring(5, [("XX", 1.0), ("YY", 1.0), ("ZZ", 1.0)]),
        _ring(3, [("ZZ", 1.0)]),
        SparsePauliOp.from_sparse_list([("ZZ", [0, 1], -1.0)], num_qubits=4),
    ],
    ids=["odd Heisenberg ring", "frustrated triangle", "free qubits"],
)
def test_degenerate_ground_states_are_reported_as_such(operator):
    got = ground_state(operator, selection="full")
    assert got.degenerate
    assert got.gap == 0.0
    assert got.energy == pytest.approx(exact_ground_state(operator).energy, abs=1e-8)  # residuals, squared


def _open_ising(n, field, *more):
    terms = [("ZZ", [q, q + 1], -1.0) for q in range(n - 1)] + [("X", [q], -field) for q in range(n)]
    return SparsePauliOp.from_sparse_list([*terms, *more], num_qubits=n)


@pytest.mark.parametrize(("field", "selection"), [(0.5, "krylov"), (0.5, "classical"), (1.0, "krylov")])
def test_a_magnetised_state_of_a_symmetric_model_is_no_level_and_not_trusted(field, selection):
    """Two levels of opposite parity share its weight, which the states around it cannot tell."""
    operator = _open_ising(8, field)
    got = ground_state(operator, selection=selection, random_state=0)
    assert got.broken_symmetry == "X" * 8
    figures = got.certificate()
    assert figures.tilt.item() == 1.0
    assert not figures.trusted.item()
    assert figures.energy.item() == got.energy


def test_what_breaks_no_symmetry_is_trusted():
    paramagnet = ground_state(_open_ising(8, 2.0), random_state=0)
    favoured = ground_state(_open_ising(8, 0.5, ("Z", [0], -0.1)), random_state=0)  # a field that leaves no symmetry
    whole = ground_state(_open_ising(8, 0.5), selection="full")
    for state in (paramagnet, favoured, whole):
        assert state.broken_symmetry is None
        assert state.certificate().trusted.item()


def test_levels_that_symmetries_make_degenerate_are_reported_in_any_subspace():
    ring = ground_state(_ring(9, [("XX", 1.0), ("YY", 1.0), ("ZZ", 1.0)]), random_state=0)
    assert ring.subspace.dimension < 2**9
    assert (ring.degenerate, ring.gap) == (True, 0.0)
    assert not ring.certificate().trusted.item()


def test_the_identity_shifts_the_energy_and_strings_elsewhere_can_be_measured():
    operator = SparsePauliOp.from_sparse_list([("", [], 2.5), ("Z", [0], 1.0), ("Z", [1], 1.0)], num_qubits=3)
    got = ground_state(operator + SparsePauliOp("ZII"), selection="krylov", random_state=0)
    assert got.energy == pytest.approx(-0.5)
    assert got.expectation(SparsePauliOp("ZIZ")) == pytest.approx(1.0)  # a pair that H does not couple
    assert got.expectation(SparsePauliOp("III", 3.0)) == pytest.approx(3.0)


def test_the_extrapolated_energy_keeps_the_identity_and_comes_closer(rng):
    basis = PauliBasis.chain(9)
    fields = (basis.paulis[:, 0] == 3) & (basis.paulis[:, 1] == 0)
    operator = basis.to_operator(0.25 * rng.normal(size=basis.n_terms) - fields) + SparsePauliOp("I" * 9, 7.0)
    exact = exact_ground_state(operator).energy
    got = ground_state(operator, selection="classical", max_dimension=80)
    assert abs(got.extrapolated_energy() - exact) < got.energy - exact


def test_seeds_repeat():
    operator = MODELS["Ising"](None)
    first, again = (ground_state(operator, shots=20, max_dimension=30, random_state=4) for _ in range(2))
    assert first.energy == again.energy
    np.testing.assert_array_equal(first.subspace.words, again.subspace.words)


def test_other_seeds_draw_other_states():
    options = {"selection": "random", "max_dimension": 30}
    first, second = (ground_state(MODELS["Ising"](None), random_state=s, **options).subspace for s in (4, 5))
    assert not np.array_equal(first.words, second.words)


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (SparsePauliOp("XXX"), "only 1- and 2-local strings are allowed"),
        (SparsePauliOp("XX", 1j), "operator must be Hermitian"),
    ],
)
def test_operators_that_no_circuit_can_take_are_refused(operator, message):
    with pytest.raises(ValueError, match=message):
        ground_state(operator)


@pytest.mark.parametrize("options", [{}, {"selection": "full"}, {"selection": "classical"}, {"frame": "computational"}])
@pytest.mark.parametrize("operator", [SparsePauliOp("III", 2.5), SparsePauliOp(["XXI", "III"], [0, 2.5])])
def test_a_multiple_of_the_identity_has_its_energy_in_every_state(operator, options):
    got, exact = ground_state(operator, random_state=0, **options), exact_ground_state(operator)
    assert (got.energy, got.gap, got.residual, got.degenerate) == (2.5, 0.0, 0.0, True)
    assert (exact.energy, exact.gap, exact.residual, exact.degenerate) == (2.5, 0.0, 0.0, True)
    assert got.expectation(operator) == pytest.approx(2.5)


@pytest.mark.parametrize("values", [[0, 0, 1], [0.3, -0.3, 1], [0.1 + 0.2, -0.3, 1]])
def test_long_strings_that_are_not_there_after_all_are_no_obstacle(values):
    assert ground_state(SparsePauliOp(["ZZZ", "ZZZ", "XII"], values), random_state=0).energy == pytest.approx(-1)


@pytest.mark.parametrize("frame", ["mean_field", "computational"])
def test_expectation_values_of_long_strings_are_those_of_the_dense_state(frame, rng):
    basis = PauliBasis.chain(6)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    got = ground_state(operator, selection="classical", frame=frame, max_dimension=20)
    state = np.zeros(64, dtype=complex)
    state[got.subspace.words[:, 0].astype(int)] = got.amplitudes
    turns = np.ones((1, 1))
    for rotation in np.eye(3)[None].repeat(6, axis=0) if got.rotations is None else got.rotations:
        quaternion = Rotation.from_matrix(rotation).as_quat()  # x, y, z, 1
        turns = np.kron(quaternion[3] * np.eye(2) - 1j * np.einsum("a,aij->ij", quaternion[:3], PAULIS), turns)
    state = turns.conj().T @ state  # back to the computational axes
    labels = ["XYZIII", "IYIYIY", "ZZZZZZ", "YYYXIZ", "IXIIYX", "IIIIIY", "IIIIII"]
    assert np.vdot(state, operator.to_matrix() @ state).real == pytest.approx(got.energy, abs=1e-9)  # round-off
    for observable in [*map(SparsePauliOp, labels), SparsePauliOp(labels, rng.normal(size=len(labels)))]:
        dense = np.vdot(state, observable.to_matrix() @ state).real
        assert got.expectation(observable) == pytest.approx(dense, abs=1e-12)  # round-off


def test_a_string_too_long_for_local_frames_is_refused_with_the_way_out(rng):
    basis = PauliBasis.chain(14)
    operator = basis.to_operator(rng.normal(size=basis.n_terms))
    got = ground_state(operator, selection="classical", max_dimension=20)
    with pytest.raises(
        ValueError, match=r'a string on 13 qubits; .* Use ground_state\(\.\.\., frame="computational"\)'
    ):
        got.expectation(SparsePauliOp("I" + 13 * "Z"))
    plain = ground_state(operator, selection="classical", frame="computational", max_dimension=20)
    signs = 1 - 2.0 * (plain.subspace.bits().sum(axis=1) % 2)
    assert plain.expectation(SparsePauliOp(14 * "Z")) == pytest.approx(signs @ np.abs(plain.amplitudes) ** 2)


@pytest.mark.parametrize("solve", [ground_state, exact_ground_state])
def test_what_is_no_basis_is_named(solve):
    with pytest.raises(TypeError, match="basis must be a PauliBasis, got str"):
        solve(SparsePauliOp("ZZ")).expectations("x")


def test_wrong_widths_and_options_are_named():
    got = ground_state(SparsePauliOp("ZZ"), random_state=0)
    with pytest.raises(ValueError, match="operator acts on 3 qubits but the state on 2"):
        got.expectation(SparsePauliOp("ZZZ"))
    with pytest.raises(ValueError, match="frame must be one of"):
        ground_state(SparsePauliOp("ZZ"), frame="lab")
    with pytest.raises(ValueError, match="n_qubits must be at most 24 for the full space, got 40"):
        ground_state(SparsePauliOp.from_sparse_list([("Z", [0], 1.0)], num_qubits=40), selection="full")


def test_what_does_not_fit_into_memory_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2**20)
    with pytest.raises(
        MemoryError, match=r"1,048,576 basis states of 20 qubits take .* GiB for 1 rows, but .* GiB are free"
    ):
        ground_state(_ring(20, [("ZZ", 1.0)]), selection="full")


@pytest.mark.parametrize("options", [{"selection": "classical"}, {"selection": "random"}, {"expansion_rounds": 1}])
def test_more_states_than_fit_are_refused_before_they_are_looked_for(options, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2**30)
    monkeypatch.setattr("hamiltonian_ml.estimators.ground_state.mean_field_frames", None)  # nothing is to be computed
    with pytest.raises(MemoryError, match=r"1,000,000,000,000 basis states of 50 qubits take .* smaller max_dimension"):
        ground_state(_ring(50, [("ZZ", 1.0)], [("X", 0.5)]), max_dimension=10**12, **options)


def test_the_certificate_is_in_the_units_of_the_operator():
    operator = SparsePauliOp.from_list([("IZ", 1.0), ("XX", 0.5), ("II", 3.0)])
    got = ground_state(operator, selection="full")
    certificate = got.certificate()
    assert float(certificate.energy[0]) == got.energy == pytest.approx(np.linalg.eigvalsh(operator.to_matrix())[0])
    assert certificate.energy.units == "operator's unit"
    assert certificate.variance.units == "operator's unit squared"
    assert certificate.trusted.units == "1"


@pytest.mark.parametrize("tol", [0, -1.0, np.nan, "a", 10.0])
def test_a_tolerance_that_means_nothing_is_refused(tol):
    with pytest.raises(ValueError, match=r"tol must be .*, got "):
        ground_state(_ring(3, [("ZZ", 1.0)]), tol=tol)


@pytest.mark.parametrize("unit", [1e-13, 1.0, 1e13])
def test_whether_an_operator_is_hermitian_depends_on_no_unit(unit):
    with pytest.raises(ValueError, match="operator must be Hermitian, but the string XX"):
        ground_state(SparsePauliOp(["XX", "ZI"], np.array([1e-3j, 1]) * unit))
    sum_is_real = SparsePauliOp(["XX", "XX", "ZI"], np.array([1 + 1j, -1j, 1]) * unit)
    assert ground_state(sum_is_real, selection="full").energy == pytest.approx(-np.sqrt(2) * unit)


@pytest.mark.slow
def test_the_whole_space_of_a_22_site_ring():
    """XXZ ring; the energy was found independently in the zero-magnetisation sector."""
    got = ground_state(_ring(22, [("XX", 0.3), ("YY", 0.3), ("ZZ", 1.0)]), selection="full")
    assert got.energy == pytest.approx(-23.936013, abs=1e-6)  # as many digits as are known


def test_results_are_shown_in_a_few_words():
    operator = PauliBasis.chain(6).to_operator(np.ones(63))
    state = ground_state(operator, selection="full")
    assert repr(state).startswith("GroundState(energy=-")
    assert repr(state).endswith("subspace=Subspace(dimension=64, n_qubits=6))")
    structure = restrict(PauliBasis.chain(6), state.subspace)
    basis = "PauliBasis(n_qubits=6, n_edges=5, n_terms=63)"
    assert repr(structure) == f"SubspaceStructure(basis={basis}, subspace=Subspace(dimension=64, n_qubits=6))"


@pytest.mark.parametrize("wrong", ["ZZ", np.eye(4), Pauli("ZZ")])
@pytest.mark.parametrize(
    "user",
    [
        ground_state,
        partial(krylov_circuits, krylov_dimension=2),
        exact_ground_state,
        dmrg_ground_state,
        PauliBasis.from_operator,
        PauliBasis.chain(2).coefficients,
        lambda operator: ground_state(SparsePauliOp("ZZ")).expectation(operator),
        lambda operator: exact_ground_state(SparsePauliOp("ZZ")).expectation(operator),
    ],
)
def test_what_is_no_operator_is_named(user, wrong):
    with pytest.raises(TypeError, match=f"operator must be a SparsePauliOp, got {type(wrong).__name__}"):
        user(wrong)
