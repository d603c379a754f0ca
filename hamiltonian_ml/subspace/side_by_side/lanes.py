"""Several rows side by side in one register: a vector of floats as a type of compiled code.

An array of `lane_type` has one item for each basis state: real and imaginary parts of the amplitudes of some rows, or
the real amplitudes of twice as many. Compiled loops `get` an item, calculate with ``+``, ``-``, ``*``, ``/`` and the
functions below, and `put` it back. Each is one instruction of the processor's vector unit; where the unit is narrower,
LLVM cuts the vector by itself.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model
from numpy.typing import NDArray

from hamiltonian_ml.subspace.jit import FUSED

_LINE = 64  # bytes of a cache line
_NAMES = {"single": np.float32, "double": np.float64}


def lane_type(width: int, precision: str = "single") -> np.dtype[Any]:
    """Return the type of items of ``width`` floats in single or double precision."""
    return np.dtype([(precision, _NAMES[precision], (width,))])


def empty_lanes(n_items: int, width: int, precision: str = "single") -> NDArray[Any]:
    """Return a vector (n_items,) of zeros, in which no item lies on more cache lines than it must."""
    kind = lane_type(width, precision)
    room = np.zeros(n_items * kind.itemsize + _LINE, dtype=np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + n_items * kind.itemsize].view(kind)


class Lanes(types.Type):  # type: ignore[misc]
    """The type of one item in compiled code."""

    def __init__(self, width: int, precision: str) -> None:
        self.width, self.precision = width, precision
        super().__init__(name=f"Lanes({width}, {precision})")

    @property
    def vector(self) -> Any:
        """The type of the register."""
        return ir.VectorType(ir.FloatType() if self.precision == "single" else ir.DoubleType(), self.width)

    @property
    def item(self) -> Any:
        """Numba's type of one float."""
        return types.float32 if self.precision == "single" else types.float64


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, kind.vector)


