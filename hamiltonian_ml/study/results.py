"""Results on disk: every file is written whole or not at all.

In: labelled arrays. Out: netCDF files.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from hamiltonian_ml.bases.files import whole_file


class DamagedResultsError(OSError):
    """A file of results that is there and cannot be read as what `write_results` writes."""


def write_results(results: xr.DataTree | xr.Dataset, path: Path) -> None:
    """Write results to a netCDF file that ``xarray.open_datatree(path, engine="h5netcdf")`` reads.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with whole_file(path) as partial:
        results.to_netcdf(partial, engine="h5netcdf")


def read_results(path: Path, *, remedy: str = "restore it, or delete it and compute it again") -> xr.DataTree:
    """Return results written by `write_results`, in memory.

    Parameters
    ----------
    path : Path
    remedy : str
        What the error for a damaged file says to do.

    Raises
    ------
    DamagedResultsError
        If the file is empty, cut off or not netCDF.
    OSError
        If there is no such file, or the system does not let it be read.
    """
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    # Which of these HDF5 raises depends on the place that is damaged.
    except (OSError, ValueError, LookupError, RuntimeError, TypeError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's own, for instance no such file
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DamagedResultsError(f"{path} is damaged and cannot be read as netCDF ({reason}); {remedy}.") from error
