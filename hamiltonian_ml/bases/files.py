"""Files that are written whole or not at all.

In: any function that writes a file. Out: a file that is renamed into place once it is complete.
"""

from __future__ import annotations

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