class _Arithmetic(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 2 and isinstance(args[0], Lanes) and args[0] == args[1]:
            return signature(args[0], *args)
        return None


def _define(sign: Any, method: str) -> None:
    infer_global(sign)(type(f"_{method}", (_Arithmetic,), {"key": sign}))

    @lower_builtin(sign, Lanes, Lanes)
    def generate(context, builder, sig, args):
        return getattr(builder, method)(*args, flags=FUSED)


for _sign in (operator.add, operator.iadd):
    _define(_sign, "fadd")
for _sign, _method in ((operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv")):
    _define(_sign, _method)


@intrinsic
def get(typing, array, place):
    """Return the item of an array at a place."""
    kind = _kind(array)

    def generate(context, builder, sig, args):
        loaded = builder.load(_pointer(context, builder, sig, args))
        loaded.align = _alignment(kind)
        return loaded

    return kind(array, place), generate


@intrinsic
def put(typing, array, place, item):
    """Write an item to a place of an array."""
    if item != _kind(array):
        raise TypeError(f"only {_kind(array)} can be put into this array, got {item}.")

    def generate(context, builder, sig, args):
        stored = builder.store(args[2], _pointer(context, builder, sig, args))
        stored.align = _alignment(item)
        return context.get_dummy_value()

    return types.void(array, place, item), generate


@intrinsic
def put_float(typing, array, place, lane, value):
    """Write one float of an item."""
    kind = _kind(array)

    def generate(context, builder, sig, args):
        where = _pointer_to_float(context, builder, sig, args)
        builder.store(context.cast(builder, args[3], sig.args[3], kind.item), where)
        return context.get_dummy_value()

    return types.void(array, place, lane, value), generate


@intrinsic
def get_float(typing, array, place, lane):
    """Return one float of an item, in double precision."""
    kind = _kind(array)

    def generate(context, builder, sig, args):
        loaded = builder.load(_pointer_to_float(context, builder, sig, args))
        return context.cast(builder, loaded, kind.item, types.float64)

    return types.float64(array, place, lane), generate


@intrinsic
def swapped(typing, item):
    """Exchange the two floats of every pair: real and imaginary parts."""

    def generate(context, builder, sig, args):
        order = ir.Constant(ir.VectorType(ir.IntType(32), item.width), [k ^ 1 for k in range(item.width)])
        return builder.shuffle_vector(args[0], ir.Constant(args[0].type, ir.Undefined), order)

    return item(item), generate


@intrinsic
def real_parts(typing, item):
    """Write the real part of each pair over both floats."""

    def generate(context, builder, sig, args):
        order = ir.Constant(ir.VectorType(ir.IntType(32), item.width), [k & ~1 for k in range(item.width)])
        return builder.shuffle_vector(args[0], ir.Constant(args[0].type, ir.Undefined), order)

    return item(item), generate


@intrinsic
def imaginary_parts(typing, item):
    """Write the imaginary part of each pair over both floats, the second with its sign turned."""

    def generate(context, builder, sig, args):
        order = ir.Constant(ir.VectorType(ir.IntType(32), item.width), [k | 1 for k in range(item.width)])
        both = builder.shuffle_vector(args[0], ir.Constant(args[0].type, ir.Undefined), order)
        return builder.fmul(both, ir.Constant(item.vector, [1.0 - 2.0 * (k & 1) for k in range(item.width)]))

    return item(item), generate


@intrinsic
def larger(typing, first, second):
    """Return the larger of two floats in each lane."""

    def generate(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return first(first, second), generate


@intrinsic
def zero_like(typing, item):
    """Return zeros."""

    def generate(context, builder, sig, args):
        return ir.Constant(args[0].type, None)

    return item(item), generate


@intrinsic
def filled_like(typing, item, value):
    """Return one number in every lane."""

    def generate(context, builder, sig, args):
        number = context.cast(builder, args[1], sig.args[1], item.item)
        one = builder.insert_element(ir.Constant(item.vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), item.width), [0] * item.width)
        return builder.shuffle_vector(one, ir.Constant(item.vector, ir.Undefined), order)

    return item(item, value), generate


@intrinsic
def single(typing, item):
    """Round an item of double precision."""
    kind = Lanes(item.width, "single")

    def generate(context, builder, sig, args):
        return builder.fptrunc(args[0], kind.vector)

    return kind(item), generate


@intrinsic
def double(typing, item):
    """Return an item of single precision in double precision."""
    kind = Lanes(item.width, "double")

    def generate(context, builder, sig, args):
        return builder.fpext(args[0], kind.vector) if item.precision == "single" else args[0]

    return kind(item), generate


@intrinsic
def fetch(typing, array, place):
    """Ask for an item that will be needed soon; nothing waits for it."""
    _kind(array)

    def generate(context, builder, sig, args):
        number, address = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [address, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        where = builder.bitcast(_pointer(context, builder, sig, args), address)
        builder.call(function, [where, *(ir.Constant(number, n) for n in (1, 3, 1))])  # to change, all caches, data
        return context.get_dummy_value()

    return types.void(array, place), generate


def _kind(array: Any) -> Lanes:
    """Return the type of an array's items."""
    if not isinstance(array, types.Array) or not isinstance(array.dtype, types.Record) or array.layout != "C":
        raise TypeError(f"array must be a contiguous vector of lane_type(...), got {array}.")
    precision = next(iter(array.dtype.fields))
    return Lanes(array.dtype.size // np.dtype(_NAMES[precision]).itemsize, precision)


def _alignment(kind: Lanes) -> int:
    return min(int(kind.width) * (4 if kind.precision == "single" else 8), _LINE)


def _pointer(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Return a pointer to the item of the first argument at the second; a narrow index is widened as its sign tells."""
    kind, place = sig.args[0], context.cast(builder, args[1], sig.args[1], types.intp)
    items = builder.bitcast(context.make_array(kind)(context, builder, args[0]).data, _kind(kind).vector.as_pointer())
    return builder.gep(items, [place], inbounds=True)


def _pointer_to_float(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Return a pointer to the float of that item that the third argument names."""
    item, lane = _pointer(context, builder, sig, args), context.cast(builder, args[2], sig.args[2], types.intp)
    return builder.gep(builder.bitcast(item, _kind(sig.args[0]).vector.element.as_pointer()), [lane], inbounds=True)
