"""Files written whole, and the locks on them."""

import threading

import pytest

from hamiltonian_ml.bases.files import lock, whole_file


def test_a_lock_is_not_waited_for_if_so_asked(tmp_path):
    with lock(tmp_path / "one") as ours, lock(tmp_path / "one", wait=False) as theirs:
        assert ours
        assert not theirs
    with lock(tmp_path / "one", wait=False) as again:
        assert again
    assert not list(tmp_path.iterdir())


def test_the_second_waits_for_the_first(tmp_path):
    order = []

    def second():
        with lock(tmp_path / "one"):
            order.append("second")

    with lock(tmp_path / "one"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]


def test_locks_are_let_go_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), lock(tmp_path / "one"):
        raise RuntimeError
    with lock(tmp_path / "one", wait=False) as ours:
        assert ours


def test_what_was_there_stays_after_an_error(tmp_path):
    (tmp_path / "one").write_text("old")
    with pytest.raises(TypeError), whole_file(tmp_path / "one") as partial, partial.open("w") as file:
        file.writelines(["half", None])
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert (tmp_path / "one").read_text() == "old"
