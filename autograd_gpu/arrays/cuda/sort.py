"""Sorting on the GPU. Knows chunks and passes; kernels/sort.cu compares."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays.cuda.launch import Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import contiguous, copy, empty, full

__all__ = ["sort"]

CHUNK = 1024  # as in kernels/sort.cu
THREADS = 256
INT64 = np.dtype(np.int64)

_chunks = Kernel("sort.cu", "sort_chunks", "PPPqii")
_merge = Kernel("sort.cu", "merge_runs", "PPPPqiqi")


def sort(x, dim, descending, stable):
    """Sorted values and where each was. Always stable: equal elements keep their order."""
    if x.ndim == 0:
        return copy(x), full((), 0, INT64)
    rows = contiguous(x.swapaxes(dim, -1))
    values, indices = empty(rows.shape, x.dtype), empty(rows.shape, INT64)
    if rows.size:
        n = rows.shape[-1]
        chunks, blocks, lines = ceil_div(n, CHUNK), ceil_div(n, THREADS), rows.size // n
        _chunks(x.dtype, lines * chunks, THREADS, rows, values, indices, n, chunks, descending)
        width = CHUNK
        while width < n:
            merged = empty(rows.shape, x.dtype), empty(rows.shape, INT64)
            _merge(x.dtype, lines * blocks, THREADS, values, indices, *merged, n, blocks, width, descending)
            (values, indices), width = merged, 2 * width
    return contiguous(values.swapaxes(dim, -1)), contiguous(indices.swapaxes(dim, -1))
