"""Order, masks and conversions of Pauli strings, against Qiskit and plain Kronecker products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from hamiltonian_ml.bases.pauli import PauliBasis
from tests.reference.dense import dense_hamiltonian, pauli_matrix

seeds = st.integers(0, 2**32 - 1)


@st.composite
def bases(draw, max_qubits=5):
    n_qubits = draw(st.integers(1, max_qubits))
    pairs = [(i, j) for i in range(n_qubits) for j in range(n_qubits) if i != j]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=6)) if pairs else []
    return PauliBasis.from_edges(n_qubits, edges)


def word_integers(masks):
    return [sum(int(word) << (64 * k) for k, word in enumerate(row)) for row in masks]


@given(basis=bases(), seed=seeds)
def test_the_operator_is_qiskits_sum_of_the_labels(basis, seed):
    values = np.random.default_rng(seed).normal(size=basis.n_terms)
    got = basis.to_operator(values).to_matrix()
    np.testing.assert_allclose(got, dense_hamiltonian(basis.labels, values), atol=1e-13)  # round-off of a sum
    qiskit = SparsePauliOp(basis.labels, values).to_matrix()
    np.testing.assert_allclose(got, qiskit, atol=1e-13)  # round-off


def test_an_x_on_qubit_0_flips_the_lowest_bit_of_the_index():
    basis = PauliBasis.chain(3)
    assert basis.labels[:4] == ["IIX", "IIY", "IIZ", "IXI"]
    operator = basis.to_operator(np.eye(basis.n_terms)[0]).to_matrix()
    assert np.flatnonzero(operator[:, 0]).tolist() == [1]


def test_changing_an_operator_changes_no_other():
    basis = PauliBasis.chain(2)
    values = np.ones(basis.n_terms)
    first, second = basis.to_operator(values), basis.to_operator(values)
    first.paulis[0] = first.paulis[1]
    first.coeffs[:] = 3
    assert second == basis.to_operator(values) == SparsePauliOp(basis.labels, values)


@given(basis=bases(4))
def test_masks_and_y_counts_give_every_matrix_element(basis):
    states = np.arange(2**basis.n_qubits)
    for label, x, z, n_y in zip(basis.labels, basis.x_masks[:, 0], basis.z_masks[:, 0], basis.n_y, strict=True):
        matrix = np.zeros((len(states),) * 2, dtype=complex)
        signs = (-1.0) ** np.bitwise_count(states.astype(np.uint64) & z)
        matrix[states ^ int(x), states] = 1j**n_y * signs
        np.testing.assert_array_equal(matrix, pauli_matrix(label))


@pytest.mark.parametrize("n_qubits", [63, 64, 65, 70, 130])
def test_masks_hold_any_number_of_qubits(n_qubits):
    basis = PauliBasis.ring(n_qubits)
    flips = [sum(1 << q for q, letter in enumerate(reversed(label)) if letter in "XY") for label in basis.labels]
    signs = [sum(1 << q for q, letter in enumerate(reversed(label)) if letter in "YZ") for label in basis.labels]
    assert word_integers(basis.x_masks) == flips
    assert word_integers(basis.z_masks) == signs
    assert basis.n_y.tolist() == [label.count("Y") for label in basis.labels]


@given(basis=bases(), seed=seeds, identity=st.floats(-3, 3))
def test_coefficients_come_back_from_an_operator_with_identity_and_repeated_strings(basis, seed, identity):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, basis.n_terms))
    constant = SparsePauliOp("I" * basis.n_qubits, identity)
    operator = basis.to_operator(first) + constant + basis.to_operator(second) + constant
    values, shift = basis.coefficients(operator)
    np.testing.assert_allclose(values, first + second, rtol=1e-15)  # one addition
    assert shift == 2 * identity


def test_coefficients_do_not_depend_on_the_order_of_the_qubits_of_a_string():
    basis = PauliBasis.chain(3)
    backward = SparsePauliOp.from_sparse_list([("XY", [2, 1], 1.5)], num_qubits=3)
    values, _ = basis.coefficients(backward)
    assert {basis.short_labels[k]: values[k] for k in np.flatnonzero(values)} == {"Y1 X2": 1.5}


def test_a_basis_from_an_operator_has_all_strings_on_the_coupled_pairs():
    basis = PauliBasis.from_operator(SparsePauliOp(["ZIIX", "IYII", "IIXX", "IIII"]))
    assert basis.edges == ((0, 1), (0, 3))
    assert basis.n_terms == 3 * 4 + 9 * 2


@given(n_qubits=st.integers(1, 80))
def test_a_chain_has_12_n_minus_9_strings(n_qubits):
    basis = PauliBasis.chain(n_qubits)
    assert basis.n_terms == 12 * n_qubits - 9
    assert basis.edges == tuple((q, q + 1) for q in range(n_qubits - 1))
    assert basis.is_complete


@given(n_qubits=st.integers(3, 80))
def test_a_ring_has_12_n_strings(n_qubits):
    basis = PauliBasis.ring(n_qubits)
    assert basis.n_terms == 12 * n_qubits
    assert (0, n_qubits - 1) in basis.edges
    assert basis.is_complete


@pytest.mark.parametrize("edges", [[(2, 0), (0, 2), (1, 2)], [[0, 2], [2, 1]], np.array([[1, 2], [2, 0]])])
def test_edges_may_be_repeated_turned_round_and_unsorted(edges):
    assert PauliBasis.from_edges(3, edges).edges == ((0, 2), (1, 2))


@given(basis=bases())
def test_the_standard_order_is_one_local_then_row_major_pairs(basis):
    singles = [f"{a}{q}" for q in range(basis.n_qubits) for a in "XYZ"]
    pairs = [f"{a}{i} {b}{j}" for i, j in basis.edges for a in "XYZ" for b in "XYZ"]
    assert basis.short_labels == singles + pairs


@given(basis=bases(), data=st.data())
def test_a_subset_keeps_order_masks_and_only_its_own_edges(basis, data):
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=basis.n_terms, max_size=basis.n_terms)))
    part = basis.subset(keep)
    chosen = np.flatnonzero(keep)
    assert part.labels == [basis.labels[k] for k in chosen]
    np.testing.assert_array_equal(part.x_masks, basis.x_masks[chosen])
    used = {tuple(q for q, letter in enumerate(reversed(label)) if letter != "I") for label in part.labels}
    assert part.edges == tuple(sorted(pair for pair in used if len(pair) == 2))
    assert part.is_complete == (part.labels == PauliBasis.from_edges(part.n_qubits, part.edges).labels)


@given(basis=bases(), seed=seeds)
def test_a_basis_in_another_order_is_not_complete(basis, seed):
    order = np.random.default_rng(seed).permutation(basis.n_terms)
    turned = PauliBasis(basis.n_qubits, basis.edges, basis.qubits[order], basis.paulis[order])
    assert turned.is_complete == (turned.labels == basis.labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PauliBasis.chain(0), "n_qubits must be an integer of at least 1, got 0"),
        (lambda: PauliBasis.chain(2.0), "n_qubits must be an integer of at least 1, got 2.0"),
        (lambda: PauliBasis.chain(True), "n_qubits must be an integer of at least 1, got True"),
        (lambda: PauliBasis.ring(2), "n_qubits must be at least 3 for a ring, got 2; use a chain"),
        (lambda: PauliBasis.from_edges(3, [(0, 3)]), r"edges must be .* from 0 to 2, got \(0, 3\)"),
        (lambda: PauliBasis.from_edges(3, [(1, 1)]), r"edges must be pairs of different qubits .*, got \(1, 1\)"),
        (lambda: PauliBasis.from_edges(3, [(-1, 1)]), r"edges must be .*, got \(-1, 1\)"),
        (lambda: PauliBasis.from_edges(3, [(0, 1, 2)]), r"edges must be .*, got \(0, 1, 2\)"),
        (lambda: PauliBasis.from_edges(3, [(0, 1.0)]), r"edges must be .*, got \(0, 1.0\)"),
        (lambda: PauliBasis.from_edges(3, ["01"]), "edges must be .*, got '01'"),
        (lambda: PauliBasis.from_edges(3, [1]), "edges must be .*, got 1"),
        (lambda: PauliBasis.from_edges(3, None), "edges must be pairs of different qubits, got None"),
        (lambda: PauliBasis.chain(2).to_operator(np.ones(3)), r"shape \(n_terms,\) with n_terms = 15, got \(3,\)"),
        (lambda: PauliBasis.chain(1).to_operator([1, np.nan, 0]), "coefficients must be finite"),
        (lambda: PauliBasis.chain(1).to_operator([1, -1e101, 0]), r"coefficients must be at most 1e\+100 in size"),
        (lambda: PauliBasis.chain(1).to_operator([1, 1j, 0]), "coefficients must be real"),
        (lambda: PauliBasis.chain(2).subset([0, 5]), "keep must be a boolean mask of shape .15,."),
        (lambda: PauliBasis.chain(2).subset(np.ones(3, bool)), "keep must be a boolean mask of shape .15,."),
        (lambda: PauliBasis.from_operator(SparsePauliOp("XYZ")), "only 1- and 2-local strings are allowed"),
        (lambda: PauliBasis.from_operator(SparsePauliOp("X", 1j)), "operator must be Hermitian"),
        (
            lambda: PauliBasis.chain(2).coefficients(SparsePauliOp(["II", "XY"], [1e12, 1 + 0.5j])),
            "operator must be Hermitian, but the string [XY]+ has the coefficient",
        ),
        (
            lambda: PauliBasis.chain(3).coefficients(SparsePauliOp(["III", "IIX", "XYZ"], [1e12, 1, 0.5])),
            "only 1- and 2-local strings are allowed",
        ),
        (lambda: PauliBasis.from_operator(SparsePauliOp("II", 1 + 1j)), "operator must be Hermitian"),
        (lambda: PauliBasis.chain(2).coefficients(SparsePauliOp("ZZ", np.nan)), "operator must have finite"),
        (lambda: PauliBasis.from_operator(SparsePauliOp("ZZ", np.nan)), "operator must have finite coefficients"),
        (lambda: PauliBasis.chain(2).coefficients(SparsePauliOp("X")), "acts on 1 qubits but the basis on 2"),
        (lambda: PauliBasis.chain(3).coefficients(SparsePauliOp("XIX")), r"XX on qubits \[0, 2\], which is not in"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
