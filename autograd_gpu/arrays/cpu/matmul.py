"""Matrix products on the CPU: BLAS through NumPy; half types in float32, integers by NumPy's own loops."""

import numpy as np

from ..alike import check_dtype
from .precision import HALVES, wide
from .quiet import quiet

__all__ = ["matmul"]


LONG, PIECE = 4096, 1024  # so many products BLAS adds in float32; of more, the sums of pieces are added in float64


@quiet
def matmul(x, y):
    if x.dtype is not y.dtype:
        check_dtype("matmul", x=x, y=y)
    if x.shape[-1] > LONG and x.dtype.kind in "fV" and x.dtype.itemsize < 8:
        return _by_pieces(x, y)
    if x.dtype in HALVES:
        return np.matmul(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    return np.matmul(x, y)


def _by_pieces(x, y):
    total = np.zeros((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]))
    for start in range(0, x.shape[-1], PIECE):
        piece = slice(start, start + PIECE)
        total += np.matmul(wide(x[..., piece]), wide(y[..., piece, :]))
    return total.astype(x.dtype)
