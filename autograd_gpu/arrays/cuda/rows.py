"""How the rows of a matrix are dealt out to teams of threads: the host's half of kernels/include/row.cuh.

Knows geometry only; a function of shape and dtype, so that results do not depend on the device.
"""

from __future__ import annotations

import functools

import numpy as np

from autograd_gpu.arrays.cuda.launch import WARP, ceil_div

BLOCK = 128  # threads of a block of short rows
LARGEST_TEAM = 512  # as ROW_BOUNDS of row.cuh has it
CHUNKS_PER_THREAD = 4  # 16-byte loads a thread of a whole-block team makes per pass, at least
CACHE_BYTES = 64 << 10  # the dynamic shared memory that every GPU from sm_75 on can give a block


@functools.cache
def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype that sums, means and losses of `dtype` are kept in."""
    if dtype.kind in "iu":
        return np.dtype(np.int64 if dtype.itemsize == 8 else np.int32)
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


@functools.lru_cache(maxsize=4096)
def teams(rows: int, cols: int, dtype: np.dtype) -> tuple[int, tuple[int, int]]:
    """(grid, block): block[0] threads, a power of two, share a row, and block[1] rows share a block."""
    chunks = max(1, ceil_div(cols, 16 // dtype.itemsize))
    if chunks <= WARP * 2 * CHUNKS_PER_THREAD:
        team = min(WARP, power_of_two(chunks))
        return ceil_div(rows, BLOCK // team), (team, BLOCK // team)
    return rows, (min(LARGEST_TEAM, power_of_two(chunks // CHUNKS_PER_THREAD)), 1)


@functools.lru_cache(maxsize=4096)
def cache_slot(cols: int, dtype: np.dtype, rows: int) -> int:
    """Elements of shared memory for each of a block's `rows` rows, or 0 when they do not all fit."""
    wide = 16 // dtype.itemsize
    slot = ceil_div(cols, wide) * wide + wide  # a row that starts off a 16-byte boundary takes one chunk more
    return slot if rows * slot * dtype.itemsize <= CACHE_BYTES else 0


def power_of_two(n: int) -> int:
    """The smallest power of two that is not below n."""
    return 1 << (n - 1).bit_length()
