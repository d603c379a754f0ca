from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from qiskit_ibm_runtime.fake_provider import FakeTorino

from hamiltonian_ml.bases.lattice import heavy_hex_edges
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.beam import Visit, search
from hamiltonian_ml.sampling.devices import Calibration, fake_target, heron_fakes, read_calibration
from hamiltonian_ml.sampling.layers import colour_edges
from hamiltonian_ml.sampling.layout import NoLayoutError, best_layout, best_line, best_patch
from tests.reference.layouts import best_by_trying_all


def test_the_calibration_of_a_fake_is_read_once(monkeypatch):
    read, count = FakeTorino.properties, []
    monkeypatch.setattr(FakeTorino, "properties", lambda self: count.append(1) or read(self))
    target = fake_target.__wrapped__("fake_torino")
    assert len(count) <= 2  # by the target itself, and for the two errors of a measurement
    assert target["measure"][0,].prob_meas1_prep0 != target["measure"][0,].prob_meas0_prep1


def random_device(rng, n_qubits, n_couplers, dead_qubit=None):
    pairs = [(a, b) for b in range(n_qubits) for a in range(b)]
    chosen = rng.choice(len(pairs), size=n_couplers, replace=False)
    readout = rng.uniform(0.001, 0.1, n_qubits)
    if dead_qubit is not None:
        readout[dead_qubit] = np.nan
    return Calibration(
        two_qubit_gate="cz",
        couplers={pairs[k]: (float(rng.uniform(0.001, 0.05)), 7e-8) for k in sorted(chosen)},
        gate_error=np.full(n_qubits, 2e-4),
        gate_seconds=np.full(n_qubits, 3e-8),
        readout_error=readout,
        readout_flips=np.stack([readout, readout], axis=-1),
        t1=rng.uniform(5e-5, 3e-4, n_qubits),
        t2=rng.uniform(5e-5, 1e-4, n_qubits),
    )


@pytest.mark.parametrize(
    "edges", [[(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3)], [(0, 1), (1, 2), (0, 2)], [(0, 2)]]
)
@pytest.mark.parametrize("seed", range(4))
def test_the_placement_is_the_best_of_all_on_small_devices(edges, seed):
    rng = np.random.default_rng(seed)
    device = random_device(rng, 7, 11, dead_qubit=seed)
    n_qubits = 4 if len(edges) != 1 else 3
    truth = best_by_trying_all(device, n_qubits, edges, n_layers=len(colour_edges(n_qubits, edges)))
    found = best_layout(device, n_qubits, edges)
    assert found.log_fidelity == pytest.approx(truth, abs=1e-12)  # the same few logarithms in another order


@pytest.mark.parametrize("name", heron_fakes())
@pytest.mark.parametrize("edges", [[(q, q + 1) for q in range(49)], heavy_hex_edges(50)], ids=["line", "heavy_hex"])
def test_fifty_qubits_lie_on_working_couplers_of_every_fake_heron(name, edges):
    calibration = read_calibration(fake_target(name))
    layout = best_layout(calibration, 50, edges)
    assert len(set(layout.qubits)) == 50
    for a, b in edges:
        pair = tuple(sorted((layout.qubits[a], layout.qubits[b])))
        error = fake_target(name)[calibration.two_qubit_gate][pair].error
        assert error is not None
        assert error < 0.1
    assert best_layout(calibration, 50, edges) == layout


def test_the_installed_runtime_ships_three_generations_of_heron():
    assert {"fake_torino", "fake_fez", "fake_marrakesh", "fake_kingston"} <= set(heron_fakes())
    assert not {"fake_sherbrooke", "fake_miami"} & set(heron_fakes())


@pytest.mark.parametrize(("width", "is_exact"), [(1, False), (64, True)])
def test_a_search_says_whether_it_dropped_anything(width, is_exact):
    links = np.full((4, 4), np.nan)
    for a, b in ((0, 1), (1, 2), (2, 0), (2, 3)):
        links[a, b] = links[b, a] = -1.0
    star = [Visit(0, (), (0,)), Visit(1, (0,), (0,)), Visit(2, (0,), (0,)), Visit(3, (0,), ())]
    found, exact = search(star, np.zeros(4), links, width)
    assert found is not None
    assert found[0] == 2
    assert exact is is_exact
    star.append(Visit(4, (), ()))
    assert search(star, np.zeros(4), links, width) == (None, is_exact)


def test_a_better_line_is_found_than_the_first_qubits():
    calibration = read_calibration(fake_target("fake_fez"))
    first = sum(np.log1p(-calibration.couplers[q, q + 1][0]) for q in range(9))
    line = best_line(calibration, 10).qubits
    best = sum(np.log1p(-calibration.couplers[min(pair), max(pair)][0]) for pair in pairwise(line))
    assert best > first


def generic_target(**errors):
    from qiskit.providers.fake_provider import GenericBackendV2

    pairs = [(q, q + 1) for q in range(4)]
    target = GenericBackendV2(5, basis_gates=["cz", "sx", "rz", "x"], coupling_map=pairs, seed=1).target
    for pair, error in errors.items():
        a, b = int(pair[1]), int(pair[2])
        properties = target["cz"][a, b]
        if error == "missing":
            properties = None
        else:
            properties.error = error
        target.update_instruction_properties("cz", (a, b), properties)
    return target


@pytest.mark.parametrize("error", [1.0, None, "missing", float("nan")])
def test_dead_couplers_are_avoided(error):
    calibration = read_calibration(generic_target(c12=error))
    assert (1, 2) not in calibration.couplers
    assert set(best_line(calibration, 3).qubits) == {2, 3, 4}


def test_a_line_that_does_not_fit_is_refused():
    calibration = read_calibration(generic_target(c12=1.0))
    message = r"no place for 4 qubits with 3 couplings .* 5 qubits 5 can be read and 3 couplers work; take fewer qubits"
    with pytest.raises(NoLayoutError, match=message):
        best_line(calibration, 4)


def test_a_device_without_a_known_two_qubit_gate_is_refused():
    from qiskit.transpiler import Target

    with pytest.raises(ValueError, match="must have a working two-qubit gate, one of cz, ecr, cx; its target has"):
        read_calibration(Target(num_qubits=2))


@pytest.mark.parametrize("name", heron_fakes())
def test_a_patch_of_a_device_is_connected_and_grows_to_100_qubits(name):
    edges = np.array(best_patch(read_calibration(fake_target(name)), 100))
    assert (edges[:, 0] < edges[:, 1]).all()
    assert set(edges[:, 1].tolist()) == set(range(1, 100))  # each but the first has a neighbour that came before it
    assert np.bincount(edges.ravel()).max() <= 3


def test_a_patch_keeps_to_the_couplers_that_work_and_says_what_is_there():
    calibration = read_calibration(fake_target("fake_torino"))
    with pytest.raises(NoLayoutError, match=r"no 134 qubits of the device hang together: of its 133 qubits"):
        best_patch(calibration, 134)
    few = replace(calibration, couplers={(0, 1): (0.1, 1e-7), (1, 2): (0.01, 1e-7), (5, 6): (0.001, 1e-7)})
    assert best_patch(few, 3) == ((0, 1), (1, 2))
    with pytest.raises(NoLayoutError, match="no 4 qubits"):
        best_patch(few, 4)


def test_a_simulator_has_no_patch():
    with pytest.raises(ValueError, match=r"backend 'mps' has no graph of its own; take connectivity="):
        Backend("mps").patch(5)
