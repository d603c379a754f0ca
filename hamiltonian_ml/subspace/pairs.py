"""The innermost loop: add both triangles' share of every pair of states, a complex number as one vector.

Written plainly, the compiler loads and stores real and imaginary parts one by one, and the loop is bound by its loads
and stores. Here a complex number is two floats in one register of the processor's vector unit, spelled in LLVM's own
terms: half as many accesses. Where a processor has no such unit, LLVM falls back to plain floats by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from hamiltonian_ml.subspace.jit import FUSED, compiled

_PAIR = ir.VectorType(ir.DoubleType(), 2)
_ALIGNMENT = 8  # NumPy promises no more
_CACHED = 1 << 16  # amplitudes of which two vectors lie in a core's own cache
AHEAD = 256  # pairs after the present one whose amplitudes are asked for: six flips or so of a block


def add_pairs(left: Any, right: Any, codes: Any, table: Any, x: Any, y: Any) -> None:
    """Add table[codes[k]] x[right[k]] to y[left[k]], and its conjugate times x[left[k]] to y[right[k]], for all k."""
    for k in range(len(left)):  # what compiled callers get instead is chosen below
        y[left[k]] += table[codes[k]] * x[right[k]]
        y[right[k]] += np.conj(table[codes[k]]) * x[left[k]]


@overload(add_pairs)
def _choose_loop(left, right, codes, table, x, y):
    return _add_complex_pairs if isinstance(table.dtype, types.Complex) else _add_real_pairs


def _add_complex_pairs(left, right, codes, table, x, y):
    if len(x) > _CACHED:
        _add_far_pairs(left, right, codes, table, x, y)
        return
    for k in range(len(left)):
        _add_pair(np.uint64(left[k]), np.uint64(right[k]), np.uint64(codes[k]), table, x, y)


@compiled
def _add_far_pairs(left, right, codes, table, x, y):
    """Do the same where amplitudes come from the memory, and ask for those of later pairs."""
    later = right[min(AHEAD, len(right)) :]  # places that are never negative cost no comparison
    for k in range(len(later)):
        _fetch(np.uint64(later[k]), x, y)
        _add_pair(np.uint64(left[k]), np.uint64(right[k]), np.uint64(codes[k]), table, x, y)
    last = len(later)
    left, right, codes = left[last:], right[last:], codes[last:]
    for k in range(len(left)):
        _add_pair(np.uint64(left[k]), np.uint64(right[k]), np.uint64(codes[k]), table, x, y)


def _add_real_pairs(left, right, codes, table, x, y):
    for k in range(len(left)):
        u, v, element = left[k], right[k], table[codes[k]]
        y[u] += element * x[v]
        y[v] += element * x[u]


@intrinsic
def _add_pair(typing, left, right, code, table, x, y):
    """Do one step of the loop for contiguous complex arrays: four loads, four fused products and two stores."""
    arrays = (table, x, y)
    if any(not isinstance(a, types.Array) or a.dtype != types.complex128 or a.layout != "C" for a in arrays):
        raise TypeError(f"table, x and y must be contiguous arrays of complex128, got {arrays}.")

    def generate(context, builder, signature, values):
        table, x, y = (_numbers(context, builder, *pair) for pair in zip(signature.args[3:], values[3:], strict=True))
        left, right, code = values[:3]
        element = _load(builder, table, code)
        real, imaginary = (_shuffle(builder, element, part, part) for part in (0, 1))
        turning = builder.fmul(imaginary, ir.Constant(_PAIR, [-1.0, 1.0]))  # i times (a, b) is (-b, a)
        opposite = builder.fneg(turning)
        upper, lower = _load(builder, x, left), _load(builder, x, right)
        for place, other, turn in ((left, lower, turning), (right, upper, opposite)):
            total = builder.fadd(_load(builder, y, place), builder.fmul(real, other, FUSED), FUSED)
            total = builder.fadd(total, builder.fmul(turn, _shuffle(builder, other, 1, 0), FUSED), FUSED)
            builder.store(total, _place(builder, y, place)).align = _ALIGNMENT
        return context.get_dummy_value()

    return types.void(left, right, code, table, x, y), generate


@intrinsic
def _fetch(typing, place, x, y):
    """Ask for amplitudes that will be read in x and changed in y; nothing waits for them."""

    def generate(context, builder, signature, values):
        number, address = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [address, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for is_changed, pair in enumerate(zip(signature.args[1:], values[1:], strict=True)):
            where = builder.bitcast(_place(builder, _numbers(context, builder, *pair), values[0]), address)
            builder.call(fetch, [where, *(ir.Constant(number, n) for n in (is_changed, 3, 1))])  # for all caches, data
        return context.get_dummy_value()

    return types.void(place, x, y), generate


def _numbers(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return a pointer to an array's first float."""
    return builder.bitcast(context.make_array(kind)(context, builder, value).data, ir.DoubleType().as_pointer())


def _place(builder: Any, numbers: Any, index: Any) -> Any:
    floats = builder.gep(numbers, [builder.shl(index, index.type(1))], inbounds=True)
    return builder.bitcast(floats, _PAIR.as_pointer())


def _load(builder: Any, numbers: Any, index: Any) -> Any:
    loaded = builder.load(_place(builder, numbers, index))
    loaded.align = _ALIGNMENT
    return loaded


def _shuffle(builder: Any, vector: Any, *order: int) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), 2), list(order))
    return builder.shuffle_vector(vector, ir.Constant(_PAIR, ir.Undefined), mask)
