"""The demonstration, on three qubits and few epochs."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.study.datasets import load_table, split_table
from hamiltonian_ml.study.demo import KERNEL, LINEAR, OURS, DemoSettings, run_demo
from hamiltonian_ml.study.results import read_results, write_results

SETTINGS = DemoSettings(dataset="iris", n_qubits=3, max_iter=4, shots=50)


@pytest.fixture(scope="module")
def results():
    return run_demo(SETTINGS)


def test_all_models_are_judged_on_the_same_rows(results):
    assert results["model"].values.tolist() == [OURS, LINEAR, KERNEL]
    assert results["n_rows"].sel(part="test") == 45
    # Whole numbers of the 45 test rows, to the round-off of a ratio.
    right = 45 * results["accuracy"].sel(part="test").values
    np.testing.assert_allclose(right, np.round(right), atol=1e-12)


def test_the_classical_models_do_what_they_are_known_to_do_on_iris(results):
    assert (results["accuracy"].sel(part="test", model=[LINEAR, KERNEL]) > 0.9).all()


def test_the_confusion_matrix_adds_up_to_the_accuracy(results):
    counts = results["confusion"].values
    assert counts.sum() == 45
    assert np.trace(counts) / 45 == pytest.approx(float(results["accuracy"].sel(part="test", model=OURS)))


def test_the_first_axis_of_the_confusion_matrix_is_the_truth(results):
    assert results["confusion"].dims == ("truth", "predicted")
    assert results["confusion"].sum("predicted").values.tolist() == [15, 15, 15]  # iris has equal classes
    rows = results["certificate"].to_dataset()
    taken = (rows["label"] == "virginica") & (rows["predicted_label"] == "versicolor")
    assert results["confusion"].sel(truth="virginica", predicted="versicolor") == taken.sum()


def test_certificates_are_those_of_the_test_rows(results):
    table = load_table("iris")
    rows = results["certificate"].to_dataset()
    np.testing.assert_array_equal(rows["row"], split_table(table, test_fraction=0.3, seed=0).test)
    np.testing.assert_array_equal(rows["label"], table.labels[rows["row"]])


def test_operators_carry_the_names_of_strings_features_and_classes(results):
    operators = results["operators"].to_dataset()
    assert operators["labels"].sizes == {"label": 3, "term": 27}
    assert operators["features"].sizes == {"feature": 4, "term": 27}
    assert operators["term"].values[-1] == "Z1 Z2"
    assert operators["label"].values.tolist() == ["setosa", "versicolor", "virginica"]
    assert "petal width (cm)" in operators["feature"].values
    assert float(operators["bias"].sel(term="Z0")) < -0.5  # the start field of -1, which four steps only bend


def test_history_has_every_epoch(results):
    assert results["history"].sizes["epoch"] == SETTINGS.max_iter


def test_the_deepest_circuit_has_three_steps_of_two_layers_of_three_gates(results):
    assert int(results["two_qubit_depth"]) == 3 * 2 * 3
    assert int(results["cz_count"]) == 3 * 2 * 3  # one edge in each layer


def test_a_barrier_on_two_qubits_is_no_gate():
    found = run_demo(DemoSettings(dataset="iris", n_qubits=2, max_iter=1, shots=5))
    assert (int(found["two_qubit_depth"]), int(found["cz_count"])) == (3, 3)  # on one edge all powers are one gate


def test_settings_and_provenance_are_attributes(results):
    assert results.attrs["setting_dataset"] == "iris"
    assert results.attrs["setting_n_qubits"] == 3
    assert "version_qiskit" in results.attrs


def test_every_number_has_a_unit(results):
    for node in results.subtree:
        for name, variable in node.data_vars.items():
            told = variable.dtype.kind not in "fi" or name in ("qubits", "paulis") or "units" in variable.attrs
            assert told, name


def test_results_survive_the_file(results, tmp_path):
    write_results(results, tmp_path / "demo.nc")
    xr.testing.assert_identical(read_results(tmp_path / "demo.nc"), results)


def test_the_same_settings_give_the_same_results(results):
    again = run_demo(SETTINGS)
    for name in ("accuracy", "confusion"):
        xr.testing.assert_identical(again[name], results[name])
    xr.testing.assert_identical(again["operators"].to_dataset(), results["operators"].to_dataset())


def test_phases_are_reported_and_timed(results):
    lines = []
    run_demo(DemoSettings(dataset="iris", n_qubits=2, max_iter=1, shots=5), report=lines.append)
    assert lines[0] == "iris: 105 rows to train on, 45 to test on"
    assert (results["seconds"] > 0).all()
    assert "training" in results["phase"]


def test_many_qubits_get_a_subspace_for_two_flips():
    assert DemoSettings(n_qubits=12).model(100).max_dimension == 256
    assert DemoSettings(n_qubits=50).model(100).max_dimension == 1 + 50 + 1225


@pytest.mark.parametrize(("n_rows", "epochs"), [(398, 20), (140, 47), (64, 140), (1257, 7)])
def test_tables_of_all_sizes_get_about_as_many_steps(n_rows, epochs):
    assert DemoSettings().model(n_rows).max_iter == epochs
    assert DemoSettings(max_iter=3).model(n_rows).max_iter == 3


@pytest.mark.slow
def test_krylov_samples_of_twelve_qubits_tell_tumours_apart():
    results = run_demo(DemoSettings())
    accuracy = results["accuracy"].sel(part="test")
    assert accuracy.sel(model=OURS) >= 0.93
    assert accuracy.sel(model=OURS) > accuracy.sel(model=[LINEAR, KERNEL]).min() - 0.03  # 5 of the 171 test rows
    assert results["subspace_dimension"] <= 256
    assert results["certificate/trusted"].mean() > 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_qubits": 0}, "n_qubits must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"backend": "abacus"}, "backend must be one of auto, statevector, mps"),
        ({"dataset": "mnist"}, "dataset must be one of breast_cancer"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1, got 0"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        run_demo(DemoSettings(**change))
