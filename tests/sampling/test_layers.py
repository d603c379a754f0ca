from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.transpiler import CouplingMap

from hamiltonian_ml.sampling.layers import colour_edges, trotter_schedule


def graphs(max_qubits=9):
    def edges(n_qubits):
        return st.tuples(st.just(n_qubits), st.sets(st.sampled_from(list(combinations(range(n_qubits), 2)))))

    return st.integers(2, max_qubits).flatmap(edges)


def largest_degree(n_qubits, edges):
    return max(sum(q in edge for edge in edges) for q in range(n_qubits))


@given(graphs())
def test_every_edge_is_in_one_layer_and_no_layer_uses_a_qubit_twice(graph):
    n_qubits, edges = graph
    layers = colour_edges(n_qubits, edges)
    assert sorted(edge for layer in layers for edge in layer) == sorted(edges)
    for layer in layers:
        qubits = [qubit for edge in layer for qubit in edge]
        assert len(set(qubits)) == len(qubits) > 0
    assert len(layers) <= max(2 * largest_degree(n_qubits, edges) - 1, 0)


@given(graphs())
def test_a_graph_of_two_sides_needs_as_many_layers_as_its_largest_degree(graph):
    n_qubits, edges = graph
    between = {(i, j) for i, j in edges if i % 2 != j % 2}
    assert len(colour_edges(n_qubits, between)) == largest_degree(n_qubits, between)


@pytest.mark.parametrize("n_qubits", [2, 3, 8, 51])
def test_a_chain_has_its_even_edges_first_and_then_its_odd_ones(n_qubits):
    chain = [(q, q + 1) for q in range(n_qubits - 1)]
    layers = colour_edges(n_qubits, reversed(chain))
    assert [list(layer) for layer in layers] == [part for part in (chain[::2], chain[1::2]) if part]


@pytest.mark.parametrize(("n_qubits", "n_layers"), [(3, 3), (4, 2), (9, 3), (50, 2)])
def test_a_ring_needs_two_layers_or_three_if_it_is_odd(n_qubits, n_layers):
    assert (
        len(colour_edges(n_qubits, [(q, (q + 1) % n_qubits) for q in range(n_qubits - 1)] + [(0, n_qubits - 1)]))
        == n_layers
    )


@pytest.mark.parametrize("distance", [3, 5, 7])
def test_a_heavy_hexagonal_lattice_needs_three_layers(distance):
    lattice = CouplingMap.from_heavy_hex(distance)
    assert len(colour_edges(lattice.size(), {(min(e), max(e)) for e in lattice.get_edges()})) == 3


def test_first_order_steps_repeat_all_layers():
    assert trotter_schedule(2, 2, order=1) == [(0, 1.0), (1, 1.0), (0, 1.0), (1, 1.0)]


def test_second_order_steps_are_symmetric_and_share_the_layer_where_they_meet():
    assert trotter_schedule(2, 2, order=2) == [(0, 0.5), (1, 1.0), (0, 1.0), (1, 1.0), (0, 0.5)]


@pytest.mark.parametrize("order", [1, 2])
def test_steps_of_a_single_layer_become_one(order):
    assert trotter_schedule(1, 3, order) == [(0, 3.0)]


def test_no_layer_makes_an_empty_schedule():
    assert trotter_schedule(0, 3, order=2) == []
