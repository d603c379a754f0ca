from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Samples
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.mirror import flip_probabilities, mirrored
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import measure
from hamiltonian_ml.sampling.template import krylov_template
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.selection.ranking import scored


def flipped(bits, rates, rng):
    return bits ^ (rng.random(bits.shape) < rates)


def order_of(samples):
    return samples.words[np.argsort(-samples.counts, kind="stable"), 0].tolist()


@pytest.fixture
def noisy(rng):
    """Return samples of 00000000 and, rarely, 11100000, through flips of 4 %, and the rates."""
    rates = np.full(8, 0.04)
    bits = np.zeros((20_000, 8), dtype=np.uint8)
    bits[:200, :3] = 1
    return Samples.from_bits(flipped(bits, rates, rng)), rates


@pytest.mark.parametrize("ranking", ["excess", "unfolded"])
def test_a_rare_state_comes_before_the_flips_of_a_frequent_one(noisy, ranking):
    samples, rates = noisy
    assert order_of(samples)[:9] == sorted(order_of(samples)[:9], key=lambda s: s.bit_count())  # counts: flips first
    assert order_of(scored(samples, ranking, rates))[:2] == [0, 7]


def test_the_noise_floor_is_what_a_slow_loop_over_pairs_says(rng):
    samples = Samples.from_words(rng.integers(0, 16, size=(200, 1)).astype(np.uint64), 4)
    rates = np.array([0.01, 0.1, 0.2, 0.5])
    expected = samples.counts.copy()
    for k, seen in enumerate(samples.words[:, 0]):
        for true, count in zip(samples.words[:, 0], samples.counts, strict=True):
            bits = [(int(seen) ^ int(true)) >> q & 1 for q in range(4)]
            if true != seen:
                odds = [r / (1 - r) if bit else 1.0 for bit, r in zip(bits, rates, strict=True)]
                expected[k] -= count * np.prod(odds)
    # Probabilities are kept to single precision: 1e-7 of counts of about 200 in sum.
    np.testing.assert_allclose(scored(samples, "excess", rates).counts, expected, atol=1e-3)


def test_unfolding_gives_back_the_distribution_before_the_flips(noisy):
    samples, rates = noisy
    found = scored(samples, "unfolded", rates)
    at = {int(word): count for word, count in zip(found.words[:, 0], found.counts, strict=True)}
    # A tenth: ten iterations leave part of the flips where they are.
    assert at[0] == pytest.approx(19_800, rel=0.1)
    assert at[7] == pytest.approx(200, rel=0.25)  # a count of 200 is known to 7 %
    assert samples.counts[0] < 0.75 * 19_800


def test_counts_stay_as_they_are(noisy):
    samples, rates = noisy
    assert scored(samples, "counts", rates) is samples


def test_states_beyond_the_most_frequent_keep_their_order_behind_them(monkeypatch, noisy):
    monkeypatch.setattr("hamiltonian_ml.selection.ranking._MOST_STATES", 5)
    samples, rates = noisy
    assert order_of(scored(samples, "excess", rates))[5:] == order_of(samples)[5:]


@pytest.mark.parametrize("krylov_dimension", [2, 4, 5])
def test_a_mirror_circuit_without_noise_reads_zero_and_is_as_deep_as_the_mean_circuit(rng, krylov_dimension):
    basis = PauliBasis.chain(4)
    template = krylov_template(basis, krylov_dimension=krylov_dimension)
    gates = mirrored(template).circuits[0].count_ops()["cz"]
    depths = [circuit.count_ops()["cz"] for circuit in template.circuits]
    assert max(2 * depths[0], np.mean(depths) - depths[0]) <= gates <= max(2 * depths[0], np.mean(depths) + depths[0])
    request = SampleRequest(
        basis, rng.normal(size=(2, basis.n_terms)), krylov_dimension=krylov_dimension, time_step="auto",
        trotter_order=1, shots=50, seed=1, backend=Backend("statevector"), mirrored=True,
    )  # fmt: skip
    assert all(not cell.words.any() for row in measure(request) for cell in row)


def test_mirror_circuits_are_written_in_native_gates_in_a_time_that_does_not_double_with_each_qubit():
    # Qiskit holds the interpreter while it translates, so only another process can be given up on.
    script = """if True:
        from hamiltonian_ml.bases.pauli import PauliBasis
        from hamiltonian_ml.sampling.backends import Backend
        from hamiltonian_ml.sampling.mirror import mirrored
        from hamiltonian_ml.sampling.template import krylov_template
        basis = PauliBasis.chain(16)
        circuits = mirrored(krylov_template(basis, krylov_dimension=4)).circuits
        print(Backend("fake_fez").compile(circuits, basis)[0].count_ops()["cz"])
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) == 2 * 3 * 15  # forwards and back, three for each edge


def test_flip_probabilities_are_the_rates_of_the_flips(rng):
    rates = np.array([0.01, 0.3, 0.1])
    samples = Samples.from_bits(flipped(np.zeros((40_000, 3), dtype=np.uint8), rates, rng))
    # Five standard errors of a rate of .3 in 40,000 shots.
    np.testing.assert_allclose(flip_probabilities([samples]), rates, atol=5 * np.sqrt(0.3 * 0.7 / 40_000))


def test_mirror_circuits_are_part_of_the_usage_and_of_the_selection():
    basis = PauliBasis.chain(4)
    coefficients = np.random.default_rng(0).normal(size=(6, basis.n_terms))
    plain = KrylovSelection(shots=20, ranking="unfolded")
    mirror = KrylovSelection(shots=20, ranking="unfolded", flip_probability="mirror")
    assert plain.usage(basis, coefficients).circuits == 18
    assert mirror.usage(basis, coefficients).circuits == 18 + 4
    assert mirror.usage(basis, coefficients).jobs == 2
    selected = mirror.select(basis, coefficients, np.ones(6), seed=np.random.SeedSequence(1))
    assert selected.samples.n_shots == pytest.approx(60)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranking": "luck"}, "ranking must be one of 'counts', 'excess', 'unfolded', got 'luck'"),
        ({"flip_probability": 0.0}, 'flip_probability must be "mirror" or a number above 0 and at most 0.5, got 0.0'),
        ({"flip_probability": None}, 'flip_probability must be "mirror" or a number above 0 and at most 0.5, got None'),
        ({"flip_probability": "mirror", "backend": StatevectorSampler()}, "needs a backend by name or a Backend"),
    ],
)
def test_unknown_rankings_and_rates_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        KrylovSelection(**options)
