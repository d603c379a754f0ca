"""Circuits as pictures: blocks, layers, and what is drawn of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from hamiltonian_ml import PauliBasis, krylov_circuits
from hamiltonian_ml.display.circuit import CircuitDisplay


def krylov(basis, **options):
    operator = basis.to_operator(np.random.default_rng(0).normal(size=basis.n_terms))
    return krylov_circuits(operator, **{"krylov_dimension": 2, **options})[-1]


@pytest.mark.parametrize(("dimension", "layers"), [(2, 2), (3, 4), (4, 6)])
def test_a_chain_takes_two_layers_a_step(dimension, layers):
    display = CircuitDisplay(krylov(PauliBasis.chain(7), krylov_dimension=dimension))
    assert display.n_layers == layers
    assert [block.n_gates for block in display.blocks] == [3] * 6 * (dimension - 1)
    assert {block.qubits for block in display.blocks if block.layer == 0} == {(0, 1), (2, 3), (4, 5)}


def test_a_box_is_drawn_for_each_pair_and_a_pair_keeps_its_colour():
    display = CircuitDisplay(krylov(PauliBasis.chain(5), krylov_dimension=3)).plot()
    boxes = [patch for patch in display.ax_.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 8
    assert len({box.get_facecolor() for box in boxes}) == 2
    assert display.ax_.get_title("left") == "5 qubits, 4 layers of two-qubit gates, 24 CZ"


def test_lines_between_distant_qubits_do_not_cross_in_a_column():
    display = CircuitDisplay(krylov(PauliBasis.heavy_hex(14)))
    assert display.n_layers == 3
    columns, _ = display._columns()
    for column in set(columns):
        spans = sorted(b.qubits for b, c in zip(display.blocks, columns, strict=True) if c == column)
        assert all(left[1] < right[0] for left, right in pairwise(spans))


def test_a_qubit_without_a_pair_shows_its_own_gate():
    operator = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1.0), ("X", [2], 0.5)], num_qubits=3)
    circuit = krylov_circuits(operator, krylov_dimension=2, frame="computational")[0]
    display = CircuitDisplay(circuit).plot()
    assert len([patch for patch in display.ax_.patches if isinstance(patch, FancyBboxPatch)]) == 2


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_the_legend_shows_every_colour_of_the_boxes():
    display = CircuitDisplay(krylov(PauliBasis.chain(5), krylov_dimension=3)).plot()
    drawn = {patch.get_facecolor() for patch in display.ax_.patches if isinstance(patch, FancyBboxPatch)}
    shown = {patch.get_facecolor() for patch in display.ax_.get_legend().findobj(Rectangle)}
    assert shown == drawn
    assert legend(display) == ["3 CZ on a pair,\nwhich keeps its colour", "measurement"]


def test_the_legend_has_no_box_where_pairs_are_drawn_as_lines():
    display = CircuitDisplay(krylov(PauliBasis.heavy_hex(12))).plot()
    assert not display.ax_.get_legend().findobj(Rectangle)
    lines = [line for line in display.ax_.get_legend().findobj(Line2D) if line.get_linestyle() == "-"]
    drawn = {line.get_color() for line in display.ax_.get_lines() if len(line.get_xdata()) == 2}
    assert {line.get_color() for line in lines} == drawn


@pytest.mark.parametrize("basis", [PauliBasis.chain(7), PauliBasis.heavy_hex(12)], ids=["boxes", "lines"])
def test_each_layer_has_its_number_below_its_own_columns(basis):
    display = CircuitDisplay(krylov(basis, krylov_dimension=3)).plot()
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == [str(k + 1) for k in range(display.n_layers)]
    columns, _ = display._columns()
    for layer, tick in enumerate(display.ax_.get_xticks()):
        own = [column for block, column in zip(display.blocks, columns, strict=True) if block.layer == layer]
        assert min(own) <= tick <= max(own)


def test_a_single_qubit_is_told_without_layers():
    display = CircuitDisplay(krylov_circuits(SparsePauliOp("Z"), krylov_dimension=2)[-1]).plot()
    assert display.ax_.get_title("left") == "1 qubit"
    assert legend(display) == ["one-qubit gates", "measurement"]


def test_a_single_layer_is_told_in_the_singular():
    operator = SparsePauliOp(["ZZ", "IX"], [1.0, 0.5])
    display = CircuitDisplay(krylov_circuits(operator, krylov_dimension=2)[-1]).plot()
    assert display.ax_.get_title("left") == "2 qubits, 1 layer of two-qubit gates, 3 CZ"


def test_a_gate_on_three_qubits_is_refused():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    with pytest.raises(ValueError, match="gate 'ccx' on 3 qubits; only gates on one or two can be drawn"):
        CircuitDisplay(circuit)


def test_a_circuit_without_gates_can_be_drawn():
    assert CircuitDisplay(QuantumCircuit(2)).plot().n_layers == 0
