"""Keys and seeds depend on all that a task says and on nothing else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from hamiltonian_ml.study.tasks import Task, check_distinct


@dataclass(frozen=True, kw_only=True)
class Cell(Task):
    n_qubits: int = 4
    scale: float = 0.5
    name: str = "moons"
    sizes: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    "change", [{"n_qubits": 5}, {"scale": 0.25}, {"name": "wine"}, {"sizes": (2, 1)}, {"revision": 2}]
)
def test_every_field_and_the_revision_change_the_key(change):
    assert replace(Cell(), **change).key != Cell().key


def test_equal_tasks_have_equal_keys_whatever_type_their_numbers_have():
    assert Cell(scale=1, n_qubits=np.int64(4)) == Cell(scale=1.0, n_qubits=4)
    assert Cell(scale=1, n_qubits=np.int64(4)).key == Cell(scale=1.0, n_qubits=4).key


@pytest.mark.parametrize(
    ("one", "other"),
    [((("alpha", 1),), (("alpha", 1.0),)), ({"a": [0, 2.0]}, {"a": [-0.0, np.float32(2)]}), (3, np.float64(3.0))],
)
def test_numbers_inside_of_fields_and_in_those_of_another_type_are_canonical_too(one, other):
    assert one == other
    assert Cell(sizes=one).key == Cell(sizes=other).key != Cell(sizes=(("alpha", 1.5),)).key
    assert Cell(sizes=one).seed_sequence("start").entropy == Cell(sizes=other).seed_sequence("start").entropy


def test_a_truth_value_is_no_number():
    assert Cell(sizes=(True,)).key != Cell(sizes=(1,)).key


def test_a_field_that_is_not_compared_changes_neither_key_nor_seeds():
    @dataclass(frozen=True, kw_only=True)
    class Placed(Task):
        place: str = field(compare=False)

    here, there = Placed(place="here"), Placed(place="there")
    assert here == there
    assert here.key == there.key
    assert here.seed_sequence("samples").entropy == there.seed_sequence("samples").entropy
    assert there.settings()["place"] == "there"


def test_another_process_gives_the_same_key():
    code = "from tests.study.test_tasks import Cell; print(Cell().key)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == Cell().key


def test_classes_of_different_names_share_no_key():
    @dataclass(frozen=True, kw_only=True)
    class Other(Cell):
        pass

    assert Other().key != Cell().key


def test_seeds_depend_on_the_named_fields_and_the_purpose_only():
    def draws(task: Task, *names: str, purpose: str = "samples") -> list[int]:
        return task.seed_sequence(purpose, *names).generate_state(2).tolist()

    assert draws(Cell(), "n_qubits") == draws(Cell(scale=2.0), "n_qubits")
    assert draws(Cell()) != draws(Cell(scale=2.0))
    assert draws(Cell(), "n_qubits") != draws(Cell(n_qubits=5), "n_qubits")
    assert draws(Cell()) != draws(Cell(), purpose="start")


def test_a_seed_of_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match=r"names must be fields of Cell, .*; got \['qubits'\]"):
        Cell().seed_sequence("samples", "qubits")


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_fields_that_cannot_be_written_down_are_refused(value):
    with pytest.raises(ValueError, match="fields of Cell must be finite numbers, text, booleans"):
        _ = Cell(scale=value).key


def test_what_is_no_task_is_refused():
    with pytest.raises(ValueError, match="tasks must be instances of a subclass of Task, got 3"):
        check_distinct([Cell(), 3])
