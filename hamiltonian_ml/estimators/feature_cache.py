"""Arrays on disk by what they were computed from, so that nothing is computed twice.

In: keys, which are hashes of content, and rows of numbers. Out: the rows that are known. One SQLite file, whose
transactions keep it whole whenever a process ends; several processes may share it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_FILE = "features.sqlite"
_PATIENCE = 60.0  # seconds to wait for another process that is writing
_AT_ONCE = 500  # variables in one query; SQLite allows 999 in its oldest versions


def content_key(*parts: str) -> str:
    """Return a hash of some texts, each told apart from the next."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def file_hash(paths: Iterable[Path]) -> str:
    """Return a hash of names and contents of files, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.name):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class FeatureCache:
    """Rows of 32-bit floats by key, in one file of a folder.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.

    Raises
    ------
    ValueError
        If the folder cannot be made, or holds a file of that name which is no such cache.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            raise ValueError(f"cache must be a folder to write to, and {folder} is not: {error}.") from None

    def find(self, keys: Sequence[str]) -> dict[str, Array]:
        """Return the known rows among some keys."""
        found: dict[str, Array] = {}
        with closing(self._open()) as database:
            for start in range(0, len(keys), _AT_ONCE):
                asked = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(asked))
                # Only question marks go into the text of the query.
                query = f"SELECT key, value FROM features WHERE key IN ({marks})"
                found |= {key: np.frombuffer(value, "<f4") for key, value in database.execute(query, asked)}
        return found

    def keep(self, rows: Mapping[str, Array]) -> None:
        """Write rows, all or none of them."""
        with closing(self._open()) as database, database:
            blobs = ((key, np.ascontiguousarray(row, "<f4").tobytes()) for key, row in rows.items())
            database.executemany("INSERT OR IGNORE INTO features VALUES (?, ?)", blobs)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=_PATIENCE)
