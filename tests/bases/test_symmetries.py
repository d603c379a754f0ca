"""Pauli symmetries against a search through all strings."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from qiskit.quantum_info import Pauli, SparsePauliOp

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.symmetries import PauliSymmetries

STRINGS = {
    "nothing": [],
    "one string": ["IXY"],
    "Ising in a field": ["IZZ", "ZZI", "IIX", "IXI", "XII"],
    "Heisenberg": [p.replace("P", letter) for p in ("IPP", "PPI", "PIP") for letter in "XYZ"],
    "four qubits, two apart": ["XXII", "YYII", "IIZZ", "IIXI"],
    "everything": ["IIX", "IIY", "IXI", "IYI", "XII", "YII"],
}


def _symmetries(labels, n_qubits):
    operator = SparsePauliOp(labels or ["I" * n_qubits])
    basis = PauliBasis.from_operator(operator)
    values, _ = basis.coefficients(operator)
    return basis, PauliSymmetries.of(basis.subset(values != 0))


@pytest.mark.parametrize("name", STRINGS)
def test_the_generators_make_just_the_strings_that_commute(name):
    labels = STRINGS[name]
    n_qubits = len(labels[0]) if labels else 2
    _, found = _symmetries(labels, n_qubits)
    every = ["".join(letters) for letters in product("IXYZ", repeat=n_qubits)]
    expected = {s for s in every if all(Pauli(s).commutes(Pauli(label)) for label in labels)}
    made = set()
    for chosen in product([False, True], repeat=len(found.labels)):
        string = Pauli("I" * n_qubits)
        for label, is_chosen in zip(found.labels, chosen, strict=True):
            string = string.dot(Pauli(label)) if is_chosen else string
        made.add(str(string).lstrip("-i"))
    assert made == expected
    assert len(made) == 2 ** len(found.labels)  # no generator too many


@pytest.mark.parametrize("name", STRINGS)
def test_strings_break_the_symmetries_that_they_anticommute_with(name):
    labels = STRINGS[name]
    n_qubits = len(labels[0]) if labels else 2
    _, found = _symmetries(labels, n_qubits)
    chain = PauliBasis.chain(n_qubits)
    expected = [[Pauli(q).anticommutes(Pauli(p)) for p in found.labels] for q in chain.labels]
    np.testing.assert_array_equal(found.broken_by(chain), np.array(expected).reshape(chain.n_terms, -1))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["IZZ", "ZZI", "IIX", "IXI", "XII"], False),
        (["XX", "YY", "ZZ"], False),  # XX, YY and ZZ commute
        ([p.replace("P", letter) for p in ("IPP", "PPI") for letter in "XYZ"], True),  # three spins: no singlet
        (["IZ"], True),  # a free qubit
        (["ZZ"], True),  # XX takes one state to another, Z tells them apart
        (["XZ", "ZX", "IX", "XI"], False),
    ],
)
def test_symmetries_that_do_not_commute_make_all_levels_degenerate(labels, expected):
    _, found = _symmetries(labels, len(labels[0]))
    assert found.make_all_levels_degenerate is expected
    levels = np.linalg.eigvalsh(SparsePauliOp(labels, 1.0 + 0.1 * np.arange(len(labels))).to_matrix())
    assert np.allclose(levels[::2], levels[1::2]) is expected
