"""Results on disk: every file is written whole or not at all.

In: labelled arrays, or any function that writes a file. Out: files that are renamed into place once complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, and rename it to ``path`` when the block ends without an error.

    After an error the temporary file is gone and a file that was at ``path`` before is as it was.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_results(results: xr.DataTree, path: Path) -> None:
    """Write results to a netCDF file that ``xarray.open_datatree(path, engine="h5netcdf")`` reads.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with whole_file(path) as partial:
        results.to_netcdf(partial, engine="h5netcdf")


def read_results(path: Path) -> xr.DataTree:
    """Return results written by `write_results`, in memory.

    Raises
    ------
    OSError
        If there is no such file, or it is not netCDF.
    """
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()
