"""Arrays and a description in one netCDF file that is checked when it is read.

In: named arrays and plain values. Out: the same, after a look at kind, version and checksum. Nothing is pickled:
reading a file runs nothing that is in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hamiltonian_ml.bases.files import whole_file

Arrays = Mapping[str, NDArray[Any]]
_SEAL_BYTES = 73  # a line with the SHA-256 of all that is before it


def write_archive(path: Path, arrays: Arrays, description: Any, *, kind: str, version: int) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    arrays : mapping of str to ndarray
        Of numbers or truth values.
    description : plain values
        What JSON can hold.
    kind, version : str, int
        What `read_archive` has to be asked for.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    text = json.dumps(description)
    variables: dict[str, Any] = {"description": ((), np.array(text, dtype=object))}
    for name, array in arrays.items():
        for part, values in _real_parts(name, array):
            variables[part] = (tuple(f"{part}_{axis}" for axis in range(values.ndim)), values)
    header = {"title": f"hamiltonian_ml {kind}", "format_version": version}
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    with whole_file(path) as partial:
        xr.Dataset(variables, attrs=header | {"arrays": json.dumps(shapes)}).to_netcdf(partial, engine="h5netcdf")
        with partial.open("ab") as file:  # HDF5 looks at nothing behind its own end
            file.write(_seal(partial.read_bytes()))


def read_archive(path: Path, *, kind: str, version: int) -> tuple[dict[str, NDArray[Any]], Any]:
    """Return the arrays and the description of a file that `write_archive` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is something else, damaged, or of a newer version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    content = path.read_bytes()
    wrong = f"{path} is not a {kind} file of hamiltonian_ml, or it is damaged:"
    # Before anything is parsed: HDF5 may hang on a damaged file.
    if content[-_SEAL_BYTES:] != _seal(content[:-_SEAL_BYTES]):
        raise ValueError(f"{wrong} its checksum does not fit.")
    try:
        with h5py.File(BytesIO(content)) as file:
            title, written = str(file.attrs["title"]), int(np.ravel(file.attrs["format_version"])[0])
            if title == f"hamiltonian_ml {kind}" and written <= version:
                shapes = json.loads(file.attrs["arrays"])
                arrays = {name: _array(file, name, *spec) for name, spec in shapes.items()}
                return arrays, json.loads(file["description"][()].decode())
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{wrong} it cannot be read as netCDF.") from error
    if title != f"hamiltonian_ml {kind}":
        raise ValueError(f"{wrong} it is a {title} file.")
    raise ValueError(f"{path} is of format {written}, and this hamiltonian_ml reads up to {version}: update it.")


def _real_parts(name: str, array: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    """Return what is stored for an array: nothing for an empty one, two arrays for a complex one."""
    if array.size == 0:
        return []
    if array.dtype.kind == "c":
        return [(f"{name}.real", array.real), (f"{name}.imag", array.imag)]
    return [(name, array.view(np.uint8) if array.dtype == bool else array)]


def _array(file: h5py.File, name: str, kind: str, shape: list[int]) -> NDArray[Any]:
    dtype = np.dtype(kind)
    if dtype.kind not in "biufc":
        raise TypeError(f"{name} is no array of numbers")
    if 0 in shape:
        return np.zeros(shape, dtype)
    if dtype.kind == "c":
        array = np.empty(shape, dtype)
        array.real, array.imag = file[f"{name}.real"][()], file[f"{name}.imag"][()]
        return array
    values: NDArray[Any] = file[name][()]
    return values.astype(dtype).reshape(shape)


def _seal(content: bytes) -> bytes:
    return b"\nsha256 " + hashlib.sha256(content).hexdigest().encode() + b"\n"
