"""Matrix products on the CPU: BLAS through NumPy; half types in float32, integers by NumPy's own loops."""

import numpy as np

from .precision import HALVES
from .quiet import quiet

__all__ = ["matmul"]


@quiet
def matmul(x, y):
    if x.dtype in HALVES:
        return np.matmul(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    return np.matmul(x, y)
