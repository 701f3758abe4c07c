"""A sparse matrix times one dimension of an array, compiled for this processor: kernels/host/resample.cu."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.native.columns import SHARES
from autograd_gpu.arrays.native.launch import Kernel

__all__ = ["resample"]

LONGEST_SUM = 64  # of one output, one number after another

_resample = Kernel("resample.cu", "resample", "PPPPPqqqq")


def resample(x, start, index, weight):
    run, (outer, length, inner), count = _resample[x.dtype], x.shape, start.size - 1
    is_short = count > 0 and int((start[1:] - start[:-1]).max()) <= LONGEST_SUM
    if run is None or not is_short or weight.dtype != accumulator(x.dtype):
        return cpu.resample(x, start, index, weight)
    y = np.empty((outer, count, inner), x.dtype)
    if y.size:
        work, blocks = y.size * max(index.size // count, 1), min(outer if inner == 1 else outer * count, SHARES)
        arrays = (np.ascontiguousarray(x), *map(np.ascontiguousarray, (start, index, weight)), y)
        run(blocks, work, *arrays, outer, length, count, inner)
    return y
