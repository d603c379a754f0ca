"""Files that other processes may read and write at the same time, and that survive a process being killed.

In: a path and bytes. Out: files that are whole or not there at all, one-line errors where they are damaged, and locks
that die with their owner.
"""

from __future__ import annotations

import fcntl
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


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock that one process at a time can have; others wait.

    The system frees it when its owner ends in whatever way, so there are no stale locks to recognise.

    Raises
    ------
    OSError
        If the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _locked(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path) -> int:
    """Return an open, locked file that is still the one at ``path``: its last owner removes it before letting go."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        except FileNotFoundError:  # removed between the two looks
            pass
        except OSError as error:
            os.close(handle)
            raise OSError(
                error.errno, f"the file system of {path.parent} has no locks ({error.strerror}); choose another store"
            ) from None
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a rename last: it is the folder that holds the name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
