"""Solutions and decompositions on the GPU: cuSOLVER and cuBLAS through the driver seam; substitution on our own kernel.

What fails there is asked of the host, which finds the matrix and says what is wrong; so are batches of no elements,
which not every routine takes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.arrays.cpu import linalg as host
from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.elementwise import abs, add, mul, sub, where
from autograd_gpu.arrays.cuda.launch import Kernel, ceil_div
from autograd_gpu.arrays.cuda.matmul import matmul
from autograd_gpu.arrays.cuda.memory import contiguous, copy, expand, from_numpy, full, to_numpy
from autograd_gpu.arrays.cuda.reduce import amax, sum

__all__ = [
    "cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_exp", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals",
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


# ---- the exponential


def matrix_exp(x):
    if x.size == 0:
        return copy(x)
    columns = amax(sum(abs(x), (x.ndim - 2,), False, x.dtype), (x.ndim - 2,), False)
    times = host.halvings(to_numpy(columns))
    a = mul(x, _over_matrices(from_numpy(np.exp2(-times).astype(x.dtype)), x))
    a2 = matmul(a, a)
    a4 = matmul(a2, a2)
    powers = a2, a4, matmul(a4, a2)
    even, odd = (_polynomial(coefficients, powers) for coefficients in (host.PADE[0::2], host.PADE[1::2]))
    odd = matmul(a, odd)
    y = solve(sub(even, odd), add(even, odd), "linalg.matrix_exp")[0]
    for step in range(times.max()):
        y = where(_over_matrices(from_numpy(times > step), y), matmul(y, y), y)
    return y


def _over_matrices(values: Any, like: Any) -> Any:
    """A value a matrix, repeated over it."""
    return expand(values[..., None, None], like.shape)


def _polynomial(c: tuple[float, ...], powers: tuple[Any, ...]) -> Any:
    """The sum of c_i times the i-th power of a matrix, given its powers 1 to 3."""
    high, low = (functools.reduce(add, map(mul, powers, part)) for part in (c[4:], c[1:4]))
    y = add(matmul(powers[2], high), low)
    diagonal = y.diagonal(0, y.ndim - 2, y.ndim - 1)
    add(diagonal, c[0], out=diagonal)
    return y


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
