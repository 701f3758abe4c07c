"""Scans on the CPU: NumPy's running ufuncs, and recurrences, which step along all lines at once."""

from __future__ import annotations

import math

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "linear_scan", "logcumsumexp"]

PIECE, LONGEST = 1 << 17, 1 << 15  # elements that are combined at a time, and of one line
_LONG, _WIDE = 64, 128  # steps that are few, and lines that are enough to be worth a step of Python


@quiet
def cumsum(x, dim, dtype):
    return _running(np.add, x, dim, dtype)


@quiet
def cumprod(x, dim, dtype):
    return _running(np.multiply, x, dim, dtype)


@quiet
def logcumsumexp(x, dim):
    return _running(np.logaddexp, x, dim, x.dtype)


def _running(combine, x, dim, dtype):
    """All that was combined so far, each rounded once from float64 (complex128): in pieces of lines, then along
    them."""
    if x.ndim == 0:
        return x.astype(dtype)
    if dtype.kind in "iub":
        return combine.accumulate(x, axis=dim, dtype=dtype)
    exact = np.complex128 if dtype.kind == "c" else np.float64
    if x.size <= PIECE:
        return combine.accumulate(x, axis=dim, dtype=exact).astype(dtype)
    y = np.empty(x.shape, dtype)
    steps = min(x.shape[dim], LONGEST)
    for piece in _pieces_across(x.shape, dim, PIECE // steps):
        lines, results, so_far = x[piece], y[piece], None
        for start in range(0, x.shape[dim], steps):
            part = (slice(None),) * dim + (slice(start, start + steps),)
            running = lines[part].astype(exact)
            combine.accumulate(running, axis=dim, out=running)
            if so_far is not None:
                combine(running, so_far, out=running)
            results[part] = running
            so_far = running[(*part[:dim], slice(-1, None))]
    return y


def _pieces_across(shape, dim, lines):
    """Indices that part all dimensions but `dim` into pieces of about so many lines."""
    across = math.prod(shape[:dim]) * math.prod(shape[dim + 1 :])
    other = max((d for d in range(len(shape)) if d != dim), key=shape.__getitem__, default=None)
    if other is None or across <= lines:
        return [()]
    step = max(1, shape[other] * max(lines, 1) // across)
    return [(slice(None),) * other + (slice(start, start + step),) for start in range(0, shape[other], step)]


def cummax(x, dim):
    return _with_index(np.maximum, x, dim)


def cummin(x, dim):
    return _with_index(np.minimum, x, dim)


def _with_index(extreme, x, dim):
    """The extreme so far, and where it last was; NaN wins."""
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    keys = wide(x)
    best = extreme.accumulate(keys, axis=dim)
    is_best = keys == best
    if x.dtype.kind in "fV":
        is_best |= keys != keys
    places = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    index = np.multiply(is_best, places)
    np.maximum.accumulate(index, axis=dim, out=index)
    return best.astype(x.dtype, copy=False), index


@quiet
def linear_scan(a, b, dim, reverse):
    """y[i] = a[i] * y[i-1] + b[i], from y[-1] = 0; with `reverse` its transpose, y[i] = a[i+1] * y[i+1] + b[i]."""
    if b.size == 0 or b.ndim == 0:
        return b.copy()
    factor, y = (np.moveaxis(wide(v), dim, 0) for v in (a, b))
    shape = y.shape
    if reverse:  # first the factor of the last element, which has nothing after it
        factor, y = np.concatenate((factor[:1], factor[:0:-1])), y[::-1]
    y = _recurrence(factor.reshape(len(y), -1), np.array(y, order="C").reshape(len(y), -1)).reshape(shape)
    y = np.moveaxis(y[::-1] if reverse else y, 0, dim)
    return np.ascontiguousarray(y).astype(b.dtype, copy=False)


def _recurrence(factor, y):
    """y[i] += factor[i] * y[i-1], in place, for rows i = 1, 2, ...; long narrow matrices are first cut into blocks."""
    length, width = y.shape
    if length <= _LONG or width >= _WIDE:
        product = np.empty(width, y.dtype)
        for i in range(1, length):
            y[i] += np.multiply(factor[i], y[i - 1], out=product)
        return y
    block = math.isqrt(length)
    count = -(-length // block)
    # A block a column: (block, count, width), each scanned from nothing, then what its neighbour ends in carried
    # through.
    factor, parts = (_in_blocks(v, block, count) for v in (factor, y))
    parts = _recurrence(factor.reshape(block, -1), parts.reshape(block, -1)).reshape(parts.shape)
    carried = np.multiply.accumulate(factor, axis=0)
    ends = _recurrence(carried[-1], parts[-1].copy())
    parts[:, 1:] += carried[:, 1:] * ends[:-1]
    return np.moveaxis(parts, 1, 0).reshape(-1, width)[:length]


def _in_blocks(v, block, count):
    padded = np.zeros((count * block, v.shape[1]), v.dtype)
    padded[: len(v)] = v
    return np.ascontiguousarray(np.moveaxis(padded.reshape(count, block, -1), 1, 0))
