"""Convolutions and their gradients on the GPU, no columns in memory: each is a product of a matrix with an image.

Knows how a window becomes the two walks of kernels/include/conv.cuh, and which kernel takes the product: tiles on the
arithmetic units (conv.cu) or on tensor cores (conv_tensor.cu); for groups of few channels, each output by itself
(conv_direct.cu); for windows of one element, `matmul`. The choice depends on shapes and dtype alone.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import math
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.cuda.cast import cast
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.matmul import matmul
from autograd_gpu.arrays.cuda.memory import contiguous, empty, expand
from autograd_gpu.arrays.cuda.reduce import sum
from autograd_gpu.arrays.cuda.rows import accumulator
from autograd_gpu.arrays.strides import contiguous_strides, pack_divisor

__all__ = ["convolution", "convolution_transposed", "convolution_weight"]

Array = Any
Sizes = tuple[int, ...]

DIMS = 3
MOST_STEPS = 65535  # the most blocks that CUDA allows along y and z
INT31 = 2**31 - 1
_WALK = struct.Struct("@48s6i5q")
_PRODUCT = struct.Struct(f"@{_WALK.size}s{_WALK.size}s13q4i")

THREADS = 256
TENSOR_COLS = 128  # as in conv_tensor.cu
RUN, TOGETHER = 4, 9  # as in conv_direct.cu
SIMT_DEPTH, TENSOR_DEPTH = 8, 32  # as in conv.cu and conv_tensor.cu
# A thread's instructions for an element of a product at one depth, each output by itself; and in a tile, for a column
# and for an element. Counted in the kernels' loops.
DIRECT, GATHER, MULTIPLY, MULTIPLY_TENSOR = 10, 19, 1, 1 / 16
ENOUGH_BLOCKS = 256  # fewer tiles than that leave a large GPU idle: they share out the depth as well
LARGE_PLANE = 512  # elements: several tiles of a matrix product
SHORTEST_SLICE, SLICE_STEP = 256, 32

_TILES = f"PPPP{_PRODUCT.size}s"
_simt = {tile: Kernel("conv.cu", f"conv_{tile}", _TILES) for tile in (64, 128)}
_tensor = {rows: Kernel("conv_tensor.cu", f"conv_tensor_{rows}", _TILES) for rows in (64, 128)}
_direct = Kernel("conv_direct.cu", "conv_direct", f"PPP{_PRODUCT.size}s")
_direct_weight = Kernel("conv_direct.cu", "conv_direct_weight", _TILES)


def convolution(x, weight, size, output, kernel, stride, padding, dilation, groups):
    """y (N, out, *output) of x (N, C, *size) and weight (out, C / groups, *kernel)."""
    if _is_pointwise(size, kernel, stride, padding, groups):
        return _pointwise(weight, x)
    window = (size, output, kernel, stride, padding, dilation)
    plan = _plan(_forward, x.dtype, x.shape[0], x.shape[1], weight.shape[0], groups, *window)
    return _run(plan, weight, x, (x.shape[0], weight.shape[0], *output))


def convolution_transposed(gy, weight, size, output, kernel, stride, padding, dilation, groups):
    """gx (N, C, *size): what a convolution passes back of gy (N, out, *output)."""
    if _is_pointwise(size, kernel, stride, padding, groups):
        return _pointwise(weight.swapaxes(0, 1), gy)
    window = (size, output, kernel, stride, padding, dilation)
    channels = weight.shape[1] * groups
    plan = _plan(_to_input, gy.dtype, gy.shape[0], channels, gy.shape[1], groups, *window)
    return _run(plan, weight, gy, (gy.shape[0], channels, *size))


def convolution_weight(x, gy, size, output, kernel, stride, padding, dilation, groups):
    """gweight (out, C / groups, *kernel): what a convolution of x passes back of gy."""
    window = (size, output, kernel, stride, padding, dilation)
    plan = _plan(_to_weight, x.dtype, x.shape[0], x.shape[1], gy.shape[1], groups, *window)
    return _run(plan, gy, x, (gy.shape[1], x.shape[1] // groups, *kernel))


# ---- windows of one element: a matrix product an image


def _is_pointwise(size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, groups: int) -> bool:
    # A product of its own for each of many small images would leave tiles half empty, which _plan's do not.
    return groups == 1 and max(kernel) == max(stride) == 1 and max(padding) == 0 and math.prod(size) >= LARGE_PLANE


def _pointwise(weight: Array, x: Array) -> Array:
    """weight (out, in, 1, ...) @ each image of x (N, in, *size), as (N, out, *size)."""
    batch, channels, *size = x.shape
    matrix = weight[(..., *(0,) * len(size))]
    images = contiguous(x).reshape(batch, channels, math.prod(size))
    return matmul(expand(matrix[None], (batch, *matrix.shape)), images).reshape(batch, matrix.shape[0], *size)


# ---- the products


class Walk(NamedTuple):
    """Struct Walk of conv.cuh: a box, how a step in it moves in the image and in the array alongside."""

    count: int  # of outer numbers
    box: Sizes
    start: Sizes
    step: Sizes
    image: int
    outer: int
    inner: Sizes

    def length(self) -> int:
        return self.count * math.prod(self.box)

    def pack(self) -> bytes:
        ones, zeros = (1,) * (DIMS - len(self.box)), (0,) * (DIMS - len(self.box))
        # An empty box is never walked, and has no divisors.
        divisors = b"".join(pack_divisor(max(1, size)) for size in (*ones, *self.box))
        inner = (*zeros, *self.inner)
        return _WALK.pack(divisors, *zeros, *self.start, *zeros, *self.step, self.image, self.outer, *inner)


class Product(NamedTuple):
    """Struct Product of conv.cuh, but for how its depth is sliced; (start, row, group) of the matrix and of out."""

    rows: int
    columns: Walk
    depth: Walk
    matrix: tuple[int, int, int]
    out: tuple[int, int, int]
    image_group: int
    image_size: Sizes


def _forward(batch, channels, out, groups, size, output, kernel, stride, padding, dilation) -> Iterator[Product]:
    """Each filter's sum over channels and kernel of what an output sees."""
    plane, outputs, places = math.prod(size), math.prod(output), math.prod(kernel)
    filters, per_group = out // groups, channels // groups
    before, none = tuple(-p for p in padding), (0,) * len(size)
    yield Product(
        filters,
        Walk(batch, output, before, stride, channels * plane, out * outputs, contiguous_strides(output)),
        Walk(per_group, kernel, none, dilation, plane, places, contiguous_strides(kernel)),
        (0, per_group * places, filters * per_group * places),
        (0, outputs, filters * outputs),
        per_group * plane,
        size,
    )


