"""The confusion matrix."""

from __future__ import annotations

import numpy as np

from hamiltonian_ml.display.confusion import ConfusionDisplay

COUNTS = np.array([[90, 3], [5, 60]])


def texts(display):
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in display.ax_.texts}


def test_every_count_stands_in_its_cell():
    display = ConfusionDisplay(COUNTS, ["no", "yes"]).plot()
    assert {cell: int(text.get_text()) for cell, text in texts(display).items()} == dict(np.ndenumerate(COUNTS))
    np.testing.assert_array_equal(display.ax_.images[0].get_array(), COUNTS)


def test_the_truth_runs_down_and_the_prediction_to_the_right():
    display = ConfusionDisplay(COUNTS, ["no", "yes"]).plot()
    assert display.ax_.get_ylabel() == "true class"
    assert display.ax_.get_xlabel() == "predicted class"
    for labels in (display.ax_.get_xticklabels(), display.ax_.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["no", "yes"]


def test_counts_stand_out_from_their_cells():
    display = ConfusionDisplay(COUNTS, ["no", "yes"]).plot()
    image = display.ax_.images[0]
    for cell, text in texts(display).items():
        red, green, blue, _ = image.to_rgba(COUNTS[cell])
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
        assert text.get_color() == ("black" if light else "white")


def test_long_names_are_turned_upright():
    names = ["a rather long name", "another long name"]
    upright = ConfusionDisplay(COUNTS, names).plot()
    assert {label.get_rotation() for label in upright.ax_.get_xticklabels()} == {90}
    level = ConfusionDisplay(COUNTS, ["no", "yes"]).plot()
    assert {label.get_rotation() for label in level.ax_.get_xticklabels()} == {0}
