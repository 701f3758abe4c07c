"""Sorting on the GPU. Knows chunks and passes; kernels/sort.cu compares."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays.cuda.elementwise import add
from autograd_gpu.arrays.cuda.index import gather_rows
from autograd_gpu.arrays.cuda.launch import Kernel, ceil_div
from autograd_gpu.arrays.cuda.memory import arange, contiguous, copy, empty, expand, full
from autograd_gpu.arrays.cuda.shape import cat

__all__ = ["sort", "topk"]

CHUNK = 1024  # as in kernels/sort.cu
THREADS = 256
INT64 = np.dtype(np.int64)

_chunks = Kernel("sort.cu", "sort_chunks", "PPPqii")
_merge = Kernel("sort.cu", "merge_runs", "PPPPqiqi")


def sort(x, dim, descending, stable):
    """Sorted values and where each was. Always stable: equal elements keep their order."""
    if x.ndim == 0:
        return copy(x), full((), 0, INT64)
    rows = contiguous(x.swapaxes(dim, -1))
    values, indices = empty(rows.shape, x.dtype), empty(rows.shape, INT64)
    if rows.size:
        n = rows.shape[-1]
        blocks, lines = ceil_div(n, THREADS), rows.size // n
        _sort_chunks(rows, values, indices, descending)
        width = CHUNK
        while width < n:
            merged = empty(rows.shape, x.dtype), empty(rows.shape, INT64)
            _merge(x.dtype, lines * blocks, THREADS, values, indices, *merged, n, blocks, width, descending)
            (values, indices), width = merged, 2 * width
    return contiguous(values.swapaxes(dim, -1)), contiguous(indices.swapaxes(dim, -1))


def _sort_chunks(rows, values, indices, descending):
    n = rows.shape[-1]
    chunks = ceil_div(n, CHUNK)
    _chunks(rows.dtype, rows.size // n * chunks, THREADS, rows, values, indices, n, chunks, descending)


def topk(x, dim, k, largest):
    """The k largest elements along dim (or the smallest), in order, and where they were.

    Of each sorted chunk only the first k can be among them: those are sorted again, until they are one chunk.
    """
    if x.ndim == 0 or not x.size or 4 * k > CHUNK or k == 0:
        values, indices = sort(x, dim, largest, True)
        return (values, indices) if x.ndim == 0 else (_first(values, dim, k), _first(indices, dim, k))
    rows = contiguous(x.swapaxes(dim, -1))
    shape, n = rows.shape, rows.shape[-1]
    values, indices = rows.reshape((rows.size // n, n)), None
    while values.shape[1] > CHUNK:
        ordered, places = empty(values.shape, x.dtype), empty(values.shape, INT64)
        _sort_chunks(values, ordered, places, largest)
        places = _heads(places, k)
        values, indices = _heads(ordered, k), places if indices is None else _at(indices, places)
    values, places = sort(values, 1, largest, True)
    values, places = _first(values, 1, k), _first(places, 1, k)
    indices = places if indices is None else _at(indices, places)
    shape = (*shape[:-1], k)
    return tuple(contiguous(y.reshape(shape).swapaxes(dim, -1)) for y in (values, indices))


def _first(x, dim, k):
    return contiguous(x[(slice(None),) * dim + (slice(0, k),)])


def _heads(x, k):
    """The first k of each chunk of the rows of x, one after the other."""
    n = x.shape[1]
    whole = n // CHUNK
    heads = [contiguous(x[:, chunk * CHUNK : chunk * CHUNK + k]) for chunk in range(whole)]
    if n % CHUNK:
        heads.append(contiguous(x[:, whole * CHUNK : whole * CHUNK + k]))
    return cat(heads, 1)


def _at(x, places):
    """y[r, i] = x[r, places[r, i]]."""
    starts = arange(0, x.shape[1], x.shape[0], INT64)
    flat = add(places, expand(starts[:, None], places.shape))
    return gather_rows(x.reshape((x.size, 1)), flat.reshape((flat.size,))).reshape(places.shape)
