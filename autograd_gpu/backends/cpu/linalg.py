"""Solutions and decompositions on the CPU: LAPACK through NumPy, for batches of any dimensions, empty ones included.

Those that can fail take `check`, the name of who asks: then failure raises LinAlgError in PyTorch's words, else an int32
code a matrix tells which failed and where.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.errors import LinAlgError

from .quiet import quiet

__all__ = [
    "cholesky", "det", "eigh", "eigvalsh", "inv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip

BLOCK = 32  # rows that substitution does one by one; all before them by one matrix product

SINGULAR_INVERSE = (
    "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
)
SINGULAR = "The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order {} "
    "is not positive-definite)."
)
NO_EIGENVALUES = (
    "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues "
    "(error code: {})."
)
NO_SINGULAR_VALUES = NO_EIGENVALUES.replace("eigen", "singular ")
NOT_FINITE = "The algorithm failed to converge because the input matrix contained non-finite values."


# ---- solutions


def inv(x, check):
    """The inverses and, for each matrix, 0 or the number of the first pivot that is zero."""
    return _or_codes(np.linalg.inv, _zero_pivot, SINGULAR_INVERSE, check, x)


def solve(a, b, check):
    """y with a @ y = b for a (*batch, n, n) and b (*batch, n, k), and codes as those of `inv`."""
    return _or_codes(np.linalg.solve, _zero_pivot, SINGULAR, check, a, b)


@quiet
def solve_triangular(a, b, upper, unitriangular):
    """y with a @ y = b, of whose a only one triangle is read; a zero on the diagonal gives infinities."""
    y = np.array(b, order="C")
    n = a.shape[-1]
    starts = range(0, n, BLOCK)
    for start in reversed(starts) if upper else starts:
        end = min(start + BLOCK, n)
        solved = slice(end, n) if upper else slice(0, start)
        y[..., start:end, :] -= a[..., start:end, solved] @ y[..., solved, :]
        for i in reversed(range(start, end)) if upper else range(start, end):
            solved = slice(i + 1, end) if upper else slice(start, i)
            y[..., i, :] -= (a[..., i : i + 1, solved] @ y[..., solved, :])[..., 0, :]
            if not unitriangular:
                y[..., i, :] /= a[..., i, i, None]
    return y


@quiet
def det(x):
    """The determinants."""
    return np.asarray(np.linalg.det(x))


@quiet
def slogdet(x):
    """The determinants' signs and the logarithms of their magnitudes: 0 and -inf for a singular matrix."""
    sign, logabsdet = np.linalg.slogdet(x)
    return np.asarray(sign), np.asarray(logabsdet)


# ---- decompositions


def cholesky(x, check):
    """L, lower triangular, with L @ L' = x, and for each matrix 0 or the order of the first minor that is not positive.

    Reads the lower triangle only.
    """
    return _or_codes(_cholesky, _first_minor, NOT_POSITIVE, check, x)


def qr(x, mode):
    """Q, orthonormal, and R, upper triangular, with Q @ R = x; mode "reduced" or "complete"."""
    q, r = np.linalg.qr(x, mode)
    return np.ascontiguousarray(q), np.ascontiguousarray(r)


def eigh(x, upper, check):
    """The ascending eigenvalues and the eigenvectors, in columns, of the symmetric matrix of which one triangle is read."""
    values, vectors = _converged(np.linalg.eigh, NO_EIGENVALUES, check, x, "U" if upper else "L")
    return values, np.ascontiguousarray(vectors)


def eigvalsh(x, upper, check):
    """The eigenvalues of `eigh` alone."""
    return _converged(np.linalg.eigvalsh, NO_EIGENVALUES, check, x, "U" if upper else "L")


def svd(x, full_matrices, check):
    """U, the descending S and V' with U @ diag(S) @ V' = x; square U and V' with `full_matrices`."""
    u, s, vh = _converged(np.linalg.svd, NO_SINGULAR_VALUES, check, x, full_matrices)
    return np.ascontiguousarray(u), s, np.ascontiguousarray(vh)


def svdvals(x, check):
    """The S of `svd` alone."""
    return _converged(np.linalg.svdvals, NO_SINGULAR_VALUES, check, x)


# ---- what went wrong, and where


@quiet
def _or_codes(function: Callable, code_of: Callable, problem: str, check: str | None, x: Any, *others: Any) -> Any:
    """function(x, *others) and a zero for each matrix; where it fails, matrix by matrix, what can be had and its code."""
    batch = x.shape[:-2]
    try:
        return function(x, *others), np.zeros(batch, np.int32)
    except np.linalg.LinAlgError:
        result = np.full(others[0].shape if others else x.shape, np.nan, x.dtype)
        codes = np.zeros(batch, np.int32)
        for place in np.ndindex(*batch):
            try:
                result[place] = function(x[place], *(y[place] for y in others))
            except np.linalg.LinAlgError:
                codes[place] = code_of(x[place])
                if check is not None:
                    raise LinAlgError(_message(check, place, batch, problem, codes[place])) from None
        return result, codes


def _converged(function: Callable, problem: str, check: str, x: Any, *options: Any) -> Any:
    """function(x, *options), or the error for the first matrix that it fails on."""
    try:
        return function(x, *options)
    except np.linalg.LinAlgError:
        batch = x.shape[:-2]
        for place in np.ndindex(*batch):
            try:
                function(x[place], *options)
            except np.linalg.LinAlgError:
                is_known = problem is NO_EIGENVALUES or np.isfinite(x[place]).all()
                what = problem if is_known else NOT_FINITE
                raise LinAlgError(_message(check, place, batch, what, x.shape[-1])) from None
        raise


def _message(check: str, place: tuple[int, ...], batch: tuple[int, ...], problem: str, code: int) -> str:
    which = f"(Batch element {np.ravel_multi_index(place, batch)}): " if batch else ""
    return f"{check}: {which}{problem.format(code)}"


def _cholesky(x: np.ndarray) -> np.ndarray:
    lower = np.linalg.cholesky(x)
    if x.shape[-1] and np.isnan(lower[..., -1, -1]).any():  # not every LAPACK minds a NaN; it spreads to the last
        raise np.linalg.LinAlgError
    return lower


def _first_minor(x: np.ndarray) -> int:
    """The order of the first leading minor that is not positive definite; those of the larger are not either."""

    def fails(order: int) -> bool:
        try:
            _cholesky(x[:order, :order])
        except np.linalg.LinAlgError:
            return True
        return False

    return bisect.bisect_left(range(1, x.shape[-1] + 1), True, key=fails) + 1


def _zero_pivot(x: np.ndarray) -> int:
    """The number, from 1, of the first pivot that elimination finds to be zero."""
    x = x.copy()
    for k in range(len(x)):
        best = k + np.argmax(np.abs(x[k:, k]))
        if x[best, k] == 0:
            return k + 1
        x[[k, best]] = x[[best, k]]
        x[k + 1 :, k:] -= np.outer(x[k + 1 :, k] / x[k, k], x[k, k:])
    return len(x)  # LAPACK, adding up in another order, came out at zero for the last
