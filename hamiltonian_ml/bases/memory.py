"""How much memory there is, so that what cannot fit is refused before any work."""

from __future__ import annotations

import os
from pathlib import Path


def free_memory() -> int:
    """Return the bytes that can be allocated now, or all there are where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
