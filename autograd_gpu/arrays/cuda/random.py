"""Random numbers on the GPU, the same as on the CPU. Knows the state in device memory; kernels make the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.map import MAX_BLOCKS
from autograd_gpu.arrays.cuda.memory import contiguous, empty, from_numpy
from autograd_gpu.arrays.scalars import scalar_for

__all__ = ["dropout", "normal", "random_state", "uniform"]

WORDS = 4  # that one counter gives

_uniform = Kernel("random.cu", "uniform", "PPq")
_normal = Kernel("random.cu", "normal", "PPq")
_dropout = Kernel("random.cu", "dropout", "PPPPqfA")
_advance = Kernel("random.cu", "advance_state", "Pq")


def random_state(seed):
    """A generator's state, [seed, offset], in device memory."""
    return from_numpy(np.array([seed % 2**64, 0], np.uint64).view(np.int64))


def uniform(state, shape, dtype):
    y = empty(shape, dtype)
    words = 2 * y.size if y.dtype == np.float64 else y.size
    _draw(_uniform, y.dtype, words, state, y, y.size)
    return y


def normal(state, shape, dtype):
    y = empty(shape, dtype)
    _draw(_normal, y.dtype, y.size, state, y, y.size)
    return y


def dropout(x, p, state):
    """x / (1 - p) where kept and 0 elsewhere, and what was kept."""
    x = contiguous(x)
    y, keep = empty(x.shape, x.dtype), empty(x.shape, np.dtype(bool))
    scale = scalar_for(0.0 if p == 1 else 1 / (1 - p), x.dtype, "dropout")
    _draw(_dropout, x.dtype, x.size, state, x, y, keep, x.size, p, scale)
    return y, keep


def _draw(kernel: Kernel, dtype: np.dtype, words: int, state: Any, *parameters: Any) -> None:
    """Launch a thread per counter, then move the state past the counters used."""
    counters = ceil_div(words, WORDS)
    if counters == 0:
        return
    block = block_for(counters)
    kernel(dtype, min(MAX_BLOCKS, ceil_div(counters, block)), block, state, *parameters)
    _advance(dtype, 1, 1, state, counters)
