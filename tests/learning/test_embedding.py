"""The maps from features to Hamiltonians: what they are, and that the gradient runs through all of them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.learning.choosing import Chosen
from hamiltonian_ml.learning.embedding import embed, linear_embedding, map_rows, pull_back_embedding
from hamiltonian_ml.learning.feature_maps import Features, Mapped, Mixtures, Products, Waves, mix, n_maps
from hamiltonian_ml.learning.gradient_check import gradient_deviation
from hamiltonian_ml.learning.losses import squared_error
from hamiltonian_ml.learning.model import Parameters, initial_parameters
from hamiltonian_ml.subspace.structure import restrict

SEED = np.random.SeedSequence(1)
MAPS = {
    "features": Features(),
    "products": Products(),
    "waves": Waves(np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])),
    "function": Mapped(lambda p, X: jnp.tanh(X @ p["w"] + p["b"]), {"w": np.ones((3, 4)) * 0.3, "b": np.zeros(4)}),
    "function alone": Mapped(jnp.cos, None),
    "mixtures": mix(Products(), 3, 2, seed=SEED),
    "mixtures of waves": mix(Waves(np.array([[1.0, 0.5, 2.0]])), 3, 2, seed=SEED),
}


def test_parameters_are_shown_by_their_shapes():
    shown = repr(initial_parameters(PauliBasis.chain(2), 3, 1, seed=SEED))
    assert shown == "Parameters(bias: (15,), features: (3, 15), labels: (1, 15), intercepts: (1,), maps: Features)"


@pytest.mark.parametrize("name", MAPS)
def test_the_gradient_runs_through_every_map(name, rng):
    basis = PauliBasis.chain(2)
    start = initial_parameters(basis, 3, 1, seed=SEED, maps=MAPS[name], scale=0.3)
    batch = (rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), np.ones(6))
    with jax.enable_x64(True):
        chosen = Chosen(restrict(basis, Subspace.full(2)), local_frames=False)
        deviation = gradient_deviation(start, batch, chosen, squared_error, alpha=0.1)
    assert deviation < 1e-6  # differences are good to about 1e-8


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("n_rows", [5, 70])  # fewer than the shortest batch that is compiled, and more
def test_what_is_pulled_back_is_what_jax_pulls_back(name, n_rows, rng):
    start = initial_parameters(PauliBasis.chain(2), 3, 1, seed=SEED, maps=MAPS[name])
    rows, cotangents = rng.normal(size=(n_rows, 3)), rng.normal(size=(n_rows, 15))
    with jax.enable_x64(True):
        expected, pull = jax.vjp(lambda p: linear_embedding(p, jnp.asarray(rows)), jax.tree.map(jnp.asarray, start))
        wanted = pull(jnp.asarray(cotangents))[0]
        mapped = map_rows(start.maps, rows)
        bias, features, maps = pull_back_embedding(start, rows, mapped, cotangents)
    np.testing.assert_allclose(embed(start, mapped), expected, atol=1e-13)  # sums of a few numbers of order 1
    found = Parameters(bias, features, wanted.labels, wanted.intercepts, maps)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)  # sums of 70 numbers of order 1


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_the_same_in_numpy_and_in_jax(name, rng):
    start = initial_parameters(PauliBasis.chain(2), 3, 1, seed=SEED, maps=MAPS[name])
    rows = rng.normal(size=(5, 3))
    with jax.enable_x64(True):
        traced = linear_embedding(jax.tree.map(jnp.asarray, start), jnp.asarray(rows))
    plain = linear_embedding(start, rows)
    assert plain.dtype == np.float64
    np.testing.assert_allclose(plain, traced, atol=1e-14)  # sums of a few numbers of order 1


def test_products_and_waves_are_what_they_say():
    row = np.array([[2.0, 3.0]])
    assert Products()(row).tolist() == [[2.0, 3.0, 4.0, 6.0, 9.0]]
    waves = Waves(np.array([[1.0, 0.5]]))(row)
    np.testing.assert_allclose(waves, [[2, 3, np.sin(2), np.sin(1.5), np.cos(2), np.cos(1.5)]])
    assert n_maps(Products(), 64) == 64 * 67 // 2


def test_mixtures_are_fewer_or_left_out():
    mixed = mix(Features(), 100, 5, seed=SEED)
    assert isinstance(mixed, Mixtures)
    assert n_maps(mixed, 100) == 5
    assert mix(Features(), 4, 5, seed=SEED) == mix(Features(), 4, None, seed=SEED) == Features()


def test_4096_features_on_50_qubits_take_little_memory_by_mixtures():
    basis = PauliBasis.chain(50)
    maps = mix(Features(), 4096, 8, seed=SEED)
    start = initial_parameters(basis, 4096, 2, seed=SEED, maps=maps)
    assert basis.n_terms == 591
    assert sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(start)) < 0.4e6  # without: 4096 x 591 x 8 = 19.4e6
