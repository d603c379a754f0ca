"""What the commands share: where files may go, and how results are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import typer


def check_folder(folder: Path, *, option: str = "--out") -> None:
    """Raise ValueError before the work begins if files could not be written to a folder, which need not exist."""
    nearest = folder.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir():
        raise ValueError(f"{option} must be a folder, but {nearest} is a file; choose another.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ValueError(f"{option} must be a folder that you may write to, but {nearest} is not; choose another.")


def check_file(path: Path, *, option: str = "--out") -> None:
    """Raise ValueError before the work begins if a file could not be written."""
    if path.is_dir():
        raise ValueError(f"{option} must be a file, but {path} is a folder; add a name.")
    check_folder(path.parent, option=f"the folder of {option}")


def is_watched(*, quiet: bool) -> bool:
    """Return whether somebody looks at stderr and wants to see progress."""
    return is_terminal(sys.stderr) and not quiet


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream ends on a screen."""
    return stream.isatty()


def show(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print results as one JSON object, or as one line each; numbers that are not there are left out of the lines."""
    if as_json:
        typer.echo(json.dumps({key: None if _is_absent(value) else value for key, value in found.items()}))
        return
    shown = {key.replace("_", " "): value for key, value in found.items() if not _is_absent(value)}
    width = max(map(len, shown))
    for key, value in shown.items():
        typer.echo(f"{key:{width}}  {value:.3f}" if isinstance(value, float) else f"{key:{width}}  {value}")


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