def _to_weight(batch, channels, out, groups, size, output, kernel, stride, padding, dilation) -> Iterator[Product]:
    """The same triples of x, gy and weight, summed over images and outputs."""
    plane, outputs, places = math.prod(size), math.prod(output), math.prod(kernel)
    filters, per_group = out // groups, channels // groups
    before, none = tuple(-p for p in padding), (0,) * len(size)
    yield Product(
        filters,
        Walk(per_group, kernel, none, dilation, plane, places, contiguous_strides(kernel)),
        Walk(batch, output, before, stride, channels * plane, out * outputs, contiguous_strides(output)),
        (0, outputs, filters * outputs),
        (0, per_group * places, filters * per_group * places),
        per_group * plane,
        size,
    )


def _to_input(batch, channels, out, groups, size, output, kernel, stride, padding, dilation) -> Iterator[Product]:
    """The same triples, summed over filters and kernel. The elements that lie alike against the stride see the same
    places of the kernel, at neighbouring outputs: a product for each such phase, and none multiplies zeros."""
    plane, outputs, places = math.prod(size), math.prod(output), math.prod(kernel)
    filters, per_group = out // groups, channels // groups
    in_plane, in_kernel = contiguous_strides(size), contiguous_strides(kernel)
    by_dim = [list(_phases(*of_dim)) for of_dim in zip(size, kernel, stride, padding, dilation, strict=True)]
    for phases in itertools.product(*by_dim):
        first, count, places_first, places_step, places_seen, seen_first, seen_step = zip(*phases, strict=True)
        yield Product(
            per_group,
            Walk(
                batch, count, seen_first, (1,) * len(size), out * outputs, channels * plane, _times(stride, in_plane)
            ),
            Walk(
                filters, places_seen, (0,) * len(size), tuple(-step for step in seen_step), outputs,
                per_group * places, _times(places_step, in_kernel),
            ),
            (builtins.sum(_times(places_first, in_kernel)), places, filters * per_group * places),
            (builtins.sum(_times(first, in_plane)), plane, per_group * plane),
            filters * outputs,
            output,
        )  # fmt: skip


