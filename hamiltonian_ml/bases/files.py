"""Files that are written whole or not at all, and locks that die with their owner.

In: any function that writes a file. Out: a file that is renamed into place once it is complete, by one process at a
time if need be.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def check_folder_of(path: Path) -> None:
    """Raise FileNotFoundError, which names it, if the folder of a file to be written is missing."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} in; make it first.")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, and rename it to ``path`` when the block ends without an error.

    After an error the temporary file is gone and a file that was at ``path`` before is as it was. Of several writers at
    once, in processes or threads, the last to end wins.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    check_folder_of(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex[:12]}.partial")  # threads share a process id
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # or a power cut could leave the new name with no content
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock that one process, or one thread of it, at a time can have: wait for it, or give False at once.

    The system frees it when its owner ends in whatever way, so there are no stale locks to recognise.

    Raises
    ------
    OSError
        If the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _locked(path, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def _locked(path: Path, wait: bool) -> int | None:
    """Return an open, locked file that is still the one at ``path``: its last owner removes it before letting go."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:  # removed before we had it: someone else may lock a new one
            pass
        except OSError as error:
            os.close(handle)
            raise OSError(
                error.errno, f"the file system of {path.parent} has no locks ({error.strerror}); choose another folder"
            ) from None
        os.close(handle)
