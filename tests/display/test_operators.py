"""Learned operators on their graph."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.display.operators import OperatorDisplay

PAIRS = ["XX", "XY", "XZ", "YX", "YY", "YZ", "ZX", "ZY", "ZZ"]


def cells(display):
    """Return what is drawn by its labels, such as {("X", "0"): 1.5, ("ZZ", "0-1"): -1}."""
    letters = [text.get_text() for text in display.ax_.get_yticklabels()]
    meshes = [c for c in display.ax_.collections if isinstance(c, QuadMesh)]
    found = {}
    for mesh, rows, columns in zip(
        meshes,
        (letters[:3], letters[3:]),
        ([str(q) for q in range(display.basis.n_qubits)], [text.get_text() for text in display.ax_.get_xticklabels()]),
        strict=False,
    ):
        for (row, column), value in np.ma.ndenumerate(mesh.get_array()):
            found[rows[row], columns[column]] = value
    return found


def by_label(basis, coefficients):
    found = {}
    for name, value in zip(basis.short_labels, coefficients, strict=True):
        letters = "".join(c for c in name if c.isalpha())
        found[letters, "-".join("".join(c for c in part if c.isdigit()) for part in name.split())] = value
    return found


@pytest.mark.parametrize(
    "basis",
    [
        PauliBasis.chain(1),
        PauliBasis.chain(4),
        PauliBasis.ring(3),
        PauliBasis.from_edges(5, [(0, 4), (1, 4)]),
        PauliBasis.chain(3).subset(PauliBasis.chain(3).paulis[:, 1] == 0),
        PauliBasis.chain(3).subset(np.arange(27) % 2 == 0),
    ],
    ids=["one qubit", "chain", "ring", "star", "no pairs", "every other string"],
)
def test_every_coefficient_is_drawn_at_its_string(basis, rng):
    coefficients = rng.normal(size=basis.n_terms)
    display = OperatorDisplay(coefficients, basis, unit="nat").plot()
    display.figure_.canvas.draw()
    assert cells(display) == by_label(basis, coefficients)


def test_an_edge_of_a_chain_stands_between_its_qubits():
    display = OperatorDisplay(np.ones(27), PauliBasis.chain(3), unit="nat").plot()
    assert display.ax_.get_xticks().tolist() == [0.5, 1.5]


@pytest.mark.parametrize(("operator", "index"), [("bias", 0), ("feature", 1), ("label", 1)])
def test_the_operators_are_the_estimators(fitted, operator, index):
    learned = fitted.parameters_
    expected = {"bias": learned.bias, "feature": learned.features[1], "label": learned.labels[1]}[operator]
    display = OperatorDisplay.from_estimator(fitted, operator=operator, index=index)
    assert cells(display) == by_label(fitted.basis_, expected)


def test_colours_are_symmetric_about_zero(rng):
    coefficients = rng.normal(size=27) + 1.0
    display = OperatorDisplay(coefficients, PauliBasis.chain(3), unit="nat").plot()
    limits = {mesh.get_clim() for mesh in display.ax_.collections if isinstance(mesh, QuadMesh)}
    assert limits == {(-abs(coefficients).max(), abs(coefficients).max())}


def test_an_operator_of_zeros_can_be_drawn():
    display = OperatorDisplay(np.zeros(27), PauliBasis.chain(3), unit="nat").plot()
    display.figure_.canvas.draw()
    assert set(cells(display).values()) == {0.0}


def dashes(axes):
    """Return the ends of every dash that is drawn, ((x, y), (x, y))."""
    lines = (each for each in axes.collections if isinstance(each, LineCollection))
    return [tuple(map(tuple, segment)) for each in lines for segment in each.get_segments()]


def test_dashes_mark_the_negative_coefficients():
    coefficients = np.zeros(27)
    coefficients[[0, 1, 2, 3, 12]] = 1.0, -1.0, -0.3, -0.01, -0.9  # X0, Y0, Z0, X1 and YX on the edge 0-1
    display = OperatorDisplay(coefficients, PauliBasis.chain(3), unit="nat").plot()
    places = {((x0 + x1) / 2, y) for (x0, y), (x1, _) in dashes(display.ax_)}
    letters = dict(zip(display.ax_.get_yticks(), [t.get_text() for t in display.ax_.get_yticklabels()], strict=True))
    assert {(round(x, 9), letters[y]) for x, y in places} == {(0, "Y"), (0, "Z"), (0.5, "YX")}


@pytest.mark.parametrize("n_qubits", [1, 2, 24, 26, 50, 127])
def test_every_negative_coefficient_has_a_dash_within_its_cell_on_any_number_of_qubits(n_qubits, rng):
    basis = PauliBasis.chain(n_qubits)
    coefficients = rng.normal(size=basis.n_terms)
    display = OperatorDisplay(coefficients, basis, unit="nat").plot()
    found = dashes(display.ax_)
    assert len(found) == (coefficients < -0.02 * np.abs(coefficients).max()).sum()
    centres = {(round(x0 + x1, 9), y) for (x0, y), (x1, _) in found}
    assert len(centres) == len(found)
    assert all(0 < x1 - x0 < 1 for (x0, _), (x1, _) in found)


def test_the_negative_half_of_the_colour_bar_has_the_dashes_of_the_cells(fitted):
    bar = OperatorDisplay.from_estimator(fitted).colorbar_
    levels = [y for (_, y), _ in dashes(bar.ax) if bar.vmin < y]
    assert len(levels) >= 5
    assert max(levels) < 0 > bar.vmin


def test_axes_and_colour_bar_are_labelled(fitted):
    display = OperatorDisplay.from_estimator(fitted, operator="bias")
    assert display.ax_.get_xlabel() == "edge"
    assert display.ax_.child_axes[0].get_xlabel() == "qubit"
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["X", "Y", "Z", *PAIRS]
    assert display.colorbar_.ax.get_ylabel() == "coefficient (start field)"
    label = OperatorDisplay.from_estimator(fitted, operator="label")
    assert label.colorbar_.ax.get_ylabel() == "coefficient (nat)"


@pytest.mark.parametrize("n_qubits", [12, 50])
def test_labels_do_not_overlap_at_column_width(n_qubits, rng):
    basis = PauliBasis.chain(n_qubits)
    figure, ax = plt.subplots(figsize=(3.4, 3.4), layout="constrained")
    with plt.rc_context({"font.size": 7}):
        display = OperatorDisplay(rng.normal(size=basis.n_terms), basis, unit="nat").plot(ax=ax)
    figure.canvas.draw()
    for labels in (ax.get_xticklabels(), ax.get_yticklabels(), display.ax_.child_axes[0].get_xticklabels()):
        boxes = [label.get_window_extent() for label in labels if label.get_text()]
        for first, second in pairwise(boxes):
            assert not first.overlaps(second)


def test_an_unknown_operator_is_refused(fitted):
    with pytest.raises(ValueError, match="operator must be one of bias, feature, label, got 'bais'"):
        OperatorDisplay.from_estimator(fitted, operator="bais")


def test_an_index_beyond_the_operators_is_refused(fitted):
    with pytest.raises(ValueError, match="index must be from 0 to 1 for operator 'label', got 2"):
        OperatorDisplay.from_estimator(fitted, operator="label", index=2)


def test_coefficients_of_another_basis_are_refused():
    with pytest.raises(ValueError, match="coefficients must have shape"):
        OperatorDisplay(np.zeros(3), PauliBasis.chain(3), unit="nat")
