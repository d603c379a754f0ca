"""The map of a graph."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hamiltonian_ml.bases.lattice import heavy_hex_edges, heavy_hex_sites
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.display.graph import draw_graph
from hamiltonian_ml.display.operators import OperatorDisplay


def drawn(basis, coefficients):
    _, ax = plt.subplots()
    draw_graph(ax, basis, coefficients)
    (lines, discs) = ax.collections
    return ax, lines, discs


def test_each_edge_joins_its_qubits():
    basis = PauliBasis.heavy_hex(14)
    ax, lines, _ = drawn(basis, np.ones(basis.n_terms))
    places = {int(text.get_text()): text.get_position() for text in ax.texts}
    ends = [tuple(map(tuple, segment)) for segment in lines.get_segments()]
    assert ends == [(places[i], places[j]) for i, j in basis.edges]


@pytest.mark.parametrize("n_qubits", [5, 12, 50])
def test_edges_of_the_lattice_are_as_long_as_one_step(n_qubits):
    sites = np.array(heavy_hex_sites(n_qubits))
    assert len(set(map(tuple, sites))) == n_qubits
    assert {int(np.abs(sites[i] - sites[j]).sum()) for i, j in heavy_hex_edges(n_qubits)} == {1}


def test_the_strongest_qubit_is_darkest_and_the_strongest_edge_widest():
    basis = PauliBasis.from_edges(4, [(0, 2), (1, 3), (2, 3)])
    coefficients = np.where(basis.qubits[:, 1] < 0, 1.0 + (basis.qubits[:, 0] == 1), 0.0)
    coefficients[(basis.qubits == [1, 3]).all(axis=1)] = 0.5
    _, lines, discs = drawn(basis, coefficients)
    assert int(discs.get_facecolors()[:, 0].argmin()) == 1
    assert np.argmax(lines.get_linewidths()) == basis.edges.index((1, 3))


@pytest.mark.parametrize("basis", [PauliBasis.heavy_hex(50), PauliBasis.from_edges(20, combinations(range(20), 2))])
def test_qubits_do_not_overlap_in_a_new_figure(basis, rng):
    display = OperatorDisplay(rng.normal(size=basis.n_terms), basis, unit="nat").plot()
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.map_ax_.texts]
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    shown = display.figure_.bbox
    assert all(shown.contains(*corner) for box in boxes for corner in (box.min, box.max))


@pytest.mark.parametrize("n_qubits", [5, 12, 50])
def test_no_disc_is_cut_off_at_the_border_of_the_map(n_qubits, rng):
    basis = PauliBasis.heavy_hex(n_qubits)
    display = OperatorDisplay(rng.normal(size=basis.n_terms), basis, unit="nat").plot()
    display.figure_.canvas.draw()
    _, discs = display.map_ax_.collections
    radius = np.sqrt(discs.get_sizes().max()) / 2 * display.figure_.dpi / 72
    centres = display.map_ax_.transData.transform(discs.get_offsets())
    shown = display.map_ax_.bbox if discs.get_clip_on() else display.figure_.bbox
    corners = np.concatenate([centres - radius, centres + radius])
    assert all(shown.contains(*corner) for corner in corners)


def test_only_graphs_other_than_chains_and_rings_get_a_map():
    maps = [
        OperatorDisplay(np.ones(basis.n_terms), basis, unit="nat").plot().map_ax_ is not None
        for basis in (PauliBasis.chain(3), PauliBasis.ring(4), PauliBasis.from_edges(3, []), PauliBasis.heavy_hex(12))
    ]
    assert maps == [False, False, False, True]


def test_the_edge_that_closes_a_ring_comes_last():
    display = OperatorDisplay(np.ones(48), PauliBasis.ring(4), unit="nat").plot()
    names = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert names == ["0-1", "1-2", "2-3", "0-3"]
    assert display.ax_.get_xticks().tolist() == [0.5, 1.5, 2.5, 3.5]


def test_a_graph_without_edges_has_qubits_only():
    basis = PauliBasis.from_edges(3, [])
    ax, lines, discs = drawn(basis, np.ones(basis.n_terms))
    assert (len(lines.get_segments()), len(discs.get_offsets()), len(ax.texts)) == (0, 3, 3)
