"""Fit, predict and doctor as they are typed: what comes out, and one line for whatever is wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris
from typer.testing import CliRunner

from hamiltonian_ml import HamiltonianClassifier, HamiltonianRegressor, HamiltonianTransformer, cli
from hamiltonian_ml.study import fitting

QUICK = ["--qubits", "2", "--max-iter", "30", "--learning-rate", "0.1"]


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table of irises, one of diabetes, and a model of the first."""
    folder = tmp_path_factory.mktemp("tables")
    bunch = load_iris(as_frame=True)
    irises = bunch.data.assign(species=bunch.target_names[bunch.target], note="wild")
    irises.to_csv(folder / "iris.csv", index=False)
    irises.to_parquet(folder / "iris.parquet")
    load_diabetes(as_frame=True).frame.to_csv(folder / "diabetes.tsv", sep="\t", index=False)
    result = run("fit", folder / "iris.csv", "--target", "species", "--drop", "note", "--out", folder / "m.nc", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "test accuracy" in result.stdout
    return folder


def test_predictions_are_those_of_the_model_in_the_units_of_the_table(folder):
    result = run("predict", folder / "m.nc", folder / "iris.parquet", "--out", folder / "new" / "p.csv", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["rows"] == 150
    assert found["score"] > 0.9
    written = pd.read_csv(folder / "new" / "p.csv")
    model = HamiltonianClassifier.load(folder / "m.nc")
    table = pd.read_csv(folder / "iris.csv")[list(model.feature_names_in_)]
    assert written["prediction"].tolist() == model.predict(table).tolist()
    # Predictions repeat to about this.
    np.testing.assert_allclose(written["probability_setosa"], model.predict_proba(table)[:, 0], rtol=1e-9)
    assert set(written["trusted"]) <= {True, False}
    assert set(written["decided"]) <= {True, False}


def test_folding_the_scale_into_the_operators_changes_no_answer(folder):
    table = pd.read_csv(folder / "iris.csv").drop(columns="note")
    chosen = fitting.FitSettings(target="species", test_fraction=0, options={"n_qubits": 2, "max_iter": 5})
    folded = fitting.fit_table(table, chosen).model
    features = table.drop(columns="species")
    scaled = (features - features.mean()) / features.std(ddof=0)
    plain = HamiltonianClassifier(2, max_iter=5, random_state=0).fit(scaled, table["species"])
    # Round-off of the scale, and the solver's residual.
    np.testing.assert_allclose(folded.decision_function(features), plain.decision_function(scaled), atol=1e-7)


def test_numbers_are_learned_by_regression(folder):
    arguments = ("fit", folder / "diabetes.tsv", "--target", "target", "--out", folder / "d.nc", "--json")
    result = run(*arguments, "--qubits", "2", "--max-iter", "3")
    found = json.loads(result.stdout)
    assert found["model"] == "HamiltonianRegressor"
    assert found["rows_to_test_on"] == 88
    assert run("predict", folder / "d.nc", folder / "diabetes.tsv").stdout.startswith("prediction,trusted\n")


def test_without_a_true_column_there_is_no_score(folder):
    pd.read_csv(folder / "iris.csv").drop(columns=["species", "note"]).to_csv(folder / "new.csv", index=False)
    assert json.loads(run("predict", folder / "m.nc", folder / "new.csv", "--json").stdout)["score"] is None


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_truth_values_are_classes_that_come_back(tmp_path, kind):
    a = np.linspace(-1, 1, 20)
    table = pd.DataFrame({"a": a, "b": a**2, "rises": a > 0})
    path = tmp_path / f"t.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    assert run("fit", path, "--target", "rises", "--out", tmp_path / "m.nc", *QUICK).exit_code == 0
    result = run("predict", tmp_path / "m.nc", path, "--json")
    assert json.loads(result.stdout)["score"] > 0.8, result.stderr
    _refused(run("predict", tmp_path / "m.nc", _table(tmp_path, "a,b,rises\n1,1,2\n")), "holds the class 2, which")


def test_models_from_python_predict_or_are_refused_in_one_line(folder, tmp_path):
    table = pd.read_csv(folder / "iris.csv").iloc[:, :4]
    path = tmp_path / "model.nc"
    HamiltonianTransformer(2, max_iter=1).fit(table).save(path)
    _refused(run("predict", path, folder / "iris.csv"), "the model is a HamiltonianTransformer, which predicts nothing")
    HamiltonianRegressor(2, max_iter=1, random_state=np.random.RandomState(0)).fit(table, table.iloc[:, :2]).save(path)
    result = run("predict", path, folder / "iris.csv")
    assert result.stdout.startswith("prediction_0,prediction_1,trusted\n")
    assert result.stderr == ""  # not a word of the random state, which predictions do not need
    table.assign(**{"petal width (cm)": "wide"}).to_csv(tmp_path / "wide.csv")
    _refused(
        run("predict", path, tmp_path / "wide.csv"),
        "column 'petal width (cm)' holds 'wide' in row 1, not a number; correct it or encode the column.\n",
    )


def test_doctor_names_versions_and_ends_well():
    result = run("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {"hamiltonian-ml", "qiskit", "processor_cores", "GPU", "extra_heads"} <= set(found)
    assert found["troubles"] == "none"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "none"),
        ("{}", "none"),  # which a submit without an account leaves behind
        ('{"default-ibm-quantum-platform": {"token": "t"}}', "saved"),
        ("{", "none that can be read"),
    ],
)
def test_doctor_looks_into_the_file_of_accounts(tmp_path, monkeypatch, content, said):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    if content is not None:
        (tmp_path / ".qiskit").mkdir()
        (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(content)
    found = json.loads(run("doctor", "--json").stdout)["IBM_Quantum_account"]
    assert found == said or (content == "{" and found.startswith(said) and "mend or delete" in found)


@pytest.mark.parametrize(
    "command", [["fit", "t.csv", "--target", "b"], ["preview", "t.csv", "--target", "b"], ["sweep"], ["demo"]]
)
def test_more_qubits_than_can_be_meant_are_refused_at_once(command):
    result = run(*command, "--qubits", "200000")
    _refused(result, "Invalid value for '--qubits'")
    assert "5000" in result.stderr


def test_a_preview_of_many_qubits_says_that_it_takes_a_while(tmp_path, monkeypatch):
    path = _table(tmp_path, "a,b\n" + "".join(f"{k},{k % 2}\n" for k in range(8)))
    monkeypatch.setattr("hamiltonian_ml.commands.output.is_terminal", lambda stream: True)
    arguments = ("preview", path, "--target", "b", "--krylov-dimension", "2")
    assert "which takes some seconds" in run(*arguments, "--qubits", "501").stderr
    assert run(*arguments, "--qubits", "20").stderr == ""
    assert run(*arguments, "--qubits", "501", "--json").stderr == ""


def test_doctor_says_how_a_checkout_gets_an_extra(monkeypatch):
    monkeypatch.setattr("hamiltonian_ml.commands.doctor.find_spec", lambda name: None)
    found = json.loads(run("doctor", "--json").stdout)
    assert (found["extra_heads"], found["extra_tables"]) == (
        "missing: make heads",
        "missing: pip install -e '.[tables]'",
    )


def test_doctor_says_what_is_missing_with_status_one(monkeypatch):
    monkeypatch.setattr("hamiltonian_ml.bases.memory.free_memory", lambda: 2**20)
    result = run("doctor")
    assert result.exit_code == 1
    assert "GiB of memory are free, 1 are needed" in result.stdout


def _table(folder, text, name="t.csv"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n3,4\n", ["--target", "c"], "there is no column 'c'; the table has 'a', 'b'"),
        ("a,b\n1,x\n3,y\n", ["--target", "a"], "column 'b' holds 'x' in row 1, not a number; correct it, encode"),
        ("a,b\n0.1,2\n?,4\n", ["--target", "b"], "column 'a' holds '?' in row 2, not a number"),
        ('a,b\n12,x\n"1,257.3",y\n', ["--target", "b"], "column 'a' holds '1,257.3' in row 2, not a number"),
        ("a,b\n1,x\n2,NA\n3,\n", ["--target", "b"], "column 'b' is empty in 1 of 3 rows, first in row 3"),
        ("a,b\n1,True\n2,NA\n", ["--target", "b"], "column 'b' is empty in 1 of 2 rows, first in row 2"),
        ("a,b\n1,x\n2,y\n", ["--target", "b", "--task", "regression"], "in row 1, not a number; correct it or"),
        ("a,b\n1,2024-01-01\n2,2024-01-02\n", ["--target", "b"], "column 'b' holds dates such as '2024-01-01'; give"),
        ("a;b\n1;2\n", ["--target", "b"], "the table has 'a;b'; it seems to be separated by ';': save it with commas"),
        ("a,b\n1,x\n2,y\n", ["--target=b", "--test-fraction=0", "--connectivity=ring", "--qubits=2"], "--qubits must"),
        ("a,b\n1,2\n,4\n", ["--target", "b"], "column 'a' is empty or not finite in 1 of 2 rows, first in row 2"),
        ("a,b\n1,2\n3,\n", ["--target", "b"], "column 'b' is empty in 1 of 2 rows, first in row 2"),
        ("a,b\n1,2\ninf,4\n", ["--target", "b"], "column 'a' is empty or not finite"),
        ("a,b\n1,2\n3,2\n4,2\n", ["--target", "b"], "y must hold at least two classes"),
        ("a\n1\n2\n", ["--target", "a"], "the table has no column beside the target 'a'"),
        ("a,b\n", ["--target", "a"], "has 0 rows and 2 columns"),
        ("", ["--target", "a"], "cannot be read as a csv table: No columns to parse from file"),
        (b"\xff\xfe\x00\x01", ["--target", "a"], "cannot be read as a csv table"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--seed", "-1"], "seed must be an integer of at least 0, got -1"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--seed", str(2**32)], "seed must be at most 4294967295"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--task", "guess"], "task must be one of 'auto', 'classification'"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--test-fraction", "0", "--qubits", "0"], "--qubits must be an integer"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--test-fraction", "1"], "test_fraction must be from 0 to below 1"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--drop", "a"], "target is the column 'a', which is dropped"),
        ("a,b\n1,2\n3,4\n", ["--target", "a", "--test-fraction", "0", "--backend", "abacus"], "backend must be one of"),
        ("a,b\n1e308,2\n-1e308,4\n", ["--target", "b"], "column 'a' holds numbers beyond 1e+100; give it in an"),
        ("a,b,a\n1,2,5\n3,4,6\n", ["--target", "b"], "has the column 'a' twice; give columns different names"),
        ("a,b\n1,2\n3,4\n", [], "Missing option '--target'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_or_an_option_is_one_line(tmp_path, monkeypatch, text, options, message):
    monkeypatch.chdir(tmp_path)
    _refused(run("fit", _table(tmp_path, text), *options), message)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_rows_without_a_true_value_are_predicted_and_not_scored(folder, tmp_path):
    table = pd.read_csv(folder / "iris.csv")
    table.assign(species=table["species"].where(table.index % 3 == 0)).to_csv(tmp_path / "some.csv", index=False)
    table.assign(species=np.nan).to_csv(tmp_path / "none.csv", index=False)
    some, none = (
        json.loads(run("predict", folder / "m.nc", tmp_path / f"{name}.csv", "--json").stdout)
        for name in ("some", "none")
    )
    assert (some["rows"], some["rows_scored"]) == (150, 50)
    every = json.loads(run("predict", folder / "m.nc", folder / "iris.csv", "--json").stdout)
    right = np.array(every["predictions"]["prediction"]) == table["species"]
    assert some["score"] == pytest.approx(right[::3].mean())
    assert (none["score"], none["rows_scored"], len(none["predictions"]["prediction"])) == (None, 0, 150)


def test_rows_without_a_true_number_are_not_scored_either(folder, tmp_path):
    table = pd.read_csv(folder / "diabetes.tsv", sep="\t")
    arguments = ("fit", folder / "diabetes.tsv", "--target", "target", "--out", tmp_path / "d.nc")
    assert run(*arguments, "--qubits", "2", "--max-iter", "1").exit_code == 0
    table.assign(target=table["target"].where(table.index < 7)).to_csv(tmp_path / "some.csv", index=False)
    assert json.loads(run("predict", tmp_path / "d.nc", tmp_path / "some.csv", "--json").stdout)["rows_scored"] == 7


def test_a_label_that_reads_as_missing_is_a_class_beside_others(tmp_path):
    path = _table(tmp_path, "a,b\n" + "".join(f"{k},{'NA' if k < 10 else 'yes'}\n" for k in range(20)))
    assert run("fit", path, "--target", "b", "--out", tmp_path / "m.nc", *QUICK).exit_code == 0
    assert HamiltonianClassifier.load(tmp_path / "m.nc").classes_.tolist() == ["NA", "yes"]


@pytest.mark.filterwarnings("default")
def test_row_numbers_that_pandas_wrote_are_left_out_in_one_line(tmp_path):
    a = np.linspace(-1, 1, 20)
    pd.DataFrame({"a": a, "rises": a > 0}).to_csv(tmp_path / "t.csv")
    result = run("fit", tmp_path / "t.csv", "--target", "rises", "--out", tmp_path / "m.nc", *QUICK)
    assert result.stderr == (
        "hamiltonian-ml: warning: the first column has no name and counts rows: it is left out; name it to use it.\n"
    )
    assert HamiltonianClassifier.load(tmp_path / "m.nc").feature_names_in_.tolist() == ["a"]


@pytest.mark.filterwarnings("default")
def test_a_target_that_names_rows_is_doubted_in_one_line(tmp_path):
    path = _table(tmp_path, "a,b\n" + "".join(f"{k % 7},id{k}\n" for k in range(24)))
    result = run("fit", path, "--target", "b", "--out", tmp_path / "m.nc", "--qubits", "1", "--max-iter", "1")
    assert result.exit_code == 0
    assert result.stderr.startswith("hamiltonian-ml: warning: column 'b' has 24 different values in 24 rows, so that ")
    assert result.stderr.count("\n") == 1


def test_dates_are_classes_where_the_user_says_so(tmp_path):
    path = _table(tmp_path, "a,b\n1,2024-01-01\n2,2024-01-02\n")
    options = ("--target", "b", "--task", "classification", "--test-fraction", "0", "--out", tmp_path / "m.nc")
    assert run("fit", path, *options, "--qubits", "1", "--max-iter", "1").exit_code == 0


def test_files_that_are_not_what_they_should_be_are_one_line(folder, tmp_path):
    _refused(run("fit", tmp_path / "no.csv", "--target", "a"), "there is no file")
    _refused(run("fit", tmp_path, "--target", "a"), "must be a table whose name ends in one of .csv, .tsv")
    parquet = _table(tmp_path, "a,b\n1,2\n", "t.parquet")
    _refused(run("fit", parquet, "--target", "a"), "cannot be read as a parquet table")
    _refused(run("fit", folder / "iris.csv", "--target", "species", "--out", tmp_path), "--out must be a file, but")
    _refused(run("predict", tmp_path / "no.nc", folder / "iris.csv"), "there is no model")
    _refused(run("predict", folder / "iris.csv", folder / "iris.csv"), "is not a model file")
    narrow = _table(tmp_path, "a,b\n1,2\n")
    _refused(run("predict", folder / "m.nc", narrow), "there is no column 'sepal length (cm)'")
    table = pd.read_csv(folder / "iris.csv").assign(species="palm")
    table.to_csv(tmp_path / "palm.csv", index=False)
    _refused(
        run("predict", folder / "m.nc", tmp_path / "palm.csv"), "holds the class 'palm', which the model never saw"
    )


def test_running_out_of_memory_and_failing_simulators_are_one_line(folder, monkeypatch):
    from qiskit_aer import AerError

    arguments = ("fit", folder / "diabetes.tsv", "--target", "target")
    for error, message in (
        (MemoryError(), "the machine ran out of memory"),
        (AerError("no"), "the backend failed: 'no'"),
    ):
        monkeypatch.setattr(fitting, "fit_table", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
        _refused(run(*arguments), message)


def _refused(result, message):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("hamiltonian-ml: ")
    assert result.stderr.count("\n") == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=60) | st.text(alphabet="a,b\n\t\"'1.e-é\0", max_size=60),
    kind=st.sampled_from(["csv", "parquet"]),
)
def test_no_file_whatsoever_ends_in_a_traceback(tmp_path, data, kind):
    path = _table(tmp_path, data, f"any.{kind}")
    result = run(
        "fit", path, "--target", "a", "--out", tmp_path / "m.nc", "--qubits", "1", "--max-iter", "1", "--quiet"
    )
    assert result.exit_code in (0, 2)
    assert isinstance(result.exception, SystemExit | None)
    assert result.exit_code == 0 or (result.stderr.count("\n") == 1 and not (tmp_path / "m.nc").exists())


def test_a_fit_from_a_store_replays_and_refuses_to_measure_what_is_not_there(folder, tmp_path):
    sampled = [
        "fit", folder / "iris.csv", "--target", "species", "--drop", "note", "--selection", "krylov", "--json",
        "--qubits", "2", "--max-iter", "2", "--shots", "10", "--store", tmp_path / "store", "--out", tmp_path / "m.nc",
    ]  # fmt: skip
    first, again = run(*sampled), run(*sampled, "--replay")
    assert first.exit_code == 0, first.stderr
    assert again.stdout == first.stdout
    assert HamiltonianClassifier.load(tmp_path / "m.nc").store.mode == "replay"
    other = run(*sampled, "--replay", "--seed", "1")
    assert other.exit_code == 2
    assert "has no samples of these" in other.stderr
    assert other.stderr.count("\n") == 1


def test_a_replay_without_a_store_is_one_line(folder):
    result = run("fit", folder / "iris.csv", "--target", "species", "--replay")
    assert result.exit_code == 2
    assert "--replay needs --store with a folder of samples, got None" in result.stderr
