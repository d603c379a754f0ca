from __future__ import annotations

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import Statevector
from scipy.stats import chisquare

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.circuits import krylov_angles
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.sampling.template import krylov_template

PLACES = ["statevector", "mps", StatevectorSampler(seed=1)]


def flip_coefficients(basis, qubits):
    """Return coefficients whose evolution for a time pi/2 turns |0> into |1> on each of some qubits."""
    coefficients = np.zeros((1, basis.n_terms))
    for qubit in qubits:
        coefficients[0, basis.short_labels.index(f"X{qubit}")] = 1.0
    return coefficients


def state_of(samples):
    """Return the only sampled state, as an integer whose bit q is qubit q."""
    assert samples.n_states == 1
    return sum(int(word) << (64 * k) for k, word in enumerate(samples.words[0]))


def probabilities(basis, coefficients, power):
    """Return the exact distribution of the circuit for one power."""
    template = krylov_template(basis, krylov_dimension=power + 1)
    values = krylov_angles(template, coefficients)[-1][0]
    circuit = template.circuits[-1].assign_parameters(values)
    return Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()


@pytest.mark.parametrize("place", PLACES, ids=["statevector", "mps", "a sampler"])
@pytest.mark.parametrize("flipped", [[0], [1], [0, 1], [0, 2]])
def test_a_flip_of_a_qubit_reads_as_its_bit_on_every_backend(place, flipped):
    basis = PauliBasis.chain(3)
    (samples,) = sample_krylov(
        basis,
        flip_coefficients(basis, flipped),
        krylov_dimension=2,
        time_step=np.pi / 2,
        shots=20,
        backend=place,
        seed=1,
    )
    assert state_of(samples) == sum(1 << qubit for qubit in flipped)
    assert samples.n_shots == 20


@pytest.mark.parametrize("flipped", [[0], [63], [64], [0, 5, 63, 64, 69]])
def test_seventy_qubits_fill_two_words(flipped):
    basis = PauliBasis.chain(70)
    (samples,) = sample_krylov(
        basis, flip_coefficients(basis, flipped), krylov_dimension=2, time_step=np.pi / 2, shots=5, seed=1
    )
    assert samples.words.shape == (1, 2)
    assert state_of(samples) == sum(1 << qubit for qubit in flipped)


@pytest.mark.parametrize("place", [*PLACES, Backend("mps", bond_dimension=64)], ids=lambda p: getattr(p, "name", p))
def test_samples_follow_the_exact_distribution_of_the_circuits(place, rng):
    basis = PauliBasis.chain(5)
    coefficients = rng.normal(size=(1, basis.n_terms))
    shots = 20_000
    (samples,) = sample_krylov(basis, coefficients, krylov_dimension=3, shots=shots, backend=place, seed=7)
    expected = shots * (probabilities(basis, coefficients, 1) + probabilities(basis, coefficients, 2))
    counts = np.zeros(32)
    counts[samples.words[:, 0].astype(int)] = samples.counts
    often = expected > 10
    assert often.sum() > 8
    # A correct sampler fails once in 10^4 seeds. Rare states are pooled: chi-square needs some ten of each.
    pooled = [*counts[often], counts[~often].sum()], [*expected[often], expected[~often].sum()]
    assert chisquare(*pooled).pvalue > 1e-4


def test_a_small_bond_dimension_still_samples_fifty_qubits_like_a_large_one(rng):
    basis = PauliBasis.chain(50)
    coefficients = 0.15 * rng.normal(size=(1, basis.n_terms))
    coefficients[0, 2 : 3 * 50 : 3] -= 1.0
    ones = []
    for bond_dimension in (16, 64):
        backend = Backend("mps", bond_dimension=bond_dimension, truncation_threshold=1e-10)
        (samples,) = sample_krylov(basis, coefficients, krylov_dimension=3, shots=1000, backend=backend, seed=3)
        bits = (samples.words[:, :1] >> np.arange(50, dtype=np.uint64)) & np.uint64(1)
        ones.append(samples.counts @ bits / samples.n_shots)
    assert ones[0].max() > 0.05
    # Each is a mean of 2,000 shots: standard error .011 at most, and 50 differences of two are below 5 of them.
    assert np.abs(ones[0] - ones[1]).max() < 0.08


