"""float16 and bfloat16 on the CPU: computed in float32, rounded once at the end."""

from __future__ import annotations

import ml_dtypes
import numpy as np

FLOAT16 = np.dtype(np.float16)
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT32 = np.dtype(np.float32)
HALVES = frozenset((FLOAT16, BFLOAT16))


def wide(x: np.ndarray) -> np.ndarray:
    """Return x, or x in float32 when it is a half type."""
    # The size first: looking up a dtype takes 0.1 us.
    return x.astype(FLOAT32) if x.dtype.itemsize == 2 and x.dtype in HALVES else x


def accumulator(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which sums of `dtype` are kept."""
    return FLOAT32 if dtype in HALVES else dtype
