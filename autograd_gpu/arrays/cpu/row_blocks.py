"""Rows of a large array in blocks that stay in the cache, so that several NumPy passes read and write memory once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

LARGE = 1 << 21  # elements: from here on an array and its temporaries leave the last cache
BLOCK = 1 << 17


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices that part the rows of a matrix into blocks; one of all rows when the matrix is not large."""
    step = rows if rows * columns <= LARGE else max(1, BLOCK // columns)
    return (slice(start, start + step) for start in range(0, rows, max(step, 1)))


def by_rows(function: Callable[..., np.ndarray], dim: int, *arrays: np.ndarray) -> np.ndarray:
    """function(*arrays, dim), in the first array's shape and dtype: block by block when dim is the last."""
    shape = arrays[0].shape
    if dim != len(shape) - 1:
        return function(*arrays, dim)
    matrices = [array.reshape(-1, shape[-1]) for array in arrays]
    out = np.empty(matrices[0].shape, matrices[0].dtype)
    for block in row_blocks(*out.shape):
        out[block] = function(*(matrix[block] for matrix in matrices), 1)
    return out.reshape(shape)
