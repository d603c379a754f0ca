"""How the loops of this folder are compiled, and when what was compiled before may be used again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

FUSED = ("contract", "reassoc")  # a product and its sum may round once


def compiling(sources: Path) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator for loops that call each other in a folder of ``sources``.

    Numba keeps machine code for each function until its own file changes, and so would run what it called before where
    only another file has changed. This decorator's machine code is for exactly the sources that there are.

    Sums may be reordered and divisions are not checked, so that loops run on vector units; infinities and NaN keep
    their meaning. The interpreter lock is released, so that rows of a batch can run in threads. Mind that a call in a
    loop counts references to the arrays it is given, at some 30 ns a call where there is a branch: within the loops
    over entries, functions take numbers.
    """
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(sources.rglob("*.py")))).hexdigest()[:16]

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(cache=True, nogil=True, fastmath=set(FUSED), error_model="numpy")(function)
        if hasattr(dispatcher, "_cache"):  # not where NUMBA_DISABLE_JIT is set
            # Where the version is another one, numba does not read what it has kept.
            dispatcher._cache._cache_file._version += f" for {digest}"
        return dispatcher

    return compiled


compiled = compiling(Path(__file__).parent)
