"""What a matrix product asks for: sizes, strides and as few batch dimensions as say it. Knows no kernel."""

from __future__ import annotations

import functools
from typing import NamedTuple

Shape = tuple[int, ...]
Batch = tuple[tuple[int, int, int], ...]  # size, stride in x, stride in y


class Problem(NamedTuple):
    """x (m, k) @ y (k, n) for each element of a batch; strides in elements."""

    m: int
    n: int
    k: int
    x_row: int
    x_col: int
    y_row: int
    y_col: int
    batch: Batch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to multiply; strides say nothing then, and an array library may make them all 0."""
        return 0 in (self.m, self.n, self.k) or any(size == 0 for size, *_ in self.batch)

    @property
    def x_layout(self) -> str | None:
        return "n" if self.is_empty else layout(self.m, self.k, self.x_row, self.x_col)

    @property
    def y_layout(self) -> str | None:
        return "n" if self.is_empty else layout(self.k, self.n, self.y_row, self.y_col)


@functools.lru_cache(maxsize=4096)
def problem_of(itemsize: int, x_shape: Shape, x_strides: Shape, y_shape: Shape, y_strides: Shape) -> Problem:
    """The problem of operands of these layouts, strides in bytes."""
    (*batch, m, k), (*y_batch_shape, rows, n) = x_shape, y_shape
    if rows != k or batch != y_batch_shape:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied: {x_shape} @ {y_shape}")
    *x_batch, x_row, x_col = (stride // itemsize for stride in x_strides)
    *y_batch, y_row, y_col = (stride // itemsize for stride in y_strides)
    dims = _merged(zip(batch, x_batch, y_batch, strict=True))
    if m and len(dims) == 1 and dims[0][2] == 0 and (m == 1 or dims[0][1] == m * x_row):
        # One y for all: the batch is nothing but more rows of x.
        m, x_row, dims = m * dims[0][0], dims[0][1] // m, ()
    return Problem(m, n, k, x_row, x_col, y_row, y_col, dims)


def layout(rows: int, cols: int, row_stride: int, col_stride: int) -> str | None:
    """n: the elements of a row are neighbours; t: those of a column; None: neither."""
    if col_stride == 1:
        return "n"
    if row_stride == 1:
        return "t"
    # A dimension of one element has no neighbours to be near to.
    return "n" if cols <= 1 else "t" if rows <= 1 else None


def _merged(dims) -> Batch:
    """The same batch with as few dimensions: neighbours that one stride steps through become one."""
    merged: list[tuple[int, int, int]] = []
    for size, x_stride, y_stride in dims:
        if size == 1:
            continue
        if merged and merged[-1][1:] == (x_stride * size, y_stride * size):
            size *= merged.pop()[0]
        merged.append((size, x_stride, y_stride))
    return tuple(merged)
