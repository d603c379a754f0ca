"""Interrupts end commands at once, but neither inside of imports nor where they would be lost."""

from __future__ import annotations

import importlib
import signal
import time

import pytest

from hamiltonian_ml.commands.interrupts import heard_interrupts
from hamiltonian_ml.study.executors import open_executor

LONG = 30.0  # seconds: an interrupt that was put off comes after some .1


def _wait_after(action, done):
    with heard_interrupts():
        done.append(action())
        time.sleep(LONG)


def results_before_the_interrupt(action):
    """Return the result of an action that interrupts itself, in a list that is empty if it did not come to its end."""
    done = []
    with pytest.raises(KeyboardInterrupt):
        _wait_after(action, done)
    return done


def test_an_interrupt_is_raised_where_it_falls():
    assert results_before_the_interrupt(lambda: signal.raise_signal(signal.SIGINT)) == []


def test_an_interrupt_waits_for_the_end_of_an_import(tmp_path, monkeypatch):
    (tmp_path / "interrupted_module.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nWHOLE = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert results_before_the_interrupt(lambda: importlib.import_module("interrupted_module").WHOLE) == [True]


def test_an_interrupt_waits_for_the_end_of_a_callback_that_loses_it():
    def _xla_gc_callback():
        signal.raise_signal(signal.SIGINT)
        return "whole"

    assert results_before_the_interrupt(_xla_gc_callback) == ["whole"]


def test_the_handler_of_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with heard_interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_workers_end_by_an_interrupt_without_a_word():
    with open_executor(workers=1) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_DFL
