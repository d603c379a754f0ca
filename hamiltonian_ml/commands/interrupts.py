"""Ctrl-C that ends a command wherever it falls, in one line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SOON = 0.1  # seconds
# JAX ends Python where an exception comes out of its import, and what is raised inside its callback for the collector
# of garbage is printed and forgotten.
_IMPORTING, _DEAF = "<frozen importlib", "_xla_gc_callback"


@contextmanager
def heard_interrupts() -> Iterator[None]:
    """Put an interrupt off, inside of the block, where the code that runs would crash or lose it."""
    if threading.current_thread() is not threading.main_thread():  # the others hear of none
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    place = frame
    while place is not None:
        if place.f_code.co_filename.startswith(_IMPORTING) or place.f_code.co_name == _DEAF:
            again = threading.Timer(_SOON, signal.pthread_kill, (threading.main_thread().ident, number))
            again.daemon = True
            again.start()
            return
        place = place.f_back
    raise KeyboardInterrupt
