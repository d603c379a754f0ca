"""Exact ground states against Kronecker products, Qiskit's matrices, solved models and published energies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.sparse.linalg import eigsh

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.referee import exact
from hamiltonian_ml.referee.exact import exact_ground_state
from tests.reference.dense import dense_expectations, dense_hamiltonian, pauli_matrix

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def lanczos_from_7_qubits(monkeypatch):
    monkeypatch.setattr(exact, "LANCZOS_QUBITS", 7)


def ring_operator(n_qubits, **values):
    """Return the sum of strings such as XX on all edges of a ring and Z on all qubits, with the given values."""
    terms = []
    for letters, value in values.items():
        terms += [(letters, [(q + k) % n_qubits for k in range(len(letters))], value) for q in range(n_qubits)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=n_qubits)


def random_operator(rng, n_qubits, n_strings):
    labels = ["".join(rng.choice(list("IXYZ"), n_qubits)) for _ in range(n_strings)]
    return SparsePauliOp(labels, rng.normal(size=n_strings))


def assert_agrees_with_dense(state, matrix):
    levels, states = np.linalg.eigh(matrix)
    psi = state.amplitudes
    assert state.energy == pytest.approx(levels[0], abs=1e-10)  # round-off; the square of the residual for Lanczos
    assert state.gap == pytest.approx(levels[1] - levels[0], abs=1e-9)  # what Lanczos energies are good for
    assert np.linalg.norm(psi) == pytest.approx(1, abs=1e-12)  # round-off
    residual = np.linalg.norm(matrix @ psi - state.energy * psi)
    assert residual < 1e-8  # 1e-11 of the energy, with room
    assert state.residual == pytest.approx(residual, abs=1e-11)  # round-off of sums of size 10
    assert abs(np.vdot(states[:, 0], psi)) == pytest.approx(1, abs=1e-9)  # a gap of .01 and the residual


@given(n_qubits=st.integers(1, 5), seed=seeds)
def test_a_random_2_local_hamiltonian_agrees_with_the_dense_twin(n_qubits, seed):
    basis = PauliBasis.chain(n_qubits)
    values = np.random.default_rng(seed).normal(size=basis.n_terms)
    state = exact_ground_state(basis.to_operator(values))
    matrix = dense_hamiltonian(basis.labels, values)
    levels, states = np.linalg.eigh(matrix)
    assert state.energy == pytest.approx(levels[0], abs=1e-12)  # round-off
    assert state.gap == pytest.approx(levels[1] - levels[0], abs=1e-12)  # round-off
    psi = state.amplitudes
    assert state.residual == pytest.approx(np.linalg.norm(matrix @ psi - state.energy * psi), abs=1e-12)  # round-off
    if state.gap > 1e-3:  # below, round-off turns the state
        expected = dense_expectations(basis.labels, states[:, 0])
        np.testing.assert_allclose(state.expectations(basis), expected, atol=1e-9)  # round-off over the gap


def test_y_has_the_sign_of_qiskits_convention():
    down = exact_ground_state(SparsePauliOp(["IY", "XI"], [1, -0.5]))
    np.testing.assert_allclose(down.amplitudes[1] / down.amplitudes[0], -1j, atol=1e-14)  # (1, -i) has <Y> = -1
    assert down.expectation(SparsePauliOp("IY")) == pytest.approx(-1)
    assert down.expectation(SparsePauliOp("XI")) == pytest.approx(1)
    assert Statevector(down.amplitudes).expectation_value(SparsePauliOp("IY")).real == pytest.approx(-1)


def test_qubit_0_is_the_lowest_bit_of_the_index():
    state = exact_ground_state(SparsePauliOp(["IIZ", "IZI", "ZII"], [1, -1, -1]))
    assert np.flatnonzero(np.abs(state.amplitudes) > 0.5).tolist() == [1]


@given(n_qubits=st.integers(1, 4), seed=seeds)
def test_strings_of_any_length_may_repeat(n_qubits, seed):
    rng = np.random.default_rng(seed)
    operator = random_operator(rng, n_qubits, 12)
    state = exact_ground_state(operator)
    matrix = dense_hamiltonian(operator.paulis.to_labels(), operator.coeffs.real)
    assert state.energy == pytest.approx(np.linalg.eigvalsh(matrix)[0], abs=1e-12)  # round-off
    assert state.expectation(operator) == pytest.approx(state.energy, abs=1e-12)  # round-off
    other = random_operator(rng, n_qubits, 5)
    expected = np.vdot(state.amplitudes, other.to_matrix() @ state.amplitudes).real
    assert state.expectation(other) == pytest.approx(expected, abs=1e-12)  # round-off


@pytest.mark.usefixtures("lanczos_from_7_qubits")
@settings(max_examples=12)  # most of the time goes into dense matrices
@given(n_qubits=st.integers(7, 8), seed=seeds, kind=st.sampled_from(["2-local", "any", "real"]))
def test_lanczos_agrees_with_dense_diagonalisation(n_qubits, seed, kind):
    rng = np.random.default_rng(seed)
    basis = PauliBasis.chain(n_qubits)
    if kind == "any":
        operator = random_operator(rng, n_qubits, 30) + 0.3 * ring_operator(n_qubits, Z=1, X=0.5)
    else:
        strings = basis if kind == "2-local" else basis.subset(basis.n_y % 2 == 0)
        operator = strings.to_operator(rng.normal(size=strings.n_terms))
    state = exact_ground_state(operator)
    assert state.method == "lanczos"
    assert np.iscomplexobj(state.amplitudes) == (kind != "real")
    assert_agrees_with_dense(state, operator.to_matrix())


@pytest.mark.parametrize("n_qubits", [12, 13])
@pytest.mark.parametrize("real", [True, False])
def test_lanczos_agrees_with_qiskits_sparse_matrix(n_qubits, real, rng):
    basis = PauliBasis.ring(n_qubits)
    strings = basis.subset(basis.n_y % 2 == 0) if real else basis
    operator = strings.to_operator(rng.normal(size=strings.n_terms))
    state = exact_ground_state(operator)
    matrix = operator.to_matrix(sparse=True)
    levels, _ = eigsh(matrix.real if real else matrix, k=2, which="SA", v0=rng.normal(size=2**n_qubits), ncv=40)
    levels.sort()
    assert state.method == "lanczos"
    assert state.energy == pytest.approx(levels[0], abs=1e-10)  # both are exact to round-off and a squared residual
    assert state.gap == pytest.approx(levels[1] - levels[0], abs=1e-10)  # the same of two levels
    psi = state.amplitudes
    assert np.linalg.norm(matrix @ psi - state.energy * psi) == pytest.approx(state.residual, abs=1e-12)  # round-off
    assert state.residual < 1e-9  # 1e-11 of the energy, with room


def test_independent_qubits_are_solved_where_masks_are_long(rng):
    fields = rng.uniform(0.5, 1, size=(17, 3)) * [1, 0, 1]  # X and Z: real arithmetic, for speed
    terms = [(letter, [q], fields[q, a]) for q in range(17) for a, letter in enumerate("XYZ")]
    operator = SparsePauliOp.from_sparse_list(terms, num_qubits=17)
    state = exact_ground_state(operator)
    sizes = np.linalg.norm(fields, axis=1)
    assert state.energy == pytest.approx(-sizes.sum(), abs=1e-11)  # round-off
    assert state.gap == pytest.approx(2 * sizes.min(), abs=1e-10)  # round-off, and a squared residual
    far = SparsePauliOp.from_sparse_list([("ZX", [0, 16], 1.0), ("ZZZ", [1, 2, 16], 1.0)], num_qubits=17)
    z, x = -fields[:, 2] / sizes, -fields[:, 0] / sizes
    assert state.expectation(far) == pytest.approx(z[0] * x[16] + z[1] * z[2] * z[16], abs=1e-8)  # residual / gap


@pytest.mark.slow
def test_lanczos_and_dense_agree_at_twelve_qubits(rng, monkeypatch):
    basis = PauliBasis.ring(12)
    strings = basis.subset(basis.n_y % 2 == 0)
    operator = strings.to_operator(rng.normal(size=strings.n_terms))
    lanczos = exact_ground_state(operator)
    monkeypatch.setattr(exact, "LANCZOS_QUBITS", 13)
    dense = exact_ground_state(operator)
    assert (lanczos.method, dense.method) == ("lanczos", "dense")
    assert lanczos.energy == pytest.approx(dense.energy, abs=1e-11)  # round-off, and a squared residual
    assert lanczos.gap == pytest.approx(dense.gap, abs=1e-10)  # the same of two levels
    np.testing.assert_allclose(lanczos.expectations(basis), dense.expectations(basis), atol=1e-8)  # residual / gap


@pytest.mark.parametrize("n_qubits", [5, 8, 13, 14])
@pytest.mark.parametrize("field", [0.6, 1.0, 1.7])
def test_the_transverse_ising_ring_has_its_free_fermion_levels(n_qubits, field):
    # P. Pfeuty, Annals of Physics 57, 79 (1970): half-integer momenta with an even, integer ones with an odd number of
    # fermions; the mode of momentum zero has the signed energy 2 (field - 1)
    def mode(k):
        return np.sqrt(1 + field**2 - 2 * field * np.cos(2 * np.pi * k / n_qubits))

    even = -sum(mode(k + 0.5) for k in range(n_qubits))
    odd = -sum(mode(k) for k in range(1, n_qubits)) + field - 1
    state = exact_ground_state(ring_operator(n_qubits, ZZ=-1, X=-field))
    assert state.energy == pytest.approx(even, abs=1e-11)  # round-off, and a squared residual
    assert state.gap == pytest.approx(odd - even, abs=1e-9)  # the same of two levels
    assert not state.degenerate
    assert state.expectation(ring_operator(n_qubits, Z=1)) == pytest.approx(0, abs=1e-8)  # the state is even


@pytest.mark.parametrize("n_qubits", [3, 5, 9, 13])
@pytest.mark.parametrize("axes", ["XX YY ZZ", "XX YY"])
def test_odd_rings_are_flagged_as_degenerate(n_qubits, axes):
    state = exact_ground_state(ring_operator(n_qubits, **dict.fromkeys(axes.split(), 1.0)))
    assert state.degenerate  # half-integer spin: every level is at least double
    assert state.gap == 0


@pytest.mark.usefixtures("lanczos_from_7_qubits")
@pytest.mark.parametrize("n_qubits", [7, 8, 9])
@pytest.mark.parametrize(
    "values",
    [{"XX": 1, "YY": 1}, {"ZZ": 1, "X": 1e-9}, {"XX": 1, "YY": 1, "ZZ": 1, "XIX": 0.5, "YIY": 0.5, "ZIZ": 0.5}],
)
def test_lanczos_finds_equal_levels_that_a_single_run_steps_over(n_qubits, values):
    operator = ring_operator(n_qubits, **values)
    levels = np.linalg.eigvalsh(operator.to_matrix().real)
    state = exact_ground_state(operator)
    assert state.degenerate == (levels[1] - levels[0] < 1e-8)  # round-off of equal levels
    assert state.gap == pytest.approx(levels[1] - levels[0], abs=1e-8)  # what Lanczos energies are good for


@pytest.mark.parametrize(("field", "degenerate"), [(1e-6, False), (1e-8, False), (1e-10, True), (0.0, True)])
@pytest.mark.parametrize("n_qubits", [3, 12])
def test_levels_closer_than_the_tolerance_are_degenerate(n_qubits, field, degenerate):
    operator = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], -1.0), ("Z", [0], field)], num_qubits=n_qubits)
    pinned = operator + SparsePauliOp.from_sparse_list([("Z", [q], 0.2) for q in range(2, n_qubits)], n_qubits)
    state = exact_ground_state(pinned)
    assert state.degenerate == degenerate
    assert state.gap == pytest.approx(0 if degenerate else 2 * field, rel=1e-3)  # 1e-11 of round-off at a gap of 2e-8


@pytest.mark.parametrize("n_qubits", [1, 4, 12])
@pytest.mark.parametrize("value", [0.0, -3.5, 1e6])
def test_a_multiple_of_the_identity_is_degenerate_at_its_value(n_qubits, value):
    state = exact_ground_state(SparsePauliOp("I" * n_qubits, value))
    assert state.energy == value
    assert state.degenerate
    assert np.linalg.norm(state.amplitudes) == pytest.approx(1)


@pytest.mark.parametrize("n_qubits", [6, 12])
def test_the_identity_shifts_the_energy_only(n_qubits, rng):
    operator = ring_operator(n_qubits, XX=0.7, ZZ=1, X=0.4, Z=0.3)
    plain = exact_ground_state(operator)
    shifted = exact_ground_state(operator + SparsePauliOp("I" * n_qubits, 1e5))
    assert shifted.energy - 1e5 == pytest.approx(plain.energy, abs=1e-10)  # round-off of 1e5
    assert (shifted.gap, shifted.residual) == (plain.gap, plain.residual)
    assert shifted.expectation(operator) == pytest.approx(plain.energy, abs=1e-11)  # round-off, and a squared residual


@pytest.mark.parametrize("n_qubits", [2, 12])
@pytest.mark.parametrize("identity", [1e10, 1e14])
def test_a_large_identity_hides_no_gap(n_qubits, identity):
    operator = SparsePauliOp.from_sparse_list([("Z", [q], 1 - 0.5 * q / n_qubits) for q in range(n_qubits)], n_qubits)
    state = exact_ground_state(operator + SparsePauliOp("I" * n_qubits, identity))
    assert not state.degenerate
    assert state.gap == pytest.approx(1 + 1 / n_qubits, abs=1e-9)  # twice the smallest field


@pytest.mark.parametrize("labels", [["II", "XY"], ["XY", "II"]])
def test_a_large_identity_hides_no_imaginary_part(labels):
    values = {"II": 1e12, "XY": 1 + 0.5j}
    with pytest.raises(ValueError, match="must be Hermitian, but the string XY has the coefficient"):
        exact_ground_state(SparsePauliOp(labels, [values[label] for label in labels]))


@pytest.mark.parametrize("identity", [1 + 1e-14j, 1e6 + 1e-8j])
def test_round_off_in_the_identity_is_hermitian(identity):
    assert exact_ground_state(SparsePauliOp(["II", "ZZ"], [identity, 1e-4])).energy == identity.real - 1e-4


def test_terms_whose_imaginary_parts_cancel_are_hermitian():
    operator = SparsePauliOp(["X", "X", "Z"], [1 + 1j, 1 - 1j, 0])
    state = exact_ground_state(operator)
    assert state.energy == pytest.approx(-2)
    assert state.expectation(operator) == pytest.approx(-2)


def test_equal_calls_give_equal_states():
    operator = ring_operator(12, XX=1, YZ=0.5, Z=0.3)
    first, second = exact_ground_state(operator), exact_ground_state(operator)
    np.testing.assert_array_equal(first.amplitudes, second.amplitudes)
    assert first.energy == second.energy


@pytest.mark.slow
def test_the_xxz_ring_of_22_sites_has_its_known_energy():
    state = exact_ground_state(ring_operator(22, XX=0.3, YY=0.3, ZZ=1.0))
    assert state.energy == pytest.approx(-23.936013, abs=1e-6)  # found independently in the sector of no magnetisation
    assert state.residual < 1e-8  # 1e-11 of the energy, with room
    assert not state.degenerate
    assert state.gap == pytest.approx(1.0808e-3, abs=1e-6)  # the two Neel states, split by tunnelling


def test_23_qubits_are_sent_to_the_tensor_network_referee():
    with pytest.raises(ValueError, match=r"acts on 23 qubits but exact diagonalisation ends at 22.*dmrg_ground_state"):
        exact_ground_state(SparsePauliOp("Z" * 23))


@pytest.mark.parametrize(("n_qubits", "solver"), [(8, "_solve_dense"), (14, "_solve_lanczos")])
def test_too_little_memory_is_refused_before_any_work(monkeypatch, n_qubits, solver):
    monkeypatch.setattr(exact, "free_memory", lambda: 1_000_000)
    monkeypatch.setattr(exact, solver, lambda *_: pytest.fail("began to work"))
    with pytest.raises(MemoryError, match=f"acts on {n_qubits} qubits, which takes 0.0 GiB, but 0.0 GiB are free; use"):
        exact_ground_state(ring_operator(n_qubits, ZZ=1, X=1))


@pytest.mark.usefixtures("lanczos_from_7_qubits")
def test_a_lanczos_run_that_does_not_converge_says_so(monkeypatch, rng):
    monkeypatch.setattr(exact, "MAX_RESTARTS", 1)
    with pytest.raises(RuntimeError, match="Lanczos method did not converge in 1 restarts on 10 qubits"):
        exact_ground_state(ring_operator(10, XX=1, YY=1, Z=0.1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_ground_state(SparsePauliOp("XY", 1j)), "must be Hermitian, but the string XY has the coeff"),
        (lambda: exact_ground_state(SparsePauliOp("II", 1e12 + 2j)), "must be Hermitian, but the string II has"),
        (
            lambda: exact_ground_state(SparsePauliOp(["II", "XY"], [1, 1e-160])),
            "from 1e-100 to .* got 1e-160; choose",
        ),
        (
            lambda: exact_ground_state(SparsePauliOp("XY", -1e300)),
            r"must have a largest .* got 1e\+300; choose",
        ),
        (lambda: exact_ground_state(SparsePauliOp("XY", np.nan)), "operator must have finite coefficients, got NaN"),
        (lambda: exact_ground_state(SparsePauliOp("Z")).expectation(SparsePauliOp("ZZ")), "operator acts on 2 qubits"),
        (lambda: exact_ground_state(SparsePauliOp("Z")).expectation(SparsePauliOp("Z", 1j)), "must be Hermitian"),
        (lambda: exact_ground_state(SparsePauliOp("Z")).expectations(PauliBasis.chain(2)), "basis acts on 2 qubits"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("label", ["XYZXYZX", "YYYYYYY", "IIIIIII", "ZIIIIIX"])
def test_expectations_of_long_strings_are_those_of_their_matrices(label):
    state = exact_ground_state(ring_operator(7, XY=0.3, ZZ=0.7, Y=0.2, Z=0.4))
    expected = np.vdot(state.amplitudes, pauli_matrix(label) @ state.amplitudes).real
    assert state.expectation(SparsePauliOp(label)) == pytest.approx(expected, abs=1e-13)  # round-off
