"""Results on disk: every file is written whole or not at all.

In: labelled arrays. Out: netCDF files.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from hamiltonian_ml.bases.files import whole_file


def write_results(results: xr.DataTree | xr.Dataset, path: Path) -> None:
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
