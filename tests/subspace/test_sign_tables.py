"""Strings grouped by flips: what is kept between calls."""

from __future__ import annotations

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.subspace.sign_tables import sign_tables


def test_bases_of_equal_strings_share_their_tables() -> None:
    assert sign_tables(PauliBasis.chain(5)) is sign_tables(PauliBasis.chain(5))


def test_bases_of_other_strings_or_widths_have_their_own() -> None:
    five = sign_tables(PauliBasis.from_edges(5, [(0, 1)]))
    assert five is not sign_tables(PauliBasis.from_edges(5, [(1, 2)]))
    assert five is not sign_tables(PauliBasis.from_edges(70, [(0, 1)]))
