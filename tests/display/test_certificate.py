"""Certificates by row."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hamiltonian_ml.display.certificate import CertificateDisplay
from tests.display.conftest import X

ROWS = xr.Dataset(
    {
        "residual": ("row", [0.2, 0.01, 0.8, 0.1]),
        "gap": ("row", [1.0, 1.0, 1.0, 0.25]),
        "trusted": ("row", [True, True, False, False]),
    }
)


def marks(display):
    return {
        line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist())
        for line in display.ax_.get_lines()
        if line.get_marker() == "o"
    }


def test_rows_are_sorted_and_told_apart_by_trust():
    assert marks(CertificateDisplay(ROWS).plot()) == {
        "trusted: 2 of 4": ([0.25, 0.5], [0.01, 0.2]),
        "not trusted: 2 of 4": ([0.75, 1.0], [0.4, 0.8]),
    }


def test_rows_without_trust_are_open_marks_so_that_grey_will_do():
    faces = {
        line.get_label().split(":")[0]: line.get_markerfacecolor()
        for line in CertificateDisplay(ROWS).plot().ax_.get_lines()
        if line.get_marker() == "o"
    }
    assert faces["not trusted"] == "none"
    assert faces["trusted"] != "none"


def test_the_limit_of_trust_is_drawn():
    limit = next(line for line in CertificateDisplay(ROWS).plot().ax_.get_lines() if line.get_marker() == "None")
    assert set(limit.get_ydata()) == {0.5}


def test_the_certificates_are_the_estimators(fitted):
    display = CertificateDisplay.from_estimator(fitted, X)
    certificate = fitted.certify(X)
    drawn = np.sort(np.concatenate([y for _, y in marks(display).values()]))
    np.testing.assert_allclose(drawn, np.sort(certificate["residual"] / certificate["gap"]), rtol=1e-12)  # round-off


def test_exact_states_and_closed_gaps_can_be_drawn():
    rows = xr.Dataset({"residual": ("row", [0.0, 0.1]), "gap": ("row", [1.0, 0.0]), "trusted": ("row", [True, False])})
    display = CertificateDisplay(rows).plot()
    display.figure_.canvas.draw()
    assert marks(display)["trusted: 1 of 2"][1] == [1e-12]


def test_the_axes_are_labelled():
    display = CertificateDisplay(ROWS).plot()
    assert display.ax_.get_xlabel() == "share of rows, sorted"
    assert display.ax_.get_ylabel() == "residual / gap"
    assert display.ax_.get_yscale() == "log"
