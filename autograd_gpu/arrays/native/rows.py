"""How rows are dealt out: the host's half of kernels/host/lanes.cuh. Knows numbers of rows, no formula."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays.native.memory import contiguous as contiguous
from autograd_gpu.arrays.native.runtime import SHARED_FROM

# Shares enough that threads which are late or slow leave some to the others.
MOST_SHARES = 32


def shares(rows: int, work: float) -> int:
    """The grid for `rows` rows that are `work` additions in all: a row never depends on whose share it is in."""
    return 1 if work < SHARED_FROM else min(rows, MOST_SHARES)


def contiguous_or_none(x: np.ndarray | None) -> np.ndarray | None:
    return None if x is None else contiguous(x)
