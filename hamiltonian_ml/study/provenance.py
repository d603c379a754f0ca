"""How a result was made: versions, commit and time, as attributes of the file that holds it.

In: nothing but the installed packages and, where there is one, the repository that this file is tracked in.
"""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_PACKAGES = (
    "hamiltonian_ml", "h5netcdf", "jax", "numba", "numpy", "optax", "qiskit", "qiskit-aer", "qiskit-ibm-runtime",
    "scikit-learn", "scipy", "xarray",
)  # fmt: skip
_OPTIONAL = ("quimb", "torch", "transformers")  # the referee's, and those of frozen models
_GIT_SECONDS = 5.0


def provenance() -> dict[str, str]:
    """Return what made a result, as text.

    Returns
    -------
    dict of str
        ``created`` (UTC, ISO 8601), ``python``, ``system``, ``version_<package>``; in a git checkout also ``commit``
        and ``uncommitted_changes`` ("yes" or "no"; netCDF files, which runs write, are none).
    """
    names = (*_PACKAGES, *(name for name in _OPTIONAL if find_spec(name) is not None))
    versions = {f"version_{name.replace('-', '_')}": version(name) for name in names}
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **versions,
        **commit_of(Path(__file__)),
    }


def commit_of(file: Path) -> dict[str, str]:
    """Return the commit that a tracked file is checked out at; nothing for a file that git does not track.

    An installed package may lie inside some other repository, whose commit says nothing about the package.
    """
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return {}
    commit = _git(file.parent, "rev-parse", "HEAD")
    changes = _git(file.parent, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(exclude,top)*.nc")
    if commit is None or changes is None:
        return {}
    return {"commit": commit, "uncommitted_changes": "yes" if changes else "no"}


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None if it fails, is slow or is not there."""
    try:
        run = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()
