"""The figure of the demonstration."""

from __future__ import annotations

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.display.demo import basis_of, demo_figure
from hamiltonian_ml.study.demo import DemoSettings, run_demo
from hamiltonian_ml.study.results import read_results, write_results


@pytest.fixture(scope="module")
def results():
    return run_demo(DemoSettings(dataset="iris", n_qubits=3, max_iter=2, shots=20))


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]


def test_it_has_four_panels(results):
    assert titles(demo_figure(results)) == [
        "training",
        "labels of the test rows",
        "learned operator of the class “virginica”",
        "ground states of the test rows",
    ]


def test_the_headline_gives_the_accuracy_of_each_model(results):
    headline = demo_figure(results).get_suptitle()
    for name, value in zip(results["model"].values, results["accuracy"].sel(part="test").values, strict=True):
        assert f"{name} {value:.3f}" in headline


def test_the_figure_of_a_file_is_the_figure_of_the_run(results, tmp_path):
    write_results(results, tmp_path / "demo.nc")
    fresh, read = demo_figure(results), demo_figure(read_results(tmp_path / "demo.nc"))
    for figure, name in ((fresh, "fresh.png"), (read, "read.png")):
        figure.savefig(tmp_path / name, metadata={"Software": None})
    assert (tmp_path / "fresh.png").read_bytes() == (tmp_path / "read.png").read_bytes()


def drawn_texts(figure):
    """Return every label, title and number at a tick that can be seen."""
    for ax in figure.findobj(Axes):
        yield ax._left_title
        if ax.axison:
            for axis in (ax.xaxis, ax.yaxis):
                yield axis.label
                yield from (label for tick in axis._update_ticks() for label in (tick.label1, tick.label2))


def test_no_text_overlaps_another(results):
    figure = demo_figure(results)
    figure.draw_without_rendering()
    texts = [text for text in drawn_texts(figure) if text.get_text() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    assert len(boxes) > 40
    for (first, one), (second, other) in combinations(boxes, 2):
        assert not one.overlaps(other), (first, second)


def test_drawing_leaves_the_users_style_alone(results):
    before = dict(mpl.rcParams)
    demo_figure(results)
    assert dict(mpl.rcParams) == before


def test_the_basis_is_built_again_from_its_strings(results):
    basis, expected = basis_of(results["operators"].to_dataset()), PauliBasis.chain(3)
    assert (basis.n_qubits, basis.edges, basis.labels) == (3, expected.edges, expected.labels)
    np.testing.assert_array_equal(basis.x_masks, expected.x_masks)
