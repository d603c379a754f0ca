"""How much memory there is, so that what cannot fit is refused before any work.

In: what the system tells. Out: bytes. A container or a job of a cluster may have less than its machine.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path


def free_memory(processes: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that this process can allocate now, or all there are where the system does not tell.

    It is the least of what the machine has free, what is left to the control groups that the process is in (versions 1
    and 2), and to its own address space (``ulimit -v``). ``processes`` and ``groups`` are where Linux tells.
    """
    return max(min(_of_machine(processes), _of_address_space(processes), *_of_groups(processes, groups)), 0)


def _of_machine(processes: Path) -> int:
    try:
        return _entry(processes / "meminfo", "MemAvailable:") * 1024
    except (OSError, LookupError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_address_space(processes: Path) -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 2**63
    try:
        return limit - _entry(processes / "self/status", "VmSize:") * 1024
    except (OSError, LookupError):
        return limit


def _of_groups(processes: Path, groups: Path) -> Iterator[int]:
    """Yield what is left to each control group with a limit, from that of the process to the outermost."""
    try:
        lines = (processes / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = groups, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top, names = groups / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        inner = top / path.lstrip("/")
        for folder in (inner, *(parent for parent in inner.parents if parent.is_relative_to(top))):
            try:
                yield _left(folder, *names)
            except (OSError, LookupError, ValueError):  # no limit ("max"), or not shown to this container
                continue


def _left(folder: Path, limit: str, used: str, cached: str) -> int:
    """Return a group's limit less its use; cached files that nobody reads give way."""
    spare = int((folder / limit).read_text()) - int((folder / used).read_text())
    return spare + _entry(folder / "memory.stat", cached)


def _entry(path: Path, name: str) -> int:
    """Return the number after a name in a file of lines ``name number``; LookupError if the name is not there."""
    for line in path.read_text().splitlines():
        if line.split()[:1] == [name]:
            return int(line.split()[1])
    raise LookupError(name)
