"""Reductions on the GPU, over any dimensions of any layout. Knows how to split the work; kernels/reduce.cu does it."""

from __future__ import annotations

import functools
import math
import struct
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.cast import cast
from autograd_gpu.arrays.cuda.compile import dtype_name
from autograd_gpu.arrays.cuda.launch import WARP, Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, copy, empty
from autograd_gpu.arrays.sources import SCALARS
from autograd_gpu.arrays.strides import MAX_STRIDED, Strides, collapse, layout_format, pack_layout

__all__ = [
    "all", "amax", "amin", "any", "max_with_index", "mean", "min_with_index", "prod", "sum", "var",
]  # fmt: skip

Array = Any

BOOL, INT64, BYTE = np.dtype(bool), np.dtype(np.int64), np.dtype(np.uint8)
FLOAT32 = np.dtype(np.float32)

THREADS = 256
# Fewer blocks than this leave a GPU idle: cut the reduction into slices, but none so thin that a thread of it
# reads fewer times than THIN.
ENOUGH_BLOCKS = 1024
THIN = 8
# Packs that a lane has in flight, and the fewest lanes that read whole 128-byte lines between them.
IN_FLIGHT, NARROWEST = 4, 8

WALK = struct.Struct("@5q" + 2 * layout_format(1))


class Reduction:
    """A pair of kernels, and the bytes of the state they share: an `A` in `state` is the type computed in, a `W` the
    one that sum_wide sums up in."""

    def __init__(self, name: str, state: str) -> None:
        self.state = state
        self.reduce = Kernel("reduce.cu", f"reduce_{name}", f"P{WALK.size}sPPPA")
        self.merge = Kernel("reduce.cu", f"merge_{name}", "PiPPA")

    @functools.cache  # noqa: B019  (reductions are module constants)
    def state_bytes(self, dtype: np.dtype) -> int:
        letter = SCALARS[dtype_name(dtype)][2]
        wide = "f" if _wide(dtype) == FLOAT32 else "q"
        return struct.calcsize("@" + self.state.replace("A", letter).replace("W", wide))


_sum, _sum_wide, _prod = Reduction("sum", "A"), Reduction("sum_wide", "W"), Reduction("prod", "A")
_any, _all = Reduction("any", "i"), Reduction("all", "i")
_max, _min = Reduction("max", "Aq"), Reduction("min", "Aq")
_amax, _amin = Reduction("amax", "A"), Reduction("amin", "A")
_var = Reduction("var", "AAA")


def sum(x, dims, keepdim, dtype):
    if x.dtype != dtype and _wide(x.dtype) == dtype:
        return _reduce(_sum_wide, x, dims, keepdim, result=dtype)
    return _reduce(_sum, _as(x, dtype), dims, keepdim)


def mean(x, dims, keepdim):
    return _reduce(_sum, x, dims, keepdim, divisor=_length(x, dims))


def prod(x, dims, keepdim, dtype):
    return _reduce(_prod, _as(x, dtype), dims, keepdim)


def amax(x, dims, keepdim):
    _refuse_empty("amax", x, dims)
    return _reduce(_amax, x, dims, keepdim)


def amin(x, dims, keepdim):
    _refuse_empty("amin", x, dims)
    return _reduce(_amin, x, dims, keepdim)


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
    shape = _result_shape(x.shape, dims, keepdim)
    order = _kept_by_memory(x.shape, x.strides, dims)
    if order is not None:
        values, indices = _with_index(reduction, name, x.transpose(order), order.index(dim), True)
        return _turned_back(values, order, shape), _turned_back(indices, order, shape)
    indices = empty(shape, INT64)
    return _reduce(reduction, x, dims, keepdim, indices=indices), indices


def _as(x: Array, dtype: np.dtype) -> Array:
    return x if x.dtype == dtype else cast(x, dtype)


def _wide(dtype: np.dtype) -> np.dtype | None:
    """What sum_wide sums up in; None where it does not exist."""
    if dtype.kind in "iub":
        return INT64
    return FLOAT32 if dtype.itemsize == 2 else None


def _length(x: Array, dims: tuple[int, ...]) -> int:
    return math.prod([x.shape[d] for d in dims])


def _refuse_empty(name: str, x: Array, dims: tuple[int, ...]) -> None:
    for d in dims:
        if x.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


