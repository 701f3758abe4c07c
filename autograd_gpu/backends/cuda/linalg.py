"""Solutions and decompositions on the GPU: cuSOLVER and cuBLAS through the driver seam; substitution on our own kernel.

What fails there is asked of the host, which finds the matrix and says what is wrong; so are batches of no elements,
which not every routine takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.backends.cpu import linalg as host
from autograd_gpu.backends.cuda import driver
from autograd_gpu.backends.cuda.elementwise import sub
from autograd_gpu.backends.cuda.launch import Kernel, ceil_div
from autograd_gpu.backends.cuda.matmul import matmul
from autograd_gpu.backends.cuda.memory import contiguous, copy, from_numpy, full, to_numpy

__all__ = [
    "cholesky", "det", "eigh", "eigvalsh", "inv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip

ROWS = 64  # as in kernels/triangular.cu
THREADS = 64
INT32 = np.dtype(np.int32)

_substitute = Kernel("triangular.cu", "substitute", "PPqqiiii")


# ---- solutions


def inv(x, check):
    return _or_host(lambda: (_library("inv", x), _no_codes(x)), host.inv, (x,), check)


def solve(a, b, check):
    return _or_host(lambda: (_library("solve", a, b), _no_codes(a)), host.solve, (a, b), check)


def solve_triangular(a, b, upper, unitriangular):
    a, y = contiguous(a), copy(b)
    n, columns = b.shape[-2:]
    if y.size == 0:
        return y
    grid = math.prod(b.shape[:-2]) * ceil_div(columns, THREADS)
    starts = range(0, n, ROWS)
    for start in reversed(starts) if upper else starts:
        end = min(start + ROWS, n)
        solved = slice(end, n) if upper else slice(0, start)
        if solved.start < solved.stop:
            rest = y[..., start:end, :]
            sub(rest, matmul(a[..., start:end, solved], y[..., solved, :]), out=rest)
        _substitute(y.dtype, grid, THREADS, a, y, n, columns, start, end - start, upper, unitriangular)
    return y


def det(x):
    return _or_host(lambda: _library("det", x), host.det, (x,))


def slogdet(x):
    return _or_host(lambda: _library("slogdet", x), host.slogdet, (x,))


# ---- decompositions


def cholesky(x, check):
    return _or_host(lambda: (_library("cholesky", x), _no_codes(x)), host.cholesky, (x,), check)


def qr(x, mode):
    return _or_host(lambda: _library("qr", x, mode=mode), host.qr, (x,), mode)


def eigh(x, upper, check):
    return _or_host(lambda: _library("eigh", x, UPLO="U" if upper else "L"), host.eigh, (x,), upper, check)


def eigvalsh(x, upper, check):
    return _or_host(lambda: _library("eigvalsh", x, UPLO="U" if upper else "L"), host.eigvalsh, (x,), upper, check)


def svd(x, full_matrices, check):
    return _or_host(lambda: _library("svd", x, full_matrices=full_matrices), host.svd, (x,), full_matrices, check)


def svdvals(x, check):
    return _or_host(lambda: _library("svd", x, compute_uv=False), host.svdvals, (x,), check)


# ---- the library's answer, or the host's


def _library(name: str, *arrays: Any, **options: Any) -> Any:
    """What the array library's linalg gives, C-contiguous; numpy.linalg.LinAlgError when it fails."""
    results = driver.current().linalg(name, *map(contiguous, arrays), **options)
    return tuple(map(contiguous, results)) if isinstance(results, tuple) else contiguous(results)


def _no_codes(x: Any) -> Any:
    return full(x.shape[:-2], 0, INT32)


def _or_host(compute: Callable, on_host: Callable, arrays: tuple, *options: Any) -> Any:
    """compute(), or the host's answer where that fails or there is nothing to compute with."""
    if all(x.size for x in arrays):
        try:
            return compute()
        except np.linalg.LinAlgError:
            pass
    results = on_host(*map(to_numpy, arrays), *options)
    return tuple(map(from_numpy, results)) if isinstance(results, tuple) else from_numpy(results)
