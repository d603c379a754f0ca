"""How the loops of this folder are compiled."""

from __future__ import annotations

from numba import njit

FUSED = ("contract", "reassoc")  # a product and its sum may round once

# Sums may be reordered and divisions are not checked, so that loops run on vector units; infinities and NaN keep their
# meaning. The interpreter lock is released, so that rows of a batch can run in threads. Mind that a call in a loop
# counts references to the arrays it is given, at some 30 ns a call where there is a branch: within the loops over
# entries, functions take numbers.
compiled = njit(cache=True, nogil=True, fastmath=set(FUSED), error_model="numpy")
