"""Reductions over any dimensions of any layout, compiled for this processor. Knows how to see an array as rows or
columns and where to cut it; kernels/host/reduce.cu does the rest."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel, loading
from autograd_gpu.arrays.native.rows import contiguous, shares
from autograd_gpu.arrays.native.runtime import KIND, NAME, library, signature
from autograd_gpu.arrays.sources import SCALARS

__all__ = ["all", "amax", "amin", "any", "max_with_index", "mean", "min_with_index", "prod", "sum", "var"]

BOOL, INT64, BYTE = np.dtype(bool), np.dtype(np.int64), np.dtype(np.uint8)
STRIP = 64  # as in reduce.cu: neighbouring columns at a time
# Outputs fewer than this are cut into slices, none shorter than SLICE elements.
ENOUGH, SLICE = 16, 32768
MOST_PLACES = 2**31 - 1  # a place among elements no wider than 32 bits is as wide as they are


class Reduction:
    """The kernels of one reduction, and the state they share: an `A` in `state` is the type computed in, an `S` that of
    sums (double for float and half types), a `P` a place."""

    def __init__(self, name: str, state: str) -> None:
        self._state = state
        self.rows, self.columns = (Kernel("reduce.cu", f"{way}_{name}", "PPPPdqqqq") for way in ("rows", "columns"))
        self.merge = Kernel("reduce.cu", f"merge_{name}", "PiqPPd")

    @functools.cache  # noqa: B019  (reductions are module constants)
    def state_bytes(self, dtype: np.dtype) -> int:
        computed = SCALARS[NAME[dtype]][2]
        place = "q" if computed in "dq" else "i"
        whole = computed in "iq"
        letters = self._state.replace("A", computed).replace("S", computed if whole else "d").replace("P", place)
        return struct.calcsize("@" + letters)


_sum, _sum_of_whole, _prod = Reduction("sum", "S"), Reduction("sum_wide", "q"), Reduction("prod", "A")
_any, _all = Reduction("any", "i"), Reduction("all", "i")
_max, _min = Reduction("max", "AP"), Reduction("min", "AP")
_amax, _amin = Reduction("amax", "A"), Reduction("amin", "A")
_var = Reduction("var", "ddd")
_OF_ONE = (_sum, _sum_of_whole, _any, _all, _amax, _amin)  # which of a number repeated need it once


def _in_one_pass(
    reduction: Reduction, wide: Reduction | None = None, *, gives: np.dtype | None = None, divides: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a reduction: made in C++ (runtime/reduction.cpp), for what takes one pass; itself for the others."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        lib, has_dtype = library(), function.__code__.co_argcount == 4

        def load(dtype: np.dtype) -> None:
            for is_wide, each in enumerate((reduction, wide)):
                ways = () if each is None else (each.rows, each.columns)
                addresses = [way.address(dtype) for way in ways]
                if addresses and None not in addresses:
                    lib.host_reduction_entries(record, is_wide, KIND[dtype], *map(ctypes.c_void_p, addresses))

        kind = -1 if gives is None else KIND[gives]
        record = lib.host_reduction(kind, has_dtype, divides, ctypes.py_object(loading(load, function)))
        record = ctypes.c_void_p(record)
        return lib.host_reduction_function(record, function.__name__.encode(), signature(function))

    return decorate


@_in_one_pass(_sum, _sum_of_whole)
def sum(x, dims, keepdim, dtype):
    if x.dtype == dtype:
        out = _reduce(_sum, x, dims, keepdim)
    elif dtype == _wide(x.dtype):
        out = _reduce(_sum_of_whole, x, dims, keepdim, result=dtype)
    else:
        out = None
    return cpu.sum(x, dims, keepdim, dtype) if out is None else out


@_in_one_pass(_sum, divides=True)
def mean(x, dims, keepdim):
    out = _reduce(_sum, x, dims, keepdim, divisor=math.prod([x.shape[d] for d in dims]))
    return cpu.mean(x, dims, keepdim) if out is None else out


@_in_one_pass(_prod)
def prod(x, dims, keepdim, dtype):
    out = _reduce(_prod, x, dims, keepdim) if x.dtype == dtype else None
    return cpu.prod(x, dims, keepdim, dtype) if out is None else out


@_in_one_pass(_amax)
def amax(x, dims, keepdim):
    out = _reduce(_amax, x, dims, keepdim)
    return cpu.amax(x, dims, keepdim) if out is None else out


@_in_one_pass(_amin)
def amin(x, dims, keepdim):
    out = _reduce(_amin, x, dims, keepdim)
    return cpu.amin(x, dims, keepdim) if out is None else out


@_in_one_pass(_any, gives=BOOL)
def any(x, dims, keepdim):
    out = _reduce(_any, x, dims, keepdim, result=BOOL)
    return cpu.any(x, dims, keepdim) if out is None else out


@_in_one_pass(_all, gives=BOOL)
def all(x, dims, keepdim):
    out = _reduce(_all, x, dims, keepdim, result=BOOL)
    return cpu.all(x, dims, keepdim) if out is None else out


def var(x, dims, keepdim, correction):
    count = math.prod([x.shape[d] for d in dims])
    out = _reduce(_var, x, dims, keepdim, divisor=max(count - correction, 0))
    return cpu.var(x, dims, keepdim, correction) if out is None else out


def max_with_index(x, dim, keepdim):
    out = _reduce(_max, x, (dim,), keepdim, indexed=True)
    return cpu.max_with_index(x, dim, keepdim) if out is None else out


def min_with_index(x, dim, keepdim):
    out = _reduce(_min, x, (dim,), keepdim, indexed=True)
    return cpu.min_with_index(x, dim, keepdim) if out is None else out


def _wide(dtype):
    """What a sum is wanted in when not in its own type: an integer's in 64 bits, a half type's in float."""
    if dtype.kind in "iub":
        return INT64
    return np.dtype(np.float32) if dtype.itemsize == 2 else None


def _reduce(reduction, x, dims, keepdim, divisor=1, result=None, indexed=False):
    """The reduction, with the places of what it found where it is `indexed`; None leaves it to NumPy."""
    if not dims or x.size == 0 or reduction.rows[x.dtype] is None:
        return None
    repeated = [d for d in dims if x.strides[d] == 0 and x.shape[d] > 1] if 0 in x.strides else []
    if repeated and reduction in _OF_ONE:
        # Once is enough: a sum's gradient, on its way to what was broadcast, is one number.
        count = math.prod(x.shape[d] for d in repeated)
        x = x[tuple(slice(1) if d in repeated else slice(None) for d in range(x.ndim))]
        if reduction in (_sum, _sum_of_whole):
            if x.dtype.kind in "fV" and x.itemsize < 8:
                divisor /= count  # in float64, before the result is rounded
            else:
                out = _reduce(reduction, x, dims, keepdim, divisor, result)
                return None if out is None else np.multiply(out, np.int64(count), out=out, casting="unsafe")
    plan = _plan(x.shape, x.strides, x.itemsize, dims)
    if plan is None:  # other dimensions between those reduced, or gaps: a copy that lies as rows
        x = _as_rows(x, dims)
        plan = _plan(x.shape, x.strides, x.itemsize, dims)
    if plan is None or (indexed and plan.sizes[1 - plan.by_rows] > MOST_PLACES):
        return None
    dtype = x.dtype
    out = np.empty(plan.shape, result or dtype)
    indices = np.empty(plan.shape, INT64) if indexed else None
    slices = plan.slices
    partial = np.empty(slices * out.size * reduction.state_bytes(dtype), BYTE) if slices > 1 else None
    run = (reduction.rows if plan.by_rows else reduction.columns)[dtype]
    grid = shares(plan.parts, x.size), slices
    run(grid, x.size, x, partial, out, indices, float(divisor), *plan.sizes, plan.slice)
    if partial is not None:
        work = slices * out.size
        reduction.merge[dtype](shares(out.size, work), work, partial, slices, out.size, out, indices, float(divisor))
    out = _arranged(out, plan, keepdim)
    return (out, _arranged(indices, plan, keepdim)) if indexed else out


class _Plan(NamedTuple):
    by_rows: bool
    sizes: tuple[int, int, int]  # (segments, outputs, length) of rows, (outer, n, inner) of columns
    parts: int  # that threads may share
    slice: int
    slices: int
    shape: tuple[int, ...]  # of the results with dimensions of size 1 kept, in the order of memory
    order: tuple[int, ...] | None  # back from that order, where it is not the array's own
    final: tuple[int, ...]  # the results' shape without the dimensions of size 1


# Host time counts: a training step asks for the same few reductions again and again.
@functools.lru_cache(maxsize=4096)
def _plan(shape, strides, itemsize, dims):
    """How to go along an array of this layout; None where it has gaps, or too many dimensions take turns."""
    order = sorted(range(len(shape)), key=lambda d: -strides[d] if shape[d] > 1 else -math.inf)
    step = itemsize
    for d in reversed(order):
        if shape[d] > 1 and strides[d] != step:
            return None
        step *= shape[d]
    turns = [
        (reduced, math.prod(shape[d] for d in group))
        for reduced, group in itertools.groupby((d for d in order if shape[d] > 1), key=dims.__contains__)
    ]
    kinds, sizes = tuple(reduced for reduced, _ in turns), [size for _, size in turns]
    if kinds in ((), (False,)):
        by_rows, sizes = True, (1, math.prod(sizes), 1)
    elif kinds in ((True,), (False, True), (True, False, True)):
        by_rows, sizes = True, ((1,) * (3 - len(sizes)) + tuple(sizes))
    elif kinds in ((True, False), (False, True, False)):
        by_rows, sizes = False, ((1,) * (3 - len(sizes)) + tuple(sizes))
    else:
        return None
    parts, along, thickness = _extent(by_rows, sizes)
    slices = max(1, min(-(-ENOUGH // parts), along * thickness // SLICE)) if parts < ENOUGH else 1
    slice_length = -(-along // slices)
    kept = tuple(1 if d in dims else shape[d] for d in order)
    back = None if order == sorted(order) else tuple(sorted(range(len(order)), key=order.__getitem__))
    final = tuple(size for d, size in enumerate(shape) if d not in dims)
    return _Plan(by_rows, sizes, parts, slice_length, -(-along // slice_length), kept, back, final)


def _extent(by_rows, sizes):
    """What threads can share, what can be sliced, and how many elements lie in one step of that."""
    if not by_rows:
        outer, n, inner = sizes
        return outer * -(-inner // STRIP), n, min(inner, STRIP)
    segments, outputs, length = sizes
    return (outputs, segments, length) if segments > 1 else (outputs, length, 1)


def _as_rows(x, dims):
    """A copy whose kept dimensions come first in memory, its dimensions in the order of x's own."""
    order = [*(d for d in range(x.ndim) if d not in dims), *dims]
    return contiguous(x.transpose(order)).transpose(sorted(range(x.ndim), key=order.__getitem__))


def _arranged(out, plan, keepdim):
    if plan.order is not None:
        out = contiguous(out.transpose(plan.order))
    return out if keepdim else out.reshape(plan.final)
