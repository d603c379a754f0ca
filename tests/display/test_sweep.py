"""The figure of a sweep: what its points and bars stand for."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.display.sweep import sweep_figure


def results(*by_seed: list[float]) -> xr.Dataset:
    """Return test accuracies of 2, 3, ... qubits, a list for each seed."""
    values = np.array(by_seed)[:, :, None, None]
    names = ("seed", "n_qubits", "selection", "backend")
    places = {"n_qubits": range(2, 2 + values.shape[1]), "selection": ["full"], "backend": ["auto"]}
    return xr.Dataset({"test_accuracy": (names, values)}, places)


def test_points_are_means_over_seeds_and_bars_their_standard_errors():
    axes = sweep_figure(results([0.6, 0.5], [0.8, 0.5], [0.7, np.nan], [0.7, np.nan])).axes[0]
    line, _, bars = axes.containers[0]
    np.testing.assert_allclose(line.get_xydata(), [[2, 0.7], [3, 0.5]], atol=1e-12)  # round-off
    halves = [np.ptp(segment[:, 1]) / 2 for segment in bars[0].get_segments()]
    deviation = np.sqrt(2 / 300)  # of .6, .8, .7, .7, over n - 1
    assert halves == pytest.approx([deviation / 2, 0], abs=1e-12)  # by the root of four seeds


def test_one_seed_has_no_bar():
    bars = sweep_figure(results([0.6, 0.5])).axes[0].containers[0][2]
    assert [np.ptp(segment[:, 1]) for segment in bars[0].get_segments()] == [0, 0]


@pytest.mark.parametrize("counts", [[3], [2, 3], [4, 12, 50]])
def test_numbers_of_qubits_are_whole_and_have_room_to_both_sides(counts):
    accuracies = results([0.9] * len(counts)).assign_coords(n_qubits=counts)
    axes = sweep_figure(accuracies).axes[0]
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)
    assert low <= min(counts) - 0.5
    assert max(counts) + 0.5 <= high


@pytest.mark.parametrize("counts", [[3], [2, 3], [4, 12, 50]])
def test_equal_curves_stand_side_by_side_in_the_order_of_their_numbers_of_qubits(counts):
    one = results([0.9] * len(counts)).assign_coords(n_qubits=counts)
    both = xr.concat([one, one.assign_coords(selection=["krylov"])], "selection")
    axes = sweep_figure(both).axes[0]
    first, second = (container[0] for container in axes.containers)
    between = second.get_xdata() - first.get_xdata()
    assert (between > 0.015 * np.ptp(axes.get_xlim())).all()
    assert (first.get_xdata()[1:] > second.get_xdata()[:-1]).all()
    np.testing.assert_allclose((first.get_xdata() + second.get_xdata()) / 2, counts)
    assert first.get_linestyle() != second.get_linestyle()
