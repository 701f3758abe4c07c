"""Joining arrays on the GPU: a strided copy each, no kernel of its own."""

from __future__ import annotations

from autograd_gpu.arrays.cuda.memory import copy_into, empty

__all__ = ["cat"]


def cat(arrays, dim):
    shape = list(arrays[0].shape)
    shape[dim] = sum(x.shape[dim] for x in arrays)
    out, start = empty(shape, arrays[0].dtype), 0
    for x in arrays:
        end = start + x.shape[dim]
        copy_into(out[(slice(None),) * dim + (slice(start, end),)], x)
        start = end
    return out
