"""Convolutions and their gradients on the CPU: products by BLAS of some images' columns at a time, made and taken back by
kernels. Few enough images that their columns stay in the processor's cache, in memory that the thread keeps.

Half types are computed in float32 and rounded once. Groups of one channel are the NumPy backend's.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.precision import wide
from autograd_gpu.arrays.native.columns import gather, scatter

__all__ = ["convolution", "convolution_transposed", "convolution_weight"]

COLUMNS_BYTES = 1 << 21  # at a time
BY_IMAGE = 256  # from so many outputs an image's product is large enough to stand by itself


def convolution(x, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if not _are_ours(x.dtype, weight.shape[1], groups):
        return cpu.convolution(x, weight, *window, groups)
    wide_x, matrices = wide(x), _as_matrices(wide(weight), groups)
    y = np.empty((x.shape[0], weight.shape[0], *output), wide_x.dtype)
    for some in _Images(wide_x.shape, window, groups, wide_x.dtype):
        columns, part = some.columns_of(wide_x), some.by_channel(y)
        if some.by_image:
            np.matmul(matrices, columns, out=part)
        else:
            part[...] = some.images_first(np.matmul(matrices, columns))
    return y.astype(x.dtype, copy=False)


def convolution_transposed(gy, weight, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    if not _are_ours(gy.dtype, weight.shape[1], groups):
        return cpu.convolution_transposed(gy, weight, *window, groups)
    wide_gy, matrices = np.ascontiguousarray(wide(gy)), _as_matrices(wide(weight), groups).swapaxes(1, 2)
    gx = np.empty((gy.shape[0], weight.shape[1] * groups, *size), wide_gy.dtype)
    for some in _Images(gx.shape, window, groups, gx.dtype):
        part = some.by_channel(wide_gy)
        some.lay_back(np.matmul(matrices, part if some.by_image else some.images_last(part), out=some.columns), gx)
    return gx.astype(gy.dtype, copy=False)


def convolution_weight(x, gy, size, output, kernel, stride, padding, dilation, groups):
    window = (size, output, kernel, stride, padding, dilation)
    shape = (gy.shape[1], x.shape[1] // groups, *kernel)
    if not _are_ours(x.dtype, shape[1], groups):
        return cpu.convolution_weight(x, gy, *window, groups)
    wide_x, wide_gy = wide(x), np.ascontiguousarray(wide(gy))
    gweight = np.zeros((groups, shape[0] // groups, math.prod(shape[1:])), wide_x.dtype)
    for some in _Images(wide_x.shape, window, groups, wide_x.dtype):
        columns, part = some.columns_of(wide_x), some.by_channel(wide_gy)
        if some.by_image:
            gweight += np.matmul(part, columns.swapaxes(-1, -2)).sum(0)
        else:
            gweight += np.matmul(some.images_last(part), columns.swapaxes(-1, -2))
    return gweight.reshape(shape).astype(x.dtype, copy=False)


def _are_ours(dtype: np.dtype, channels_of_a_group: int, groups: int) -> bool:
    is_depthwise = channels_of_a_group == 1 and groups > 1
    return dtype.kind in "fV" and not is_depthwise


def _as_matrices(weight: np.ndarray, groups: int) -> np.ndarray:
    """(groups, out / groups, in / groups * places) for a weight (out, in / groups, *kernel)."""
    return weight.reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:]))


class _Images:
    """Runs of images, one after another, and the memory for a run's columns: (images, groups, rows, outputs) where a product
    is an image's, else (groups, rows, images * outputs)."""

    def __init__(self, shape: tuple[int, ...], window: tuple, groups: int, dtype: np.dtype) -> None:
        self.batch, channels = shape[:2]
        self.window, self.groups, self.dtype = window, groups, dtype
        self.outputs, self.rows = math.prod(window[1]), channels * math.prod(window[2]) // groups
        self.by_image = self.outputs >= BY_IMAGE
        # A kernel of one place that steps over nothing sees the image as it is.
        self.is_plain = self.by_image and window[0] == window[1] and math.prod(window[2]) == 1 and not any(window[4])
        an_image = groups * self.rows * self.outputs * dtype.itemsize
        self.step = max(COLUMNS_BYTES // max(an_image, 1), 1)

    def __iter__(self) -> Iterator[_Images]:
        for self.first in range(0, self.batch, self.step):
            count = self.count = min(self.step, self.batch - self.first)
            shape = (count, self.groups, self.rows, self.outputs)
            if not self.by_image:
                shape = (self.groups, self.rows, count * self.outputs)
            self.columns = _kept(shape, self.dtype)
            yield self

    def _of(self, x: np.ndarray) -> np.ndarray:
        return x[self.first : self.first + self.count]

    def by_channel(self, y: np.ndarray) -> np.ndarray:
        """These images of y (N, channels, *output) as (images, groups, channels / groups, outputs)."""
        return self._of(y).reshape(self.count, self.groups, y.shape[1] // self.groups, self.outputs)

    def images_last(self, part: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(part.transpose(1, 2, 0, 3)).reshape(*part.shape[1:3], self.count * self.outputs)

    def images_first(self, product: np.ndarray) -> np.ndarray:
        return product.reshape(*product.shape[:2], self.count, self.outputs).transpose(2, 0, 1, 3)

    def columns_of(self, x: np.ndarray) -> np.ndarray:
        if self.is_plain:
            return np.ascontiguousarray(self._of(x)).reshape(self.columns.shape)
        gather(self._of(x), self.columns, self.window, self.by_image)
        return self.columns

    def lay_back(self, columns: np.ndarray, gx: np.ndarray) -> None:
        """Write into these images of gx the sums of what the columns lay on their elements."""
        if self.is_plain:
            self._of(gx).reshape(columns.shape)[...] = columns
        else:
            scatter(columns, self._of(gx), self.window, self.by_image)


_memory = threading.local()


def _kept(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array over this thread's memory for columns, up to COLUMNS_BYTES: valid until the next is asked for."""
    needed = math.prod(shape) * dtype.itemsize
    if needed > COLUMNS_BYTES:
        return np.empty(shape, dtype)
    memory = getattr(_memory, "bytes", None)
    if memory is None:
        memory = _memory.bytes = np.empty(COLUMNS_BYTES, np.uint8)
    return memory[:needed].view(dtype).reshape(shape)
