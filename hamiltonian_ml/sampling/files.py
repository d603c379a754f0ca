"""Files that other processes may read and write at the same time, and that survive a process being killed.

In: a path and bytes. Out: files that are whole or not there at all, and one-line errors where they are damaged.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hamiltonian_ml.bases.files import whole_file

# What NumPy, zipfile and json raise, and what their readers do where parts are missing, depends on the damaged place.
_DAMAGE = (
    ValueError, LookupError, TypeError, AttributeError, EOFError, RuntimeError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class DamagedFileError(OSError):
    """A file of a store that is there and is not what was written."""


@contextmanager
def reading(path: Path, *, remedy: str) -> Iterator[None]:
    """Read a file inside; whatever shows that it is damaged becomes one line that names it and the ``remedy``.

    Raises
    ------
    DamagedFileError
        If the file is empty, cut off or something else.

    Examples
    --------
    >>> import json
    >>> with reading(Path("some.json"), remedy="delete it"):
    ...     json.loads("")
    Traceback (most recent call last):
    hamiltonian_ml.sampling.files.DamagedFileError: some.json is empty, cut off or no file of a store; delete it.
    """
    try:
        yield
    except _DAMAGE as error:
        raise DamagedFileError(f"{path} is empty, cut off or no file of a store; {remedy}.") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that, whenever the machine stops, it holds the old content or the new, never a part.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_bytes(content)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename last: it is the folder that holds the name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