def test_every_row_gets_its_own_samples_in_its_own_place():
    basis = PauliBasis.chain(9)
    coefficients = np.concatenate([flip_coefficients(basis, [q % 9, (2 * q) % 9]) for q in range(150)])
    rows = sample_krylov(basis, coefficients, krylov_dimension=2, time_step=np.pi / 2, shots=3, seed=1)
    assert len(rows) == 150  # more than one job
    assert [state_of(row) for row in rows] == [1 << (q % 9) | 1 << ((2 * q) % 9) for q in range(150)]


def test_a_row_pools_the_shots_of_all_its_powers(rng):
    basis = PauliBasis.chain(4)
    coefficients = rng.normal(size=(2, basis.n_terms))
    rows = sample_krylov(basis, coefficients, krylov_dimension=5, shots=30, seed=1)
    assert [row.n_shots for row in rows] == [4 * 30, 4 * 30]
    # A quarter turn for each power: |1>, |0>, |1>.
    turning = flip_coefficients(basis, [2])
    (row,) = sample_krylov(basis, turning, krylov_dimension=4, time_step=np.pi / 2, shots=30, seed=1)
    assert row.words[:, 0].tolist() == [0, 4]
    assert row.counts.tolist() == [30, 60]


@pytest.mark.parametrize("backend", ["statevector", "mps"])
def test_the_seed_decides_the_samples_and_rows_do_not_share_random_numbers(backend, rng):
    basis = PauliBasis.chain(6)
    coefficients = np.repeat(rng.normal(size=(1, basis.n_terms)), 80, axis=0)

    def draw(seed):
        rows = sample_krylov(basis, coefficients, krylov_dimension=2, shots=12, backend=backend, seed=seed)
        return [(row.words.tolist(), row.counts.tolist()) for row in rows]

    first = draw(1)
    assert first == draw(1)
    assert first != draw(2)
    assert all(first[0] != other for other in (first[1], first[2], first[64]))  # row 64 starts the second job


def test_progress_is_reported_after_each_job():
    basis = PauliBasis.chain(2)
    seen = []
    sample_krylov(
        basis, np.zeros((70, basis.n_terms)), krylov_dimension=2, shots=1, progress=lambda *done: seen.append(done)
    )
    assert seen == [(64, 70), (70, 70)]


def test_a_sampler_that_is_passed_in_gets_one_pub_for_each_power():
    calls = []

    class Counting(StatevectorSampler):
        def run(self, pubs, *, shots=None):
            calls.append([values.shape[0] for _, values, _ in pubs])
            return super().run(pubs, shots=shots)

    basis = PauliBasis.chain(2)
    sample_krylov(basis, np.ones((100, basis.n_terms)), krylov_dimension=4, shots=1, backend=Counting())
    assert calls == [[100, 100, 100]]


def test_no_rows_give_no_samples():
    basis = PauliBasis.chain(2)
    assert sample_krylov(basis, np.zeros((0, basis.n_terms))) == []
    assert sample_krylov(basis, np.zeros((0, basis.n_terms)), backend=StatevectorSampler()) == []


def test_one_qubit_and_qubits_without_edges_can_be_sampled():
    basis = PauliBasis.from_edges(1, [])
    (samples,) = sample_krylov(basis, [[np.pi / 2, 0, 0]], krylov_dimension=2, time_step=1.0, shots=3)
    assert state_of(samples) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": 0}, r"shots must be an integer of at least 1, got 0;"),
        ({"shots": 1.5}, r"shots must be an integer of at least 1, got 1\.5;"),
        ({"krylov_dimension": 1}, r"krylov_dimension must be an integer of at least 2, got 1"),
        ({"trotter_order": 3}, r"trotter_order must be one of 1, 2, got 3"),
        ({"backend": "qasm"}, r"backend must be one of auto, statevector, mps, fake_"),
        ({"time_step": -1.0}, r"time_step must be .* got -1\.0"),
    ],
)
def test_unknown_options_are_refused(options, message):
    basis = PauliBasis.chain(2)
    with pytest.raises(ValueError, match=message):
        sample_krylov(basis, np.zeros((1, basis.n_terms)), **options)
