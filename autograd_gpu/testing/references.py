"""What the operations mean, in NumPy and float64, written as the formula reads. Slow on purpose; knows no tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any

erf = np.vectorize(math.erf, otypes=[np.float64])
erfc = np.vectorize(math.erfc, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def gelu(x: Array, approximate: str = "none") -> Array:
    """Hendrycks & Gimpel 2016: x Phi(x), or its tanh approximation."""
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * erfc(-x / math.sqrt(2))


def softmax(x: Array, dim: int) -> Array:
    return np.exp(log_softmax(x, dim))


def log_softmax(x: Array, dim: int) -> Array:
    if x.size == 0:
        return x
    shifted = x - x.max(dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))


def logsumexp(x: Array, dim: int, keepdim: bool = False) -> Array:
    if x.shape[dim] == 0:
        return np.log(x.sum(dim, keepdims=keepdim))
    top = x.max(dim, keepdims=True)
    total = np.log(np.exp(x - top).sum(dim, keepdims=True)) + top
    return total if keepdim else total.squeeze(dim)


def layer_norm(x: Array, shape: tuple, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:
    """Ba, Kiros & Hinton 2016."""
    dims = tuple(range(x.ndim - len(shape), x.ndim))
    y = (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def cross_entropy(
    x: Array,
    target: Array,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """x (N, C, ...), target (N, ...)."""
    log_p = log_softmax(x, 1) if x.ndim > 1 else log_softmax(x, 0)[None]
    target = target if x.ndim > 1 else target[None]
    kept = target != ignore_index
    picked = np.take_along_axis(log_p, np.expand_dims(np.where(kept, target, 0), 1), 1).squeeze(1)
    loss = -(1 - label_smoothing) * picked - label_smoothing * log_p.mean(1)
    loss = np.where(kept, loss, 0)
    if reduction == "mean":
        return loss.sum() / kept.sum()
    if reduction == "sum":
        return loss.sum()
    return loss if x.ndim > 1 else loss[0]


def feed_forward(
    x: Array, weight1: Array, bias1: Array, weight2: Array, bias2: Array, approximate: str = "none"
) -> Array:
    """Vaswani et al. 2017, section 3.3, with gelu."""
    hidden = gelu(x @ weight1.T + (0 if bias1 is None else bias1), approximate)
    return hidden @ weight2.T + (0 if bias2 is None else bias2)


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Any = None,
    enable_gqa: bool = False,
) -> Array:
    """Vaswani et al. 2017, equation 1. A query that may see nothing gives zeros, as in PyTorch."""
    if enable_gqa:
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)  # (..., T, S)
    if is_causal:
        scores = np.where(np.tri(q.shape[-2], k.shape[-2], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if scores.size == 0:
        return np.zeros((*q.shape[:-1], v.shape[-1]))
    top = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1, total) @ v


def with_index(x: Array, dim: int, keepdim: bool = False, largest: bool = True) -> tuple[Array, Array]:
    """The extreme along `dim` and where it first is; NaN wins."""
    index = (np.argmax if largest else np.argmin)(x, axis=dim, keepdims=True)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def sort(x: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> tuple[Array, Array]:
    """Stable in either direction, so that equals keep their order."""
    if descending:
        order = np.flip(x.shape[dim] - 1 - np.argsort(np.flip(x, dim), axis=dim, kind="stable"), dim)
    else:
        order = np.argsort(x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def philox(seed: int, counters: Array) -> Array:
    """Salmon et al. 2011, Philox-4x32-10: (n,) counters give (n, 4) words of 32 bits."""
    low32 = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    counters = counters.astype(np.uint64)
    c0, c1 = counters & low32, counters >> shift
    c2 = c3 = np.zeros_like(c0)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ np.uint64(k0), p1 & low32, (p0 >> shift) ^ c3 ^ np.uint64(k1), p0 & low32
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1)


def uniform(shape: tuple[int, ...], seed: int) -> Array:
    """The first float32 uniforms of a seed: the top 24 bits of each word."""
    count = math.prod(shape)
    words = philox(seed, np.arange(-(-count // 4))).reshape(-1)[:count]
    return ((words >> np.uint64(8)) * 2.0**-24).reshape(shape)


def dropout(x: Array, p: float, training: bool = True, seed: int = 0) -> Array:
    if not training or p == 0:
        return x
    keep = uniform(x.shape, seed) >= p
    return np.where(keep, x / (1 - p if p < 1 else 1), 0)


def solved(a: Array, b: Array) -> Array:
    """inv(a) b for b a matrix, or a vector where its shape says so."""
    if b.ndim == 1 or (a.ndim == b.ndim + 1 and a.shape[:-1] == b.shape):
        return (np.linalg.inv(a) @ b[..., None])[..., 0]
    return np.linalg.inv(a) @ b


def tensorinv(x: Array, ind: int = 2) -> Array:
    rows, columns = x.shape[:ind], x.shape[ind:]
    return np.linalg.inv(x.reshape(math.prod(rows), math.prod(columns))).reshape(columns + rows)


def solved_triangular(
    a: Array, b: Array, upper: bool, left: bool = True, unitriangular: bool = False, transpose: bool = False
) -> Array:
    """The same with one triangle of a, read with ones on the diagonal or not, turned or not."""
    triangle = np.triu(a, 1) if upper else np.tril(a, -1)
    triangle = triangle + np.eye(a.shape[-1]) * (1 if unitriangular else a)
    inverse = np.linalg.inv(triangle.mT if transpose else triangle)
    return inverse @ b if left else b @ inverse


def product_of_triangle(x: Array, upper: bool) -> Array:
    """What x's triangle is the Cholesky factor of."""
    return np.triu(x).mT @ np.triu(x) if upper else np.tril(x) @ np.tril(x).mT


def svd(x: Array) -> tuple[Array, Array, Array]:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, vh.mT


def vector_norm(x: Array, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Array:
    dims = tuple(range(x.ndim)) if dim is None else dim
    magnitude = np.abs(x)
    if math.isinf(ord):
        return (np.max if ord > 0 else np.min)(magnitude, axis=dims, keepdims=keepdim)
    return np.sum(magnitude**ord, axis=dims, keepdims=keepdim) ** (1 / ord)


def matrix_norm(x: Array, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Array:
    return np.asarray(np.linalg.norm(x, ord, dim, keepdim))


def norm(x: Array, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Array:
    dims = dim if dim is not None else tuple(range(x.ndim))
    is_matrix = ord is not None and not isinstance(dims, int) and len(dims) == 2
    return matrix_norm(x, ord, dims, keepdim) if is_matrix else vector_norm(x, 2 if ord is None else ord, dim, keepdim)


def matrix_exp(x: Array) -> Array:
    """The series itself, of a matrix halved ten times, and squared as often."""
    small, term, total = x / 2.0**10, np.eye(x.shape[-1]), np.eye(x.shape[-1])
    for order in range(1, 20):
        term = term @ small / order
        total = total + term
    for _ in range(10):
        total = total @ total
    return np.broadcast_to(total, x.shape)


def with_part(x: Array, index: Any, part: Any) -> Array:
    """x with another value at an index."""
    y = x.copy()
    y[index] = part
    return y
