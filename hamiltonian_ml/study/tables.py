"""Tables from a user's files, checked column by column before anything is learned from them.

In: CSV or Parquet files. Out: pandas frames, and features as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
LARGEST_VALUE = 1e100  # squares, and sums of many of them, stay finite
_PARQUET = (".parquet", ".pq")


def read_table(path: str | Path) -> pd.DataFrame:
    """Return the table that a file holds.

    Parameters
    ----------
    path : path_like
        Comma-separated (``.csv``), tab-separated (``.tsv``) or Parquet (``.parquet``, ``.pq``; needs pyarrow). The
        first line of text files names the columns. Words such as ``NA`` and ``null`` mean that a number is missing; in
        a column that holds other text they are text.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of another kind, cannot be read as what its name says, or has no rows or no columns.
    ImportError
        If pyarrow is needed and missing.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in (*_SEPARATORS, *_PARQUET):
        allowed = ", ".join((*_SEPARATORS, *_PARQUET))
        raise ValueError(f"{path} must be a table whose name ends in one of {allowed}; convert it or rename it.")
    if not file.is_file():
        raise FileNotFoundError(f"{path} is a folder, not a table." if file.is_dir() else f"there is no file {path}.")
    try:
        table = _read_text(file, _SEPARATORS[kind]) if kind in _SEPARATORS else _read_parquet(file)
    except (ValueError, ArithmeticError, LookupError) as error:  # what parsers raise derives from these
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read as a {kind[1:]} table: {reason.rstrip('.')}.") from error
    if not len(table) or not len(table.columns):
        raise ValueError(f"{path} has {len(table)} rows and {len(table.columns)} columns; a table needs one of each.")
    table.columns = table.columns.map(str)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"{path} has the column {twice[0]!r} twice; give columns different names.")
    return table


def require_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise ValueError that names the first column that is not there, and those that are."""
    for name in names:
        if name not in table.columns:
            other = next((mark for mark in ";\t" if len(table.columns) == 1 and mark in table.columns[0]), None)
            hint = "" if other is None else f"; it seems to be separated by {other!r}: save it with commas"
            raise ValueError(f"there is no column {name!r}; the table has {listed(table.columns)}{hint}.")


def row_numbers(table: pd.DataFrame) -> list[str]:
    """Return the name of the first column if that is what ``DataFrame.to_csv`` writes unasked: no name, whole numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> row_numbers(pd.DataFrame({"Unnamed: 0": [0, 1], "width": [0.5, 0.6]}))
    ['Unnamed: 0']
    """
    first = table.columns[0]
    counts = first == "Unnamed: 0" and pd.api.types.is_integer_dtype(table[first]) and table[first].is_unique
    return [first] if counts else []


def numbers_of(table: pd.DataFrame, *, may_drop: bool = True) -> pd.DataFrame:
    """Return the columns as finite floats (n_rows, n_columns), or raise ValueError that names column and row.

    Rows are counted from 1, without the line of names. ``may_drop``: whether errors may advise to leave a column out.
    """
    columns = {name: _numbers(table[name], str(name), may_drop) for name in table.columns}
    return pd.DataFrame(columns, index=table.index)


def in_numpy(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column without gaps whose numbers or truth values, if it holds such, are NumPy's and not Arrow's.

    Examples
    --------
    >>> import pandas as pd
    >>> in_numpy(pd.Series([1, 0], dtype="Int64")).dtype
    dtype('int64')
    """
    kind = column.dtype
    numbers = pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind)
    if not numbers or not isinstance(kind, pd.api.extensions.ExtensionDtype):
        return column
    inner = np.dtype(getattr(kind, "numpy_dtype", object))
    return column.astype(inner if inner.kind in "biufc" else np.dtype(np.float64))  # of decimals, for instance


def _read_text(file: Path, separator: str) -> pd.DataFrame:
    table = pd.read_csv(file, sep=separator, low_memory=False)  # one kind for all cells of a column
    words = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, na_values=[""])
    for k in range(len(table.columns)):  # NA among other words is one of them
        column = table.iloc[:, k]
        if any(isinstance(cell, str) for cell in column):
            table.isetitem(k, column.where(column.notna(), words.iloc[:, k]).array)
    names = pd.read_csv(file, sep=separator, header=None, nrows=1, dtype=str).iloc[0]
    if len(names) == len(table.columns):  # pandas would give a second column of one name another
        table.columns = names.where(names.notna(), table.columns.to_series(index=names.index))
    return table


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file, engine="pyarrow")
    except ImportError:
        raise ImportError(
            "reading Parquet needs pyarrow; run pip install -e '.[tables]' in the checkout, or use CSV."
        ) from None


def _numbers(column: pd.Series[Any], name: str, may_drop: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    allowed = pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column)
    if not allowed or pd.api.types.is_complex_dtype(column):
        advice = ", encode the column or leave it out with --drop" if may_drop else " or encode the column"
        raise ValueError(f"column {name!r} holds {_first_of_no_number(column)}; correct it{advice}.")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if (np.abs(values[np.isfinite(values)]) > LARGEST_VALUE).any():
        raise ValueError(f"column {name!r} holds numbers beyond {LARGEST_VALUE:.0e}; give it in another unit.")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        advice = ", remove these rows or leave it out with --drop" if may_drop else " or remove these rows"
        raise ValueError(
            f"column {name!r} is empty or not finite in {len(bad)} of {len(values)} rows, first in row {bad[0] + 1}; "
            f"fill it{advice}."
        )
    return values


def _first_of_no_number(column: pd.Series[Any]) -> str:
    """Return the first cell that is no number, and where it is."""
    cells = [(row, cell) for row, cell in enumerate(column, start=1) if isinstance(cell, str)]
    for row, cell in cells:
        if np.isnan(pd.to_numeric(cell, errors="coerce")):
            return f"{cell!r} in row {row}, not a number"
    return f"the text {cells[0][1]!r}, not numbers" if cells else f"{column.dtype}, not numbers"


def listed(names: Sequence[Any] | pd.Index[Any], most: int = 12) -> str:
    """Return names in quotes, with no more than the first few of a long list."""
    shown = ", ".join(map(repr, list(names)[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
