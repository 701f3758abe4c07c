"""Scaled dot-product attention and its gradients, without a T x S matrix, compiled for this processor:
kernels/host/attention.cu."""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.attention_problem import PROBLEM_FORMAT, along_d, problem
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, shares

__all__ = ["attention", "attention_backward"]

TILE = 64  # queries that are one share, as in attention.cu

_forward = {most: Kernel("attention.cu", f"attention_forward_{most}", f"PPPPPPq{PROBLEM_FORMAT}") for most in (64, 256)}
_backward = {
    most: Kernel("attention.cu", f"attention_backward_{most}", f"PPPPPPPPPPq{PROBLEM_FORMAT}") for most in (64, 256)
}


def attention(q, k, v, mask, causal, scale):
    run = _kernel(_forward, q, k, v, mask)
    if run is None:
        return cpu.attention(q, k, v, mask, causal, scale)
    batch, heads, queries, _ = q.shape
    q, k, v = (along_d(x, contiguous) for x in (q, k, v))
    o, lse = np.empty(q.shape, q.dtype), np.empty((batch, heads, queries), q.dtype)
    owned, work = batch * heads * -(-queries // TILE), q.size * k.shape[2] / 8
    run(shares(owned, work), work, q, k, v, mask, o, lse, owned, problem(q, k, v, None, mask, causal, scale))
    return o, lse


def attention_backward(go, q, k, v, o, lse, mask, causal, scale):
    run = _kernel(_backward, q, k, v, mask)
    if run is None or go.dtype != q.dtype:
        return cpu.attention_backward(go, q, k, v, o, lse, mask, causal, scale)
    go, q, k, v = (along_d(x, contiguous) for x in (go, q, k, v))
    gq, gk, gv = (np.empty(x.shape, x.dtype) for x in (q, k, v))
    owned, work = k.shape[0] * k.shape[1], q.size * k.shape[2] / 4
    packed = problem(q, k, v, go, mask, causal, scale)
    run(shares(owned, work), work, go, q, k, v, contiguous(o), contiguous(lse), mask, gq, gk, gv, owned, packed)
    return gq, gk, gv


def _kernel(kernels, q, k, v, mask):
    """The kernel for these operands; None leaves them to NumPy."""
    if not q.size or not k.size or q.shape[3] > 256 or not q.dtype == k.dtype == v.dtype:
        return None
    if mask is not None and mask.dtype not in (q.dtype, np.dtype(bool)):
        return None
    return kernels[64 if q.shape[3] <= 64 else 256][q.dtype]
