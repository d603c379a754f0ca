from __future__ import annotations

import numpy as np
import pytest
import rustworkx as rx
from hypothesis import given
from hypothesis import strategies as st
from qiskit_ibm_runtime import fake_provider

from hamiltonian_ml.bases.lattice import heavy_hex_edges
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.layers import colour_edges


def graph(n_qubits):
    found = rx.PyGraph()
    found.add_nodes_from(range(n_qubits))
    found.add_edges_from_no_data(heavy_hex_edges(n_qubits))
    return found


@given(n_qubits=st.integers(2, 160))
def test_a_patch_of_any_size_is_connected_and_takes_three_layers_at_most(n_qubits):
    assert rx.is_connected(graph(n_qubits))
    assert len(colour_edges(n_qubits, heavy_hex_edges(n_qubits))) <= 3
    assert PauliBasis.heavy_hex(n_qubits).edges == tuple(heavy_hex_edges(n_qubits))


def test_a_patch_holds_all_smaller_ones():
    large = heavy_hex_edges(60)
    for n_qubits in range(1, 60):
        assert heavy_hex_edges(n_qubits) == [edge for edge in large if max(edge) < n_qubits]


def test_corners_of_hexagons_have_three_neighbours_and_all_shortest_cycles_twelve_qubits():
    patch = graph(75)
    assert max(patch.degree(q) for q in range(75)) == 3
    cycles = rx.cycle_basis(patch)
    assert min(map(len, cycles)) == 12
    assert sum(len(cycle) == 12 for cycle in cycles) >= 4


@pytest.mark.parametrize(("device", "n_qubits"), [("Kingston", 156), ("Torino", 133)])
def test_fifty_qubits_lie_on_the_couplers_of_a_device(device, n_qubits):
    couplers = rx.PyGraph()
    couplers.add_nodes_from(range(n_qubits))
    edges = getattr(fake_provider, f"Fake{device}")().target.build_coupling_map().get_edges()
    couplers.add_edges_from_no_data([(a, b) for a, b in np.sort(edges, axis=1).tolist()])
    assert rx.is_subgraph_isomorphic(couplers, graph(50), induced=False, id_order=False)


def test_a_number_of_qubits_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"n_qubits must be .*, got 0"):
        PauliBasis.heavy_hex(0)
