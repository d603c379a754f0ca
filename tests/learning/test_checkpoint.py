"""Runs that are cut off after any epoch end as those that are not."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.learning.archive import read_archive, write_archive
from hamiltonian_ml.learning.checkpoint import Checkpoint
from hamiltonian_ml.learning.feature_maps import Features, mix
from hamiltonian_ml.learning.losses import softmax_cross_entropy
from hamiltonian_ml.learning.model import initial_parameters
from hamiltonian_ml.learning.settings import Settings
from hamiltonian_ml.learning.training import train
from hamiltonian_ml.learning.vectors import as_tree
from hamiltonian_ml.selection.controls import RandomSelection
from hamiltonian_ml.selection.full import FullSelection
from hamiltonian_ml.selection.krylov import KrylovSelection

EPOCHS = 5
SETTINGS = Settings(max_iter=EPOCHS, learning_rate=0.1, tol=0.0, batch_size=8, refresh_every=2, variance_penalty=0.1)


class PowerCutError(Exception):
    """Stands for a process that ends at once."""


def _run(selection, checkpoint=None, cut=None, settings=SETTINGS):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    targets = np.eye(2)[(X[:, 0] * X[:, 1] > 0).astype(int)]
    basis = PauliBasis.chain(3)
    seed = np.random.SeedSequence(1)
    start = initial_parameters(basis, 3, 2, seed=seed, maps=mix(Features(), 3, 2, seed=seed))

    def on_epoch(progress):
        if len(progress.epochs) == cut:
            raise PowerCutError
        return False

    held = (X[20:], targets[20:], np.ones(10))
    return train(
        start, X[:20], targets[:20], np.ones(20), basis=basis, selection=selection, loss=softmax_cross_entropy,
        settings=settings, seed=np.random.SeedSequence(5), validation=held, checkpoint=checkpoint, on_epoch=on_epoch,
    )  # fmt: skip


def _checkpoint(path, **identity):
    return Checkpoint(path, {"features": "same", **identity}, seed=3, share=np.inf)


@pytest.mark.parametrize("selection", [FullSelection(), RandomSelection(5), KrylovSelection(shots=20, max_dimension=5)])
def test_a_run_cut_off_after_any_epoch_ends_with_the_same_numbers(selection, tmp_path):
    whole = _run(selection)
    for cut in range(1, EPOCHS + 1):
        path = tmp_path / f"{cut}.nc"
        with pytest.raises(PowerCutError):
            _run(selection, _checkpoint(path), cut)
        again = _run(selection, _checkpoint(path))
        for found, expected in zip(jax.tree.leaves(again.parameters), jax.tree.leaves(whole.parameters), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert repr(again.epochs) == repr(whole.epochs)  # NaN equals nothing
        np.testing.assert_array_equal(again.chosen.structure.subspace.words, whole.chosen.structure.subspace.words)


def test_a_finished_run_is_not_run_again(tmp_path):
    checkpoint = _checkpoint(tmp_path / "run.nc")
    first = _run(FullSelection(), checkpoint)
    again = _run(FullSelection(), checkpoint, cut=EPOCHS)
    np.testing.assert_array_equal(first.parameters.labels, again.parameters.labels)


def test_a_run_of_other_data_is_refused(tmp_path):
    path = tmp_path / "run.nc"
    _run(FullSelection(), _checkpoint(path, settings="a"))
    with pytest.raises(ValueError, match=r"run\.nc is of a fit with other settings; delete it, or name another file"):
        _run(FullSelection(), _checkpoint(path, settings="b"))


def test_a_run_of_format_1_goes_on_with_the_same_numbers(tmp_path, monkeypatch):
    """It held the optimiser's moments in the shapes of the parameters."""
    whole = _run(FullSelection())
    with pytest.raises(PowerCutError):
        _run(FullSelection(), _checkpoint(tmp_path / "run.nc"), 2)
    arrays, description = read_archive(tmp_path / "run.nc", kind="checkpoint", version=2)
    like = whole.parameters
    for k, moments in enumerate(jax.tree.leaves([as_tree(arrays.pop(f"memory.{m}"), like) for m in (1, 2)])):
        arrays[f"memory.{k + 1}"] = moments
    write_archive(tmp_path / "run.nc", arrays, description, kind="checkpoint", version=1)
    again = _run(FullSelection(), _checkpoint(tmp_path / "run.nc"))
    for found, expected in zip(jax.tree.leaves(again.parameters), jax.tree.leaves(like), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.nc"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is not a checkpoint file of hamiltonian_ml, or it is damaged"):
        _run(FullSelection(), _checkpoint(path))


def test_in_a_folder_each_run_has_a_file_of_its_own(tmp_path):
    for name in "ab":
        _run(FullSelection(), _checkpoint(tmp_path, settings=name))
    assert len(list(tmp_path.glob("*.nc"))) == 2


def test_writing_takes_a_small_share_of_the_time(tmp_path):
    checkpoint = _checkpoint(tmp_path / "run.nc")
    checkpoint.share = 1e-6
    with pytest.raises(PowerCutError):
        _run(FullSelection(), checkpoint, cut=5)
    again = _run(FullSelection(), _checkpoint(tmp_path / "run.nc"))
    resumed = [epoch.loss for epoch in again.epochs]
    assert resumed == [epoch.loss for epoch in _run(FullSelection()).epochs]
