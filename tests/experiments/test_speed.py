"""The benchmark measures what it says, at tiny sizes; no timing is asserted."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh

from experiments.speed import multiply, run, solving
from experiments.speed.peers import Answer, Problem, arpack_settings, installed, open_peer
from experiments.speed.scaling import growth, peak_memory, width
from experiments.speed.table import Line, render
from experiments.speed.timing import Cost, cost_of, median, ratio, take_turns, threads
from experiments.speed.training import training
from experiments.speed.workload import Size, drawn_subspace, hamiltonians, sampled_workload
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.side_by_side.lanes import empty_lanes
from hamiltonian_ml.subspace.structure import restrict

TINY = Size(n_qubits=6, n_states=24, n_rows=3, shots=50, turns=2, scaling=(8, 16, 24))


@pytest.fixture(scope="module")
def load():
    return sampled_workload(TINY)


@pytest.fixture(scope="module")
def problem(load):
    row = load.coefficients[0]
    start, tol = arpack_settings(restrict(load.basis, load.subspace).matrix(row), residual=solving.RESIDUAL)
    return Problem(load.basis, row, load.subspace, start, tol)


def test_competitors_take_turns_after_one_unmeasured_round():
    order = []

    def action(name):
        return lambda turn: order.append((name, turn)) or Cost(len(order), 0.0)

    costs = take_turns({"a": action("a"), "b": action("b")}, 2)
    assert order == [("a", 0), ("b", 0), ("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [cost.wall for cost in costs["b"]] == [4, 6]


def test_ratios_are_taken_turn_by_turn_before_their_median():
    above, below = [Cost(1, 2), Cost(9, 4), Cost(8, 6)], [Cost(1, 1), Cost(3, 4), Cost(4, 2)]
    assert ratio(above, below) == Cost(2, 2)
    assert median(above) == Cost(8, 4)


def test_a_cost_counts_the_work_and_returns_its_result():
    cost, result = cost_of(lambda: sum(range(10**5)))
    assert result == 4999950000
    assert cost.wall > 0
    assert cost.processor > 0


def test_threads_are_set_for_a_while_only(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with threads(3):
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("line", "met"),
    [
        (Line(what="", value=3.0, at_most=3.0), "yes"),
        (Line(what="", value=3.1, at_most=3.0), "NO"),
        (Line(what="", value=30.0, at_least=30.0, wish=50.0), "yes"),
        (Line(what="", value=29.0, at_least=30.0, wish=50.0), "NO"),
        (Line(what="", value=None, at_least=30.0), "not measured"),
        (Line(what="", value=1.0), ""),
    ],
)
def test_a_line_says_whether_its_requirement_is_met(line, met):
    assert line.met == met


def test_the_table_shows_values_requirements_and_wishes():
    text = render([Line(what="speed", value=1234.5, at_least=500.0, wish=1000.0, note="so fast")])
    assert text.splitlines()[1].split() == ["speed", "1234", "-", ">=", "500", "(1000)", "yes", "so", "fast"]


def test_the_workload_has_the_asked_number_of_states_whether_sampled_or_topped_up():
    few = sampled_workload(Size(n_qubits=6, n_states=40, n_rows=2, shots=1))
    assert few.n_sampled < few.subspace.dimension == 40
    enough = sampled_workload(Size(n_qubits=6, n_states=5, n_rows=2, shots=50))
    assert enough.n_sampled > enough.subspace.dimension == 5
    assert enough.subspace.reference_index == few.subspace.reference_index == 0


def test_the_frames_leave_no_energy_to_gain_by_single_flips(load):
    tables = restrict(load.basis, load.subspace).element_tables(load.coefficients)[0]
    singles = np.bitwise_count(load.subspace.words[:, 0]) <= 1
    assert singles.any()
    matrix = restrict(load.basis, load.subspace).matrix(load.coefficients[0])
    assert abs(matrix[[0]].toarray()[0, singles][1:]).max() < 1e-6 * abs(tables).max()  # converged to 1e-8


def test_drawn_states_are_as_many_as_asked_and_hold_the_reference():
    space = drawn_subspace(PauliBasis.chain(70), 500, rng=np.random.default_rng(0))
    assert space.dimension == 500
    assert space.reference_index == 0
    assert restrict(PauliBasis.chain(70), space).n_entries > 2 * 499  # nearly every state is tied to the others


def test_hamiltonians_of_one_seed_are_the_same():
    basis = PauliBasis.chain(5)
    first, second = (hamiltonians(basis, 2, strength=0.1, rng=np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_marks_do_what_the_multiplication_does_to_real_numbers(rng):
    d, n = 7, 12
    left, right = rng.integers(0, d, n).astype(np.uint32), rng.integers(0, d, n).astype(np.uint32)
    codes, table = rng.integers(0, 5, n).astype(np.uint16), rng.normal(size=5)
    x, before, matrix = rng.normal(size=d), rng.normal(size=d), np.zeros((d, d))
    np.add.at(matrix, (left, right), table[codes])
    np.add.at(matrix, (right, left), table[codes])
    touched, added = np.repeat(before, 2), before.astype(complex)
    multiply.touch(left, right, codes, np.repeat(table, 2), np.repeat(x, 2), touched)
    multiply.add(left, right, codes, table.astype(complex), x.astype(complex), added)
    for y in (touched[::2], added):
        np.testing.assert_allclose(y, before + matrix @ x, atol=1e-13)  # round-off of a dozen terms
    target = np.zeros(d)
    multiply.copy(x, target)
    np.testing.assert_array_equal(target, x)


def test_the_mark_of_lanes_does_what_the_mark_of_numbers_does(rng):
    left, right = rng.integers(0, 9, (2, 30)).astype(np.uint32)
    codes = rng.integers(0, 4, 30).astype(np.uint16)
    table, x, y = (empty_lanes(n, 16) for n in (4, 9, 9))
    for lanes in (table, x):
        lanes["single"][:] = rng.standard_normal((len(lanes), 16))
    expected = np.zeros((9, 16))
    for u, v, code in zip(left, right, codes, strict=True):
        expected[u] += table["single"][code] * x["single"][v]
        expected[v] += table["single"][code] * x["single"][u]
    multiply.touch_lanes(left, right, codes, table, x, y)
    np.testing.assert_allclose(y["single"], expected, atol=1e-5)  # single precision


def test_arpack_reaches_the_residual_with_the_settings_it_is_given():
    basis = PauliBasis.chain(12)
    row = hamiltonians(basis, 1, strength=0.15, rng=np.random.default_rng(0))[0]
    matrix = restrict(basis, drawn_subspace(basis, 800, rng=np.random.default_rng(0))).matrix(row)
    start, tol = arpack_settings(matrix, residual=1e-9)
    assert start[0] == pytest.approx(1, abs=0.1)  # the reference state is the lowest
    energies, states = eigsh(matrix, k=1, which="SA", v0=start, tol=tol)
    assert np.linalg.norm(matrix @ states[:, 0] - energies[0] * states[:, 0]) <= 1e-9


@pytest.mark.parametrize("name", [pytest.param("addon-sqd", marks=pytest.mark.slow), "fulqrum"])
def test_a_peer_finds_the_same_ground_state_in_its_own_process(name, load, problem):
    if installed(name) is None:
        pytest.skip(f"{name} is not installed; make peers")
    with open_peer(name) as peer:
        answer = peer.solve(problem)
    structure = restrict(load.basis, load.subspace)
    levels = lowest_levels(structure, load.coefficients[:1], n_levels=1, tol=1e-9)
    assert answer.energy == pytest.approx(levels.energies[0, 0], abs=solving.SAME_ENERGY)
    assert abs(np.vdot(levels.ground_states[0], answer.state)) == pytest.approx(1, abs=1e-6)
    assert answer.cost.wall == pytest.approx(sum(step.wall for step in answer.steps))


def test_a_wrong_energy_or_a_poor_state_stops_the_benchmark(load):
    structure = restrict(load.basis, load.subspace)
    matrices = [structure.matrix(row) for row in load.coefficients]
    levels = lowest_levels(structure, load.coefficients, n_levels=2, tol=1e-9, gap_tol=1e-9)
    excited = Answer(levels.energies[0, 1], levels.states[0, 1], ())
    with pytest.raises(AssertionError, match="fulqrum: energy of Hamiltonian 0 is off by"):
        solving._check(levels, matrices, {"fulqrum": {0: excited}})
    poor = Answer(levels.energies[0, 0], levels.states[0, 0] + 1e-5, ())
    with pytest.raises(AssertionError, match=r"fulqrum: residual .* of Hamiltonian 0 is above"):
        solving._check(levels, matrices, {"fulqrum": {0: poor}})


@pytest.mark.parametrize("part", [solving.gradient, solving.certificate, training, multiply.multiplication, width])
def test_every_part_measures_all_its_lines(part, load, monkeypatch):
    monkeypatch.setattr(multiply, "_TOUCHES", 100)
    lines = list(part(load, TINY))
    assert all(np.isfinite(line.value) and line.value > 0 for line in lines)
    assert any(line.required for line in lines)


def test_growth_fits_exponents_and_measures_memory_in_another_process(load):
    solve, structure, seconds, memory = growth(load, TINY)
    assert np.isfinite([solve.value, structure.value]).all()
    assert seconds.value > 0
    assert 0.01 < memory.value < 4  # an interpreter with its libraries at least
    assert 0.01 < peak_memory() < 64


def test_a_missing_peer_is_a_line_of_its_own_and_no_error(load, monkeypatch):
    monkeypatch.setattr(solving, "installed", lambda name: None)
    lines = list(solving.against_peers(load, TINY))
    missing = [line for line in lines if line.value is None]
    assert [line.what for line in missing] == ["addon-sqd / ours", "fulqrum / ours"]
    assert all("make peers" in line.note for line in missing)


def test_the_command_prints_the_table_and_keeps_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run, "QUICK", TINY)
    run.main(["--quick", "--only", "gradient", "--json", str(tmp_path / "speed.json")])
    assert "forward plus gradient / forward (ground state)" in capsys.readouterr().out
    kept = json.loads((tmp_path / "speed.json").read_text())
    assert kept["size"]["n_states"] == 24
    assert {line["required"] for line in kept["lines"]} == {"<= 3"}
