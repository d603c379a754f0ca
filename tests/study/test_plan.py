"""Plans of sweeps over a user's table: what is refused before any work, and what a cell holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from hamiltonian_ml.study.plan import Plan, _table, on_axes, read_plan, run
from hamiltonian_ml.study.sweep import sweep


@pytest.fixture
def table(tmp_path, rng):
    rows = rng.normal(size=(30, 2))
    lines = [f"{a},{b},{'yes' if a > 0 else 'no'}" for a, b in rows]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["left,right,label", *lines]) + "\n")
    return file


def test_a_plan_has_a_task_for_every_combination_and_seed():
    tasks = Plan(table="iris", qubits=[2, 3], selection=["full", "random"], backend=["auto"], seeds=3).tasks()
    assert len({task.key for task in tasks}) == 12


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"qubits": []}, "qubits must be a list of at least one value"),
        ({"qubits": [0]}, "qubits must be an integer of at least 1, got 0"),
        ({"selection": "full"}, "selection must be a list"),
        ({"selection": ["best"]}, "selection must be one of 'auto', 'full'"),
        ({"backend": ["laptop"]}, "backend"),
        ({"seeds": 0}, "seeds must be an integer of at least 1"),
        ({"test_fraction": 1.0}, "test_fraction must be between 0 and 1"),
        ({"settings": {"epochs": 3}}, "settings must be one of .*max_iter.*, got 'epochs'"),
        ({"settings": {"n_qubits": 3}}, "settings must be one of"),
    ],
)
def test_a_plan_refuses_what_no_cell_could_use(change, text):
    with pytest.raises(ValueError, match=text):
        Plan(table="iris", **change)


def test_a_toml_file_gives_the_fields_and_finds_the_table_beside_it(tmp_path, table):
    (tmp_path / "plan.toml").write_text('table = "rows.csv"\ntarget = "label"\n[settings]\nmax_iter = 2\n')
    given = read_plan(tmp_path / "plan.toml")
    assert given == {"table": str(table), "target": "label", "settings": {"max_iter": 2}}


def test_an_unknown_key_or_a_file_that_is_no_toml_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text("tabel = 'rows.csv'\n")
    with pytest.raises(ValueError, match=r"keys of .*a\.toml must be one of 'table'.*, got 'tabel'"):
        read_plan(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text("table rows\n")
    with pytest.raises(ValueError, match="is not valid TOML"):
        read_plan(tmp_path / "b.toml")


def test_the_results_of_a_users_table_have_all_four_dimensions(table, tmp_path):
    plan = Plan(table=str(table), target="label", qubits=[2], selection=["full"], seeds=2, settings={"max_iter": 3})
    with ThreadPoolExecutor(1) as pool:
        found = on_axes(sweep(plan.tasks(), run, pool, folder=tmp_path / "cells").results())
    assert set(found.test_accuracy.dims) == {"n_qubits", "selection", "backend", "seed"}
    assert found.test_accuracy.notnull().all()
    assert found.dimension.item(0) == 4


def test_a_table_that_changes_has_other_tasks(table):
    plan = Plan(table=str(table), target="label", seeds=1)
    before = plan.tasks()[0]
    table.write_text(table.read_text() + "1,1,yes\n")
    assert plan.tasks()[0].key != before.key
    with pytest.raises(ValueError, match="has changed since the sweep began"):
        run(before)


def test_a_sweep_goes_on_however_the_path_and_its_numbers_are_written(table, tmp_path, monkeypatch):
    def done(path: str, alpha: float):
        plan = Plan(
            table=path, target="label", qubits=[2], selection=["full"], seeds=1,
            settings={"max_iter": 2, "alpha": alpha, "class_weight": "balanced"},
        )  # fmt: skip
        with ThreadPoolExecutor(1) as pool:
            return sweep(plan.tasks(), run, pool, folder=tmp_path / "cells")

    monkeypatch.chdir(tmp_path)
    assert done(str(table), 1).ran == 1
    copy = tmp_path / "copy.csv"
    copy.write_bytes(table.read_bytes())
    for path, alpha in (("rows.csv", 1), ("./rows.csv", 1.0), (str(copy), 1)):
        again = done(path, alpha)
        assert (again.ran, again.skipped) == (0, 1)
    assert done("rows.csv", 0.5).ran == 1
    assert again.results().attrs["setting_table"] == str(copy)


def test_a_table_of_no_such_name_is_answered_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"table must be a \.csv, .* or one of breast_cancer, wine, .*; got 'nope'"):
        Plan(table="nope").tasks()


def test_row_numbers_that_pandas_wrote_are_no_feature(tmp_path):
    (tmp_path / "rows.csv").write_text(",a,label\n" + "".join(f"{k},{k % 3},{k % 2}\n" for k in range(12)))
    plan = Plan(table=str(tmp_path / "rows.csv"), target="label", qubits=[1], settings={"max_iter": 1}, seeds=1)
    assert _table(plan.table, plan.target, seed=0)[0].feature_names == ("a",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "there is no column 'label'"),
        ("a,label\nx,1\ny,1\n", "column 'a' holds 'x' in row 1, not a number; correct it or encode the column.$"),
        ("a,label\n,1\n2,1\n", "first in row 1; fill it or remove these rows.$"),
        (
            "a,label\n1,.5\n2,.7\n3,.7\n4,.9\n",
            "holds 3 different values in 4 rows, 2 of them only once; sweep is for",
        ),
        ("label\n1\n1\n", "has no column but 'label'"),
        ("a,label\n1,x\n2,\n", "column 'label' is empty in 1 of 2 rows"),
    ],
)
def test_a_table_that_cannot_be_learned_is_refused_before_any_work(tmp_path, text, said):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        Plan(table=str(tmp_path / "rows.csv"), target="label").tasks()


def test_a_store_may_have_the_name_of_a_dataset(tmp_path):
    (tmp_path / "plan.toml").write_text('table = "iris"\nstore = "iris"\n')
    assert read_plan(tmp_path / "plan.toml") == {"table": "iris", "store": str(tmp_path / "iris")}
