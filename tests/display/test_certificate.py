"""Certificates by row."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.display.certificate import CertificateDisplay
from tests.display.conftest import X

ROWS = xr.Dataset(
    {
        "tilt": ("row", [0.2, 0.01, 0.8, 0.6, 0.1]),
        "gap": ("row", [1.0, 1.0, 1.0, 0.25, 1.0]),
        "trusted": ("row", [True, True, False, False, False]),
    }
)


def marks(display):
    return {
        line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist())
        for line in display.ax_.get_lines()
        if line.get_marker() != "None"
    }


def bottom_of_marks(display):
    """Return where the lowest mark is in the window, in pixels."""
    lowest = min(min(y) for _, y in marks(display).values())
    return display.ax_.transData.transform((0, lowest))[1]


def test_rows_are_sorted_and_told_apart_by_trust():
    assert marks(CertificateDisplay(ROWS).plot()) == {
        "trusted: 2 of 5": ([0.2, 0.6], [0.01, 0.2]),
        "not trusted, tilt: 2 of 5": ([0.8, 1.0], [0.6, 0.8]),
        "not trusted, weight: 1 of 5": ([0.4], [0.1]),
    }


def test_rows_whose_gap_is_unknown_say_so():
    rows = ROWS.assign(gap=("row", np.full(5, np.inf)), trusted=("row", np.zeros(5, dtype=bool)))
    assert list(marks(CertificateDisplay(rows).plot())) == ["not trusted, tilt: 2 of 5", "not trusted, no gap: 3 of 5"]


def test_no_row_above_the_limit_is_trusted_and_one_below_it_has_its_reason(fitted):
    found = marks(CertificateDisplay.from_estimator(fitted, X))
    for label, (_, tilts) in found.items():
        assert (min(tilts) >= 0.5) == label.startswith("not trusted, tilt")


@pytest.mark.parametrize("tilts", [[0.01], [1.0], [0.0, 0.3], np.geomspace(0.01, 0.6, 171), np.geomspace(0.3, 0.4, 50)])
def test_the_legend_lies_below_all_marks(tilts):
    rows = xr.Dataset({"tilt": ("row", tilts), "gap": ("row", np.ones(len(tilts)))})
    display = CertificateDisplay(rows.assign(trusted=("row", np.asarray(tilts) < 0.5))).plot()
    display.figure_.canvas.draw()
    assert display.ax_.get_legend().get_window_extent().y1 < bottom_of_marks(display) - 2


def test_a_narrow_range_of_tilts_is_drawn_over_a_decade_so_that_the_axis_has_numbers():
    rows = xr.Dataset({"tilt": ("row", [0.9]), "gap": ("row", [1.0]), "trusted": ("row", [False])})
    display = CertificateDisplay(rows).plot()
    low, high = display.ax_.get_ylim()
    assert low <= 0.1 < 1 <= high


def test_rows_without_trust_are_open_marks_so_that_grey_will_do():
    faces = {
        line.get_label().split(":")[0]: line.get_markerfacecolor()
        for line in CertificateDisplay(ROWS).plot().ax_.get_lines()
        if line.get_marker() == "o"
    }
    assert faces["not trusted, tilt"] == "none"
    assert faces["trusted"] != "none"


def test_the_limit_of_trust_is_drawn():
    limit = next(line for line in CertificateDisplay(ROWS).plot().ax_.get_lines() if line.get_marker() == "None")
    assert set(limit.get_ydata()) == {0.5}


def test_the_certificates_are_the_estimators(fitted):
    display = CertificateDisplay.from_estimator(fitted, X)
    certificate = fitted.certify(X)
    drawn = np.sort(np.concatenate([y for _, y in marks(display).values()]))
    np.testing.assert_array_equal(drawn, np.sort(np.maximum(certificate["tilt"], 1e-12)))


def test_exact_states_and_closed_gaps_can_be_drawn():
    rows = xr.Dataset({"tilt": ("row", [0.0, 1.0]), "gap": ("row", [1.0, 0.0]), "trusted": ("row", [True, False])})
    display = CertificateDisplay(rows).plot()
    display.figure_.canvas.draw()
    assert marks(display)["trusted: 1 of 2"][1] == [1e-12]


def test_the_axes_are_labelled():
    display = CertificateDisplay(ROWS).plot()
    assert display.ax_.get_xlabel() == "share of rows, sorted"
    assert display.ax_.get_ylabel() == "tilt: residual /\ndistance to the next energy"
    assert display.ax_.get_yscale() == "log"
