"""Convolutions and their gradients on the CPU: those of middling size by conv_tiles.py, others as products by BLAS of
some images' columns at a time, made and taken back by kernels. Few enough images that their columns stay in the
processor's cache, in memory that the thread keeps.

Half types are computed in float32 and rounded once. Groups of one channel are the NumPy backend's.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import wide
from autograd_gpu.arrays.native import conv_tiles
from autograd_gpu.arrays.native.columns import gather, scatter
from autograd_gpu.arrays.native.launch import by_numpy_too

__all__ = ["convolution", "convolution_transposed", "convolution_weight"]

COLUMNS_BYTES = 1 << 21  # at a time
BY_IMAGE = 256  # from so many outputs on an image's product is large enough to stand by itself


def convolution(x, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if not _are_ours(x.dtype, weight.shape[1], groups):
        return cpu.convolution(x, weight, *window, groups)
    if conv_tiles.serves(x.dtype, weight.shape, groups):
        return conv_tiles.convolution(x, weight, window, groups)
    by_numpy_too()
    wide_x, matrices = wide(x), _as_matrices(wide(weight), groups)
    y = np.empty((x.shape[0], weight.shape[0], *output), wide_x.dtype)
    layout = _Columns(wide_x.shape[1], window, groups, wide_x.dtype)
    for some in layout.runs(x.shape[0]):
        columns, part = layout.of(wide_x[some]), layout.by_channel(y[some])
        if layout.by_image:
            np.matmul(matrices, columns, out=part)
        else:
            product = np.matmul(matrices, columns)
            part[...] = product.reshape(*product.shape[:2], -1, layout.outputs).transpose(2, 0, 1, 3)
    return y.astype(x.dtype, copy=False)


def convolution_transposed(gy, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if not _are_ours(gy.dtype, weight.shape[1], groups):
        return cpu.convolution_transposed(gy, weight, *window, groups)
    if conv_tiles.serves(gy.dtype, weight.shape, groups):
        return conv_tiles.convolution_transposed(gy, weight, window, groups)
    by_numpy_too()
    wide_gy, matrices = np.ascontiguousarray(wide(gy)), _as_matrices(wide(weight), groups).swapaxes(1, 2)
    gx = np.empty((gy.shape[0], weight.shape[1] * groups, *size), wide_gy.dtype)
    layout = _Columns(gx.shape[1], window, groups, gx.dtype)
    for some in layout.runs(gy.shape[0]):
        columns = np.matmul(matrices, layout.like_columns(wide_gy[some]), out=layout.memory(gx[some]))
        layout.lay_back(columns, gx[some])
    return gx.astype(gy.dtype, copy=False)


def convolution_weight(x, gy, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    shape = (gy.shape[1], x.shape[1] // groups, *kernel)
    if not _are_ours(x.dtype, shape[1], groups):
        return cpu.convolution_weight(x, gy, *window, groups)
    if conv_tiles.serves(x.dtype, shape, groups):
        return conv_tiles.convolution_weight(x, gy, window, groups)
    by_numpy_too()
    wide_x, wide_gy = wide(x), np.ascontiguousarray(wide(gy))
    gweight = np.zeros((groups, shape[0] // groups, math.prod(shape[1:])), wide_x.dtype)
    layout = _Columns(x.shape[1], window, groups, wide_x.dtype)
    for some in layout.runs(x.shape[0]):
        product = np.matmul(layout.like_columns(wide_gy[some]), layout.of(wide_x[some]).swapaxes(-1, -2))
        gweight += product.sum(0) if layout.by_image else product
    return gweight.reshape(shape).astype(x.dtype, copy=False)


def _are_ours(dtype: np.dtype, channels_of_a_group: int, groups: int) -> bool:
    is_depthwise = channels_of_a_group == 1 and groups > 1
    return dtype.kind in "fV" and not is_depthwise


def _as_matrices(weight: np.ndarray, groups: int) -> np.ndarray:
    """(groups, out / groups, in / groups * places) for a weight (out, in / groups, *kernel)."""
    return weight.reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:]))


class _Columns:
    """Some images' columns: (images, groups, rows, outputs) where each image has a product, else (groups, rows, images
    * outputs)."""

    def __init__(self, channels: int, window: tuple, groups: int, dtype: np.dtype) -> None:
        size, output, kernel, _, padding, _ = window
        self.window, self.groups, self.dtype = window, groups, dtype
        self.outputs, self.rows = math.prod(output), channels * math.prod(kernel) // groups
        self.by_image = self.outputs >= BY_IMAGE
        # A kernel of one place that steps over nothing sees the image as it is.
        self.is_image = self.by_image and size == output and math.prod(kernel) == 1 and not any(padding)

    def runs(self, batch: int) -> Iterator[slice]:
        an_image = self.groups * self.rows * self.outputs * self.dtype.itemsize
        step = max(COLUMNS_BYTES // max(an_image, 1), 1)
        for first in range(0, batch, step):
            yield slice(first, min(first + step, batch))

    def memory(self, x: np.ndarray) -> np.ndarray:
        if self.by_image:
            return _kept((len(x), self.groups, self.rows, self.outputs), self.dtype)
        return _kept((self.groups, self.rows, len(x) * self.outputs), self.dtype)

    def of(self, x: np.ndarray) -> np.ndarray:
        if self.is_image:
            return np.ascontiguousarray(x).reshape(len(x), self.groups, self.rows, self.outputs)
        columns = self.memory(x)
        gather(x, columns, self.window, self.by_image)
        return columns

    def lay_back(self, columns: np.ndarray, gx: np.ndarray) -> None:
        """Write into the images gx the sums of what the columns lay on their elements."""
        if self.is_image:
            gx.reshape(columns.shape)[...] = columns
        else:
            scatter(columns, gx, self.window, self.by_image)

    def by_channel(self, y: np.ndarray) -> np.ndarray:
        """Images y (N, channels, *output) as (N, groups, channels / groups, outputs)."""
        return y.reshape(len(y), self.groups, y.shape[1] // self.groups, self.outputs)

    def like_columns(self, y: np.ndarray) -> np.ndarray:
        """The same with the images where the columns have them."""
        part = self.by_channel(y)
        if self.by_image:
            return part
        return part.transpose(1, 2, 0, 3).reshape(*part.shape[1:3], len(y) * self.outputs)


_thread = threading.local()


def _kept(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array over this thread's memory for columns, up to COLUMNS_BYTES: valid until the next is asked for."""
    needed = math.prod(shape) * dtype.itemsize
    if needed > COLUMNS_BYTES:
        return np.empty(shape, dtype)
    memory = getattr(_thread, "memory", None)
    if memory is None:
        memory = _thread.memory = np.empty(COLUMNS_BYTES, np.uint8)
    return memory[:needed].view(dtype).reshape(shape)
