"""Solutions and decompositions on the CPU: LAPACK through NumPy, for batches of any dimensions, empty ones included.

Those that can fail take `check`, the name of who asks: then failure raises LinAlgError in PyTorch's words, else an
int32 code a matrix tells which failed and where.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.errors import LinAlgError

from .quiet import quiet

__all__ = [
    "cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_exp", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals",
]  # fmt: skip

BLOCK = 32  # rows that substitution does one by one; all before them by one matrix product

SINGULAR_INVERSE = (
    "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
)
SINGULAR = "The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{} is not positive-definite)."
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
    """The ascending eigenvalues and the eigenvectors, in columns, of the symmetric matrix of which one triangle is
    read."""
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


# ---- the exponential


@quiet
def matrix_exp(x):
    """1 + x + x @ x / 2 + ... of square matrices."""
    times = halvings(np.abs(x).sum(-2).max(-1, initial=0))
    a = x * np.exp2(-times).astype(x.dtype)[..., None, None]
    one = np.eye(x.shape[-1], dtype=x.dtype)
    a2 = a @ a
    powers = one, a2, a2 @ a2, a2 @ a2 @ a2
    even, odd = (_polynomial(coefficients, powers) for coefficients in (PADE[0::2], PADE[1::2]))
    odd = a @ odd
    y = np.linalg.solve(even - odd, even + odd)
    for step in range(times.max(initial=0)):
        y = np.where(times[..., None, None] > step, y @ y, y)
    return y


# Higham 2005, "The scaling and squaring method for the matrix exponential revisited": the coefficients of the [13/13]
# Pade approximant, ascending, and the 1-norm up to which it is accurate to float64.
PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
ACCURATE_UP_TO = 5.371920351148152


def halvings(norms: np.ndarray) -> np.ndarray:
    """How often to halve matrices of these 1-norms, and to square their exponentials."""
    ratio = np.where(np.isfinite(norms), norms, 0).astype(np.float64) / ACCURATE_UP_TO
    return np.ceil(np.log2(np.maximum(ratio, 1))).astype(np.int64)


def _polynomial(c: tuple[float, ...], powers: tuple[np.ndarray, ...]) -> np.ndarray:
    """The sum of c_i times the i-th power of a matrix, given its powers 0 to 3."""
    one, a, a2, a3 = powers
    return a3 @ (c[4] * a + c[5] * a2 + c[6] * a3) + c[0] * one + c[1] * a + c[2] * a2 + c[3] * a3


# ---- what went wrong, and where


@quiet
def _or_codes(function: Callable, code_of: Callable, problem: str, check: str | None, x: Any, *others: Any) -> Any:
    """function(x, *others) and a zero for each matrix; where it fails, matrix by matrix, what can be had and its
    code."""
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
    batch = x.shape[:-2]
    if not np.isfinite(x).all():  # some LAPACKs never come back from it
        place = next(place for place in np.ndindex(*batch) if not np.isfinite(x[place]).all())
        what = problem if problem is NO_EIGENVALUES else NOT_FINITE
        raise LinAlgError(_message(check, place, batch, what, x.shape[-1]))
    try:
        return function(x, *options)
    except np.linalg.LinAlgError:
        for place in np.ndindex(*batch):
            try:
                function(x[place], *options)
            except np.linalg.LinAlgError:
                raise LinAlgError(_message(check, place, batch, problem, x.shape[-1])) from None
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
