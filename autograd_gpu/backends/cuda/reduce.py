"""Reductions on the GPU, over any dimensions of any layout. Knows how to split the work; kernels/reduce.cu does it.

Of the same family, each in a file of its own: running sums (scan.py) and sorting (sort.py).
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.cast import cast
from autograd_gpu.backends.cuda.compile import SCALARS, dtype_name
from autograd_gpu.backends.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.backends.cuda.memory import copy, empty
from autograd_gpu.backends.cuda.scan import cumsum
from autograd_gpu.backends.cuda.sort import sort
from autograd_gpu.backends.cuda.strides import MAX_STRIDED, element_strides, layout_format, pack_layout

__all__ = [
    "all", "amax", "amin", "any", "cumsum", "max_with_index", "mean", "min_with_index", "prod", "sort", "sum", "var",
]  # fmt: skip

Array = Any

BOOL, INT64, BYTE = np.dtype(bool), np.dtype(np.int64), np.dtype(np.uint8)

THREADS = 256
# Fewer blocks than this leave a GPU idle: cut the reduction into slices, but none so thin that a thread of it
# takes fewer elements than THIN.
ENOUGH_BLOCKS = 1024
THIN = 16

WALK = struct.Struct("@4q" + 2 * layout_format(1))


class Reduction:
    """A pair of kernels, and the bytes of the state they share; an `A` in `state` is the type computed in."""

    def __init__(self, name: str, state: str) -> None:
        self.state = state
        self.reduce = Kernel("reduce.cu", f"reduce_{name}", f"P{WALK.size}sPPPA")
        self.merge = Kernel("reduce.cu", f"merge_{name}", "PiPPA")

    def state_bytes(self, dtype: np.dtype) -> int:
        letter = SCALARS[dtype_name(dtype)][2]
        return struct.calcsize("@" + self.state.replace("A", letter))


_sum, _prod = Reduction("sum", "A"), Reduction("prod", "A")
_any, _all = Reduction("any", "i"), Reduction("all", "i")
_max, _min = Reduction("max", "Aq"), Reduction("min", "Aq")
_var = Reduction("var", "AAA")


def sum(x, dims, keepdim, dtype):
    return _reduce(_sum, _as(x, dtype), dims, keepdim)


def mean(x, dims, keepdim):
    return _reduce(_sum, x, dims, keepdim, divisor=_length(x, dims))


def prod(x, dims, keepdim, dtype):
    return _reduce(_prod, _as(x, dtype), dims, keepdim)


def amax(x, dims, keepdim):
    _refuse_empty("amax", x, dims)
    return _reduce(_max, x, dims, keepdim)


def amin(x, dims, keepdim):
    _refuse_empty("amin", x, dims)
    return _reduce(_min, x, dims, keepdim)


def any(x, dims, keepdim):
    return _reduce(_any, x, dims, keepdim, result=BOOL)


def all(x, dims, keepdim):
    return _reduce(_all, x, dims, keepdim, result=BOOL)


def var(x, dims, keepdim, correction):
    return _reduce(_var, x, dims, keepdim, divisor=max(_length(x, dims) - correction, 0))


def max_with_index(x, dim, keepdim):
    return _with_index(_max, "max", x, dim, keepdim)


def min_with_index(x, dim, keepdim):
    return _with_index(_min, "min", x, dim, keepdim)


def _with_index(reduction: Reduction, name: str, x: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    dims = (dim,) if x.ndim else ()
    _refuse_empty(name, x, dims)
    indices = empty(_result_shape(x, dims, keepdim), INT64)
    return _reduce(reduction, x, dims, keepdim, indices=indices), indices


def _as(x: Array, dtype: np.dtype) -> Array:
    return x if x.dtype == dtype else cast(x, dtype)


def _length(x: Array, dims: tuple[int, ...]) -> int:
    return math.prod(x.shape[d] for d in dims)


def _refuse_empty(name: str, x: Array, dims: tuple[int, ...]) -> None:
    for d in dims:
        if x.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def _result_shape(x: Array, dims: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(1 if d in dims else size for d, size in enumerate(x.shape))
    return tuple(size for d, size in enumerate(x.shape) if d not in dims)


def _reduce(
    reduction: Reduction,
    x: Array,
    dims: tuple[int, ...],
    keepdim: bool,
    divisor: float = 1,
    result: np.dtype | None = None,
    indices: Array | None = None,
) -> Array:
    out = empty(_result_shape(x, dims, keepdim), result or x.dtype)
    if out.size == 0:
        return out
    walk = _pack_walk(x, dims)
    if walk is None:  # too many dimensions to walk, or too many elements: a copy has fewer and nearer ones
        walk = _pack_walk(x := copy(x), dims)
    if walk is None:
        raise NotImplementedError(f"a reduction of {x.shape} over {dims}: more than {MAX_STRIDED} elements to walk")
    packed, grid, block, slices = walk
    threads, state = block[0] * block[1], reduction.state_bytes(x.dtype)
    partial = empty((slices * out.size * state,), BYTE) if slices > 1 else None
    reduction.reduce(x.dtype, grid, block, x, packed, partial, out, indices, divisor, shared_mem=threads * state)
    if partial is not None:
        threads = min(THREADS, max(WARP, _power_of_two(slices)))
        reduction.merge(x.dtype, out.size, threads, partial, slices, out, indices, divisor, shared_mem=threads * state)
    return out


def _pack_walk(x: Array, dims: tuple[int, ...]) -> tuple[bytes, tuple[int, int], tuple[int, int], int] | None:
    """A Walk's bytes, the grid, the block and the number of slices."""
    steps = element_strides(x)
    kept = [d for d in range(x.ndim) if d not in dims]
    kept_shape, reduced_shape = tuple(x.shape[d] for d in kept), tuple(x.shape[d] for d in dims)
    kept_steps, reduced_steps = tuple(steps[d] for d in kept), tuple(steps[d] for d in dims)
    # The outputs are numbered in the order of their own dimensions; a reduction may go in the order of memory.
    kept_layout = pack_layout(kept_shape, (kept_steps,), reorder=False)
    reduced_layout = pack_layout(reduced_shape, (reduced_steps,), reorder=len(dims) > 1)
    if kept_layout is None or reduced_layout is None:
        return None

    outputs, length = math.prod(kept_shape), math.prod(reduced_shape)
    outputs_together = _nearest(kept_shape, kept_steps) < _nearest(reduced_shape, reduced_steps)
    if outputs_together:
        columns = min(WARP, _power_of_two(outputs))
        lanes = min(THREADS // columns, _power_of_two(length))
    else:
        lanes = min(THREADS, _power_of_two(length))
        columns = min(THREADS // lanes, _power_of_two(outputs))
    blocks = ceil_div(outputs, columns)
    slices = max(1, min(ENOUGH_BLOCKS // blocks, length // (lanes * THIN)))
    slice_length = max(1, ceil_div(length, slices))
    slices = max(1, ceil_div(length, slice_length))  # none is empty

    packed = WALK.pack(outputs, length, slice_length, outputs_together, kept_layout, reduced_layout)
    return packed, (blocks, slices), ((columns, lanes) if outputs_together else (lanes, columns)), slices


def _nearest(shape: tuple[int, ...], steps: tuple[int, ...]) -> float:
    """The shortest step in memory along these dimensions."""
    return min((abs(step) for size, step in zip(shape, steps, strict=True) if size > 1 and step), default=math.inf)


def _power_of_two(n: int) -> int:
    """The least power of two that is not below n."""
    return 1 << max(0, n - 1).bit_length()