@functools.lru_cache(maxsize=4096)
def _result_shape(shape: Strides, dims: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(1 if d in dims else size for d, size in enumerate(shape))
    return tuple(size for d, size in enumerate(shape) if d not in dims)


def _reduce(
    reduction: Reduction,
    x: Array,
    dims: tuple[int, ...],
    keepdim: bool,
    divisor: float = 1,
    result: np.dtype | None = None,
    indices: Array | None = None,
) -> Array:
    shape = _result_shape(x.shape, dims, keepdim)
    order = None if indices is not None else _kept_by_memory(x.shape, x.strides, dims)
    if order is not None:
        there = tuple(sorted(map(order.index, dims)))
        return _turned_back(_reduce(reduction, x.transpose(order), there, True, divisor, result), order, shape)
    out = empty(shape, result or x.dtype)
    if out.size == 0:
        return out
    plan = _plan_for(x, dims)
    if plan is None:  # too many dimensions to walk, or too many elements: a copy has fewer and nearer ones
        plan = _plan_for(x := copy(x), dims)
    if plan is None:
        raise NotImplementedError(f"a reduction of {x.shape} over {dims}: more than {MAX_STRIDED} elements to walk")
    state, slices = reduction.state_bytes(x.dtype), plan.slices
    partial = empty((slices * out.size * state,), BYTE) if slices > 1 else None
    shared = plan.states * state
    reduction.reduce(x.dtype, plan.grid, plan.block, x, plan.walk, partial, out, indices, divisor, shared_mem=shared)
    if partial is not None:
        threads = min(THREADS, max(WARP, _power_of_two(slices)))
        reduction.merge(x.dtype, out.size, threads, partial, slices, out, indices, divisor, shared_mem=threads * state)
    return out


@functools.lru_cache(maxsize=4096)
def _kept_by_memory(shape: Strides, strides: Strides, dims: tuple[int, ...]) -> tuple[int, ...] | None:
    """The dimensions in an order in which the kept ones lie as in memory, where they do not and what lies together in
    memory is among them: read in the order of the results, the array would be read with gaps."""
    kept = [d for d in range(len(shape)) if d not in dims and shape[d] > 1]
    by_memory = sorted(kept, key=lambda d: -abs(strides[d]))
    reduced = [abs(strides[d]) for d in dims if shape[d] > 1 and strides[d]]
    if kept == by_memory or not 0 < abs(strides[by_memory[-1]]) < min(reduced, default=math.inf):
        return None
    return (*by_memory, *(d for d in range(len(shape)) if d not in by_memory))


def _turned_back(out: Array, order: tuple[int, ...], shape: Strides) -> Array:
    """A result (keepdim) of dimensions in `order` as one of `shape`, whose dimensions are in their own."""
    return contiguous(out.transpose(sorted(range(len(order)), key=order.__getitem__))).reshape(shape)


class _Plan(NamedTuple):
    grid: tuple[int, int]
    block: tuple[int, int]
    slices: int
    states: int  # of a block
    walk: bytes


def _plan_for(x: Array, dims: tuple[int, ...]) -> _Plan | None:
    return _plan(x.shape, x.strides, x.itemsize, dims, driver.current().pointer(x) % 16 == 0)


# Host time counts: a training step asks for the same few reductions again and again.
@functools.lru_cache(maxsize=4096)
def _plan(shape: Strides, strides: Strides, itemsize: int, dims: tuple[int, ...], aligned: bool) -> _Plan | None:
    """How to reduce an array of this layout; None when it takes more dimensions or elements than a Layout has."""
    wide = 8 if itemsize == 1 else 16 // itemsize  # as in reduce.cu
    steps = [stride // itemsize for stride in strides]
    # The outputs are numbered in the order of their own dimensions; a reduction may go in the order of memory.
    kept = _merged(shape, steps, [d for d in range(len(shape)) if d not in dims])
    reduced = _merged(shape, steps, sorted(dims, key=lambda d: -abs(steps[d])))
    outputs_together = _nearest(kept) < _nearest(reduced)
    near, far = (kept, reduced) if outputs_together else (reduced, kept)
    packs = aligned and _lies_in_packs(near, far, wide)
    # Rows that lie together are read in packs whatever their alignment, and their elements keep their numbers.
    one_run = not outputs_together and len(reduced[0]) <= 1 and reduced[1] in ((), (1,))
    if packs and not one_run:
        near, far = _in_packs(near, wide, 1), _in_packs(far, wide, 0)
        kept, reduced = (near, far) if outputs_together else (far, near)
    packs = packs and not one_run
    layouts = [pack_layout(sizes, (steps,), reorder=False) for sizes, steps in (kept, reduced)]
    if None in layouts:
        return None

    outputs, length = math.prod(kept[0]), math.prod(reduced[0])
    reads = ceil_div(length, wide) if one_run else length  # along the reduction
    if outputs_together:
        columns = min(WARP, _power_of_two(outputs))
        lanes = min(THREADS // columns, _power_of_two(reads))
    else:
        lanes = min(THREADS, _power_of_two(reads), max(NARROWEST, _power_of_two(reads // IN_FLIGHT)))
        columns = min(THREADS // lanes, _power_of_two(outputs))
    blocks = ceil_div(outputs, columns)
    slices = max(1, min(ENOUGH_BLOCKS // blocks, reads // (lanes * THIN)))
    slice_length = max(1, ceil_div(length, slices))
    slices = max(1, ceil_div(length, slice_length))  # none is empty

    states = columns * lanes * (wide if packs and outputs_together else 1)
    walk = WALK.pack(outputs, length, slice_length, outputs_together, packs, *layouts)
    return _Plan((blocks, slices), (columns, lanes) if outputs_together else (lanes, columns), slices, states, walk)


Dims = tuple[tuple[int, ...], Strides]  # sizes and steps in elements, outermost first


def _merged(shape: Strides, steps: list[int], dims: list[int]) -> Dims:
    """These dimensions, as few as they can be."""
    sizes, (merged,) = collapse([shape[d] for d in dims], [tuple(steps[d] for d in dims)])
    return sizes, merged


def _nearest(dims: Dims) -> float:
    """The shortest step in memory along these dimensions."""
    return min((abs(step) for step in dims[1] if step), default=math.inf)


def _lies_in_packs(near: Dims, far: Dims, wide: int) -> bool:
    """Whether the innermost of the near dimensions lies together, in whole packs that start at multiples of `wide`."""
    sizes, steps = near
    if not sizes or steps[-1] != 1 or sizes[-1] % wide:
        return False
    return math.gcd(*steps[:-1], *far[1]) % wide == 0


def _in_packs(dims: Dims, wide: int, inner: int) -> Dims:
    """The same dimensions, the last `inner` of them lying together, counted in packs."""
    sizes, steps = dims
    if not inner:
        return sizes, tuple(step // wide for step in steps)
    return (*sizes[:-1], sizes[-1] // wide), (*(step // wide for step in steps[:-1]), 1)


def _power_of_two(n: int) -> int:
    """The least power of two that is not below n."""
    return 1 << max(0, n - 1).bit_length()