def _phases(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Iterator[tuple[int, ...]]:
    """Along one dimension, for each rest r of (element + padding) by stride: the first such element and how many; the
    first place of the kernel that they see, the step to the next and how many; the output that the first element sees
    at the first place, and how many outputs back it sees at the next."""
    for r in range(stride):
        first = (r - padding) % stride
        count = ceil_div(size - first, stride)
        if count <= 0:
            continue
        seen = [k for k in range(kernel) if (k * dilation - r) % stride == 0]
        step = stride // math.gcd(stride, dilation)
        start = seen[0] if seen else 0
        yield (
            first,
            count,
            start,
            step,
            len(seen),
            (first + padding - start * dilation) // stride,
            step * dilation // stride,
        )


def _times(a: Sizes, b: Sizes) -> Sizes:
    return tuple(x * y for x, y in zip(a, b, strict=True))


# ---- how they are launched


class _Launch(NamedTuple):
    kernel: Kernel
    grid: tuple[int, ...]
    block: int
    slices: int
    product: bytes


@functools.lru_cache(maxsize=4096)
def _plan(products, dtype: np.dtype, batch: int, channels: int, out: int, groups: int, *window: Sizes) -> list[_Launch]:
    found = [p for p in products(batch, channels, out, groups, *window) if p.rows * groups * p.columns.length()]
    return [_launch(p, dtype, groups, products is _to_weight, len(found) == 1) for p in found]


def _launch(p: Product, dtype: np.dtype, groups: int, is_weight: bool, may_slice: bool) -> _Launch:
    cols, length = p.columns.length(), p.depth.length()
    if max(cols, length) > INT31:
        raise ValueError(f"convolution: at most {INT31} outputs a channel over the whole batch, got {cols}")
    direct = _direct_is_cheaper(p.rows, cols, length, dtype.itemsize == 2)
    if direct and is_weight:
        kernel, grid = _direct_weight, (p.rows * groups, 1, ceil_div(cols, TOGETHER))
    elif direct:
        block = block_for(ceil_div(cols, RUN))
        grid = (ceil_div(cols, block * RUN), min(p.rows * groups, MOST_STEPS))
        return _Launch(_direct, grid, block, 1, _pack(p, groups, 1, length))
    elif dtype.itemsize == 2:
        rows = 64 if p.rows <= 64 else 128
        kernel, grid = _tensor[rows], (ceil_div(p.rows, rows) * ceil_div(cols, TENSOR_COLS), 1, groups)
    else:
        large = dtype.itemsize == 4 and p.rows > 64 and _tiles(p.rows, cols, 128) * groups >= ENOUGH_BLOCKS
        tile = 128 if large else 64
        kernel, grid = _simt[tile], (_tiles(p.rows, cols, tile), 1, groups)
    blocks = math.prod(grid)
    slices = 1
    if may_slice and blocks < ENOUGH_BLOCKS:
        slices = max(1, min(ceil_div(ENOUGH_BLOCKS, blocks), length // SHORTEST_SLICE))
    slice = max(1, ceil_div(ceil_div(length, slices), SLICE_STEP) * SLICE_STEP)
    slices = max(1, ceil_div(length, slice))
    return _Launch(kernel, (grid[0], slices, grid[2]), THREADS, slices, _pack(p, groups, slices, slice))


def _direct_is_cheaper(rows: int, cols: int, length: int, halves: bool) -> bool:
    """Whether tiles would be so empty that each output by itself takes less."""
    width, depth = (TENSOR_COLS, TENSOR_DEPTH) if halves else (64, SIMT_DEPTH)
    multiply = MULTIPLY_TENSOR if halves else MULTIPLY
    tiles = ceil_div(rows, 64) * ceil_div(cols, width) * ceil_div(length, depth) * depth
    return rows * cols * length * DIRECT < tiles * width * (GATHER + 64 * multiply)


def _tiles(rows: int, cols: int, tile: int) -> int:
    return ceil_div(rows, tile) * ceil_div(cols, tile)


def _pack(p: Product, groups: int, slices: int, slice: int) -> bytes:
    cols = p.columns.length()
    size = (*(1,) * (DIMS - len(p.image_size)), *p.image_size)
    out_size = p.rows * groups * cols  # of a sliced product, which is all of out
    return _PRODUCT.pack(
        p.columns.pack(), p.depth.pack(), p.rows, cols, p.depth.length(), slices, slice, *p.matrix, *p.out, out_size,
        p.image_group, *size, groups,
    )  # fmt: skip


def _run(plan: list[_Launch], matrix: Array, image: Array, shape: Sizes) -> Array:
    dtype = image.dtype
    matrix, image = contiguous(matrix), contiguous(image)
    if len(plan) == 1 and plan[0].slices > 1:
        (launch,) = plan
        partial = empty((launch.slices, *shape), accumulator(dtype))
        launch.kernel(dtype, launch.grid, launch.block, matrix, image, None, partial, launch.product)
        total = sum(partial, (0,), False, partial.dtype)
        return total if total.dtype == dtype else cast(total, dtype)
    out = empty(shape, dtype)
    for launch in plan:
        outs = (out,) if launch.kernel is _direct else (out, None)
        launch.kernel(dtype, launch.grid, launch.block, matrix, image, *outs, launch.product)
    return out
