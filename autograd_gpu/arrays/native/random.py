"""Random numbers compiled for this processor, the same as on every device: kernels/random.cu.

Knows the state's place.
"""

from __future__ import annotations

import math

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, shares
from autograd_gpu.arrays.scalars import scalar_for

__all__ = ["dropout", "normal", "uniform"]

WORDS = 4  # that one counter gives
COST = 4  # of a word
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

_uniform = Kernel("random.cu", "uniform", "PPq")
_normal = Kernel("random.cu", "normal", "PPq")
_dropout = Kernel("random.cu", "dropout", "PPPPqfA")
_advance = Kernel("random.cu", "advance_state", "Pq")


def uniform(state, shape, dtype):
    dtype = np.dtype(dtype)
    run = _uniform[dtype]
    if run is None:
        return cpu.uniform(state, shape, dtype)
    y = np.empty(shape, dtype)
    _draw(run, y.size * (2 if dtype == FLOAT64 else 1), COST, state, y, y.size)
    return y


def normal(state, shape, dtype):
    dtype = np.dtype(dtype)
    run = _normal[dtype]
    if run is None:
        return cpu.normal(state, shape, dtype)
    y = np.empty(shape, dtype)
    _draw(run, y.size, 4 * COST, state, y, y.size)
    return y


def dropout(x, p, state):
    """x / (1 - p) where kept and 0 elsewhere, and what was kept."""
    run = _dropout[x.dtype]
    if run is None:
        return cpu.dropout(x, p, state)
    x = contiguous(x)
    y, keep = np.empty(x.shape, x.dtype), np.empty(x.shape, bool)
    scale = scalar_for(0.0 if p == 1 else 1 / (1 - p), x.dtype, "dropout")
    _draw(run, x.size, COST, state, x, y, keep, x.size, p, scale)
    return y, keep


def _draw(run, words, cost, state, *parameters):
    """Run the counters, then move the state past them."""
    counters = math.ceil(words / WORDS)
    if counters:
        run(shares(counters, words * cost), words * cost, state, *parameters)
        _advance[FLOAT32](1, 1, state, counters)
