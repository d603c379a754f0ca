"""The spectrum of samples."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hamiltonian_ml.bases.states import Samples, Subspace
from hamiltonian_ml.display.samples import SampleDisplay
from hamiltonian_ml.estimators.classifier import HamiltonianClassifier

SAMPLES = Samples.from_words([[0], [1], [2], [7]], n_qubits=3, counts=[60, 25, 10, 5])


def points(line):
    return dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))


@pytest.fixture
def drawn():
    return SampleDisplay(SAMPLES, Subspace.from_integers([0, 1, 4], 3)).plot()


def test_states_are_drawn_by_rank_and_told_apart_by_whether_they_are_kept(drawn):
    kept, left_out = drawn.ax_.get_lines()
    assert points(kept) == pytest.approx({1: 0.6, 2: 0.25})
    assert points(left_out) == pytest.approx({3: 0.1, 4: 0.05})
    assert kept.get_markerfacecolor() != left_out.get_markerfacecolor() == "white"


def test_shares_are_summed_by_the_number_of_flipped_qubits(drawn):
    kept, left_out = drawn.flips_ax_.get_lines()
    assert points(kept) == pytest.approx({0: 0.6, 1: 0.25})
    assert points(left_out) == pytest.approx({1: 0.1, 3: 0.05})


def test_the_legend_says_how_much_is_kept(drawn):
    texts = [text.get_text() for text in drawn.ax_.get_legend().get_texts()]
    assert texts == ["kept: 2 states, 85 %", "left out: 2 states, 15 %"]


def test_the_axes_are_labelled_and_logarithmic(drawn):
    assert (drawn.ax_.get_xlabel(), drawn.flips_ax_.get_xlabel()) == ("rank of the basis state", "flipped qubits")
    assert {drawn.ax_.get_xscale(), drawn.ax_.get_yscale(), drawn.flips_ax_.get_yscale()} == {"log"}


@pytest.mark.parametrize("n_states", [1, 2, 5, 8, 20, 99, 101, 4000])
def test_the_numbers_of_ranks_stand_apart(n_states):
    words = np.arange(n_states, dtype=np.uint64)[:, None]
    samples = Samples.from_words(words, n_qubits=12, counts=np.arange(n_states, 0, -1))
    display = SampleDisplay(samples, Subspace.span(12, words)).plot()
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    labels = [*display.ax_.get_xticklabels(), *display.ax_.get_xticklabels(minor=True)]
    shown = [text for text in labels if text.get_text() and low <= text.get_position()[0] <= high]
    boxes = sorted((text.get_window_extent().x0, text.get_window_extent().x1) for text in shown)
    assert boxes
    assert all(left[1] < right[0] for left, right in pairwise(boxes))


def test_qubits_of_every_word_are_counted():
    samples = Samples.from_bits(np.eye(70, dtype=int)[[0, 69]] + np.eye(70, dtype=int)[[1, 1]])
    display = SampleDisplay(samples, Subspace.span(70, samples.words)).plot()
    assert points(display.flips_ax_.get_lines()[0]) == {2: 1.0}


def test_the_samples_are_the_estimators(fitted):
    _, ax = plt.subplots()
    display = SampleDisplay.from_estimator(fitted, ax=ax)
    assert display.bounding_ax_ is ax
    assert sum(len(line.get_xdata()) for line in display.ax_.get_lines()) == fitted.samples_.n_states


def test_an_estimator_that_did_not_sample_is_refused():
    model = HamiltonianClassifier(2, max_iter=2, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    with pytest.raises(ValueError, match="estimator has no samples, because selection='auto' took none"):
        SampleDisplay.from_estimator(model)
