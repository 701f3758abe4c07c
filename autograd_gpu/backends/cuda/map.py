"""One thread an element: launches every kernel built on kernels/include/map.cuh. Knows geometry, no formula."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.backends.cuda.strides import element_strides, halves, layout_format, pack_layout

THREADS = 256
ELEMENTS_PER_THREAD = 8
# Enough blocks to fill any GPU many times over; beyond, each thread takes more steps.
MAX_BLOCKS = 1 << 16

BOOL = np.dtype(bool)
FLOAT64 = np.dtype(np.float64)
FLOAT32_MAX = float(np.finfo(np.float32).max)

Scalar = bool | int | float


def map_kernel(file: str, name: str, arrays: int, parameters: str) -> Kernel:
    """A kernel whose parameters are out, count, layout of all `arrays` (out is one), then `parameters`."""
    return Kernel(file, name, "Pq" + layout_format(arrays) + parameters)


def launch_map(kernel: Kernel, dtype: np.dtype, out: Any, *parameters: Any) -> Any:
    """out[i] = f(inputs[0][i], ...), and `out` again.

    The inputs are the arrays among `parameters`, all of out's shape; None is an input without a place in memory.
    """
    count = out.size
    if count == 0:
        return out
    inputs = [p for p in parameters if not isinstance(p, (int, float))]
    nowhere = (0,) * out.ndim
    strides = (element_strides(out), *(nowhere if x is None else element_strides(x) for x in inputs))
    layout = pack_layout(out.shape, strides)
    if layout is None:
        for out_half, *input_halves in halves([out, *inputs]):
            rest = iter(input_halves)
            launch_map(kernel, dtype, out_half, *(p if isinstance(p, (int, float)) else next(rest) for p in parameters))
        return out
    block = block_for(ceil_div(count, ELEMENTS_PER_THREAD), THREADS)
    grid = min(MAX_BLOCKS, ceil_div(count, block * ELEMENTS_PER_THREAD))
    kernel(dtype, grid, block, out, count, layout, *parameters)
    return out


def scalar_for(value: Scalar, dtype: np.dtype, name: str) -> Scalar:
    """`value` as a kernel of `dtype` computes with it: half types in float, integers within their range."""
    if dtype == BOOL:
        return int(bool(value))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise OverflowError(f"{name}: {value} does not fit into {dtype}")
        return int(value)
    value = float(value)
    if dtype != FLOAT64 and math.fabs(value) > FLOAT32_MAX:
        return math.copysign(math.inf, value)  # struct refuses to
    return value
