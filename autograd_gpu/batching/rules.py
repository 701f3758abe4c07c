"""The backend of a vmap level: every array function of a backend, by a rule that gives the hidden dimension a place.

Knows the functions' shapes, not their values: each rule ends in the same function of the backend underneath, which may
be another level's. An array that does not hide this level's axis is taken as the same for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays.cpu import complex_numbers, distribution, elementwise, incomplete_gamma, special
from ..ops.inplace import SHARED_WRITE
from ..ops.strided import check_in_storage
from .batched_array import Axis, BatchedArray
from .rules_nn import NnRules
from .rules_rows import RowRules

_SCALARS = (bool, int, float, complex, str, type(None))


class Batching(NnRules, RowRules):
    """Array functions on arrays that hide `axis`, by means of those of the backend `under`."""

    def __init__(self, axis: Axis, under: Any) -> None:
        self.axis, self.under = axis, under

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(
            f"vmap: there is no batching rule for {name}. Call it outside of vmap, or loop over the batch."
        )

    # ------------------------------------------------------------------------------------------ in and out

    def _raw(self, x: Any) -> Any:
        """Return the whole array, the batch in front; scalars as they are."""
        if isinstance(x, BatchedArray) and x.axis is self.axis:
            return x.raw
        return x if isinstance(x, _SCALARS) else self.under.expand(x[None], (self.axis.size, *x.shape))

    def _hide(self, raw: Any) -> BatchedArray:
        return BatchedArray(raw, self.axis)

    def _shared(self, x: Any) -> BatchedArray:
        """Return an array of the backend underneath as a batch of equal elements."""
        return self._hide(self.under.expand(x[None], (self.axis.size, *x.shape)))

    def _is_shared(self, x: Any) -> bool:
        return not (isinstance(x, BatchedArray) and x.axis is self.axis) or x.is_shared

    def _one(self, x: Any) -> Any:
        """Return the one array that a shared batch repeats."""
        return x.raw[0, ...] if isinstance(x, BatchedArray) and x.axis is self.axis else x

    def _writable(self, out: Any) -> Any:
        if self._is_shared(out) and self.axis.size > 1:
            raise RuntimeError(SHARED_WRITE)
        return out.raw

    def _fold(self, x: Any) -> Any:
        """Return the whole array with the batch merged into the first dimension."""
        raw = self._raw(x)
        return self.under.contiguous(raw).reshape((raw.shape[0] * raw.shape[1], *raw.shape[2:]))

    def _unfold(self, x: Any, rows: int) -> BatchedArray:
        """Return the array with its first dimension parted again into the batch and each example's rows."""
        return self._hide(x.reshape((self.axis.size, rows, *x.shape[1:])))

    # ------------------------------------------------------------------------------------------ memory, cast

    def empty(self, shape, dtype):
        return self._hide(self.under.empty((self.axis.size, *shape), dtype))

    def full(self, shape, value, dtype):
        return self._hide(self.under.full((self.axis.size, *shape), value, dtype))

    def arange(self, start, step, count, dtype):
        return self._shared(self.under.arange(start, step, count, dtype))

    def from_numpy(self, array):
        return self._shared(self.under.from_numpy(array))

    def to_numpy(self, x):
        raise RuntimeError(
            "vmap: It looks like you're calling .item() on a Tensor, or using it in some data-dependent control flow, "
            "or as a NumPy array. A batched tensor has a value per element of the batch: use torch.where instead of "
            "if, and other tensor operations instead of numbers."
        )

    def copy(self, x):
        return self._hide(self.under.copy(self._raw(x)))

    def contiguous(self, x):
        return self._hide(self.under.contiguous(self._raw(x)))

    def copy_into(self, out, x):
        self.under.copy_into(self._writable(out), self._raw(x))

    def fill(self, out, value):
        self.under.fill(self._writable(out), value)

    def expand(self, x, shape):
        return self._hide(self.under.expand(self._raw(x), (self.axis.size, *shape)))

    def as_strided(self, x, shape, strides, offset):
        raw = self._raw(x)
        whole = (raw.shape[0], *shape), (raw.strides[0] // raw.dtype.itemsize, *strides)
        check_in_storage(*whole, offset, raw.dtype.itemsize, self.under.storage(raw)[1])
        return self._hide(self.under.as_strided(raw, *whole, offset))

    def offset(self, x):
        return self.under.offset(self._raw(x))  # of the first example

    def storage(self, x):
        return self.under.storage(self._raw(x))

    def owns(self, x):
        return False

    def synchronize(self):
        self.under.synchronize()

    def cast(self, x, dtype):
        return self._hide(self.under.cast(self._raw(x), dtype))

    # ------------------------------------------------------------------------------------------ along one dimension

    def _along(self, name: str, dim: int, arrays: tuple, *rest: Any) -> Any:
        raws = [self._raw(x) for x in arrays]
        is_scalar = raws[0].ndim == 1  # of no dimensions inside: one of size 1 meanwhile
        if is_scalar:
            raws = [raw[:, None] for raw in raws]
        results = getattr(self.under, name)(*raws, dim + 1, *rest)
        several = results if isinstance(results, tuple) else (results,)
        hidden = tuple(self._hide(y.reshape((self.axis.size,)) if is_scalar else y) for y in several)
        return hidden if isinstance(results, tuple) else hidden[0]

    def softmax(self, x, dim):
        return self._along("softmax", dim, (x,))

    def log_softmax(self, x, dim):
        return self._along("log_softmax", dim, (x,))

    def softmax_backward(self, gy, y, dim):
        return self._along("softmax_backward", dim, (gy, y))

    def log_softmax_backward(self, gy, y, dim):
        return self._along("log_softmax_backward", dim, (gy, y))

    def fft(self, x, dim, inverse):
        return self._along("fft", dim, (x,), inverse)

    def rfft(self, x, dim):
        return self._along("rfft", dim, (x,))

    def irfft(self, x, dim, count):
        return self._along("irfft", dim, (x,), count)

    def cumsum(self, x, dim, dtype):
        return self._along("cumsum", dim, (x,), dtype)

    def cumprod(self, x, dim, dtype):
        return self._along("cumprod", dim, (x,), dtype)

    def logcumsumexp(self, x, dim):
        return self._along("logcumsumexp", dim, (x,))

    def cummax(self, x, dim):
        return self._along("cummax", dim, (x,))

    def cummin(self, x, dim):
        return self._along("cummin", dim, (x,))

    def linear_scan(self, a, b, dim, reverse):
        return self._along("linear_scan", dim, (a, b), reverse)

    def sort(self, x, dim, descending, stable):
        return self._along("sort", dim, (x,), descending, stable)

    def topk(self, x, dim, k, largest):
        return self._along("topk", dim, (x,), k, largest)

    def max_with_index(self, x, dim, keepdim):
        return self._along("max_with_index", dim, (x,), keepdim)

    def min_with_index(self, x, dim, keepdim):
        return self._along("min_with_index", dim, (x,), keepdim)

    def cat(self, arrays, dim):
        return self._hide(self.under.cat([self._raw(x) for x in arrays], dim + 1))

    # ------------------------------------------------------------------------------------------ matrices

    # A batch of matrices with one more dimension in front is a batch of matrices.

    def _matrices(self, name: str, arrays: tuple, *options: Any) -> Any:
        results = getattr(self.under, name)(*(self._raw(x) for x in arrays), *options)
        return tuple(map(self._hide, results)) if isinstance(results, tuple) else self._hide(results)

    def inv(self, x, check):
        return self._matrices("inv", (x,), check)

    def solve(self, a, b, check):
        return self._matrices("solve", (a, b), check)

    def solve_triangular(self, a, b, upper, unitriangular):
        return self._matrices("solve_triangular", (a, b), upper, unitriangular)

    def det(self, x):
        return self._matrices("det", (x,))

    def slogdet(self, x):
        return self._matrices("slogdet", (x,))

    def matrix_exp(self, x):
        return self._matrices("matrix_exp", (x,))

    def cholesky(self, x, check):
        return self._matrices("cholesky", (x,), check)

    def qr(self, x, mode):
        return self._matrices("qr", (x,), mode)

    def eigh(self, x, upper, check):
        return self._matrices("eigh", (x,), upper, check)

    def eigvalsh(self, x, upper, check):
        return self._matrices("eigvalsh", (x,), upper, check)

    def svd(self, x, full_matrices, check):
        return self._matrices("svd", (x,), full_matrices, check)

    def svdvals(self, x, check):
        return self._matrices("svdvals", (x,), check)

    # ------------------------------------------------------------------------------------------ windows

    def im2col(self, x, size, output, kernel, *steps):
        columns = self.under.im2col(self._fold(x), size, output, kernel, *steps)  # (C, *kernel, V * N, *output)
        at = 1 + len(kernel)
        split = columns.reshape((*columns.shape[:at], self.axis.size, x.shape[0], *output))
        order = (at, *(d for d in range(split.ndim) if d != at))
        return self._hide(self.under.contiguous(split.transpose(order)))

    def col2im(self, columns, size, output, kernel, *steps):
        raw, at = self._raw(columns), 1 + len(kernel)
        order = (*range(1, 1 + at), 0, *range(1 + at, raw.ndim))
        split = self.under.contiguous(raw.transpose(order))
        merged = split.reshape((*split.shape[:at], split.shape[at] * split.shape[at + 1], *output))
        return self._unfold(self.under.col2im(merged, size, output, kernel, *steps), split.shape[at + 1])

    def convolution(self, x, weight, *window):
        return self._convolution(self.under.convolution, x, weight, *window)

    def convolution_transposed(self, gy, weight, *window):
        return self._convolution(self.under.convolution_transposed, gy, weight, *window)

    def _convolution(self, function, x, weight, *window_and_groups):
        if self._is_shared(weight):
            return self._unfold(function(self._fold(x), self._one(weight), *window_and_groups), x.shape[0])
        *window, groups = window_and_groups  # a weight an example: each is groups of its own
        y = function(self._as_channels(x), self._fold(weight), *window, groups * self.axis.size)
        return self._from_channels(y)

    def convolution_weight(self, x, gy, *window_and_groups):
        *window, groups = window_and_groups
        images = self._as_channels(x), self._as_channels(gy)
        return self._unfold(self.under.convolution_weight(*images, *window, groups * self.axis.size), gy.shape[1])

    def _as_channels(self, x):
        """Return the whole array (N, V * C, ...) for a batch of (N, C, ...)."""
        raw = self.under.contiguous(self._raw(x).swapaxes(0, 1))
        return raw.reshape((raw.shape[0], raw.shape[1] * raw.shape[2], *raw.shape[3:]))

    def _from_channels(self, x):
        split = x.reshape((x.shape[0], self.axis.size, x.shape[1] // max(self.axis.size, 1), *x.shape[2:]))
        return self._hide(self.under.contiguous(split.swapaxes(0, 1)))

    def max_pool(self, x, *window):
        y, index = self.under.max_pool(self._fold(x), *window)
        return self._unfold(y, x.shape[0]), self._unfold(index, x.shape[0])

    def max_pool_backward(self, gy, index, *window):
        return self._unfold(self.under.max_pool_backward(self._fold(gy), self._fold(index), *window), gy.shape[0])

    def avg_pool(self, x, *window):
        return self._unfold(self.under.avg_pool(self._fold(x), *window), x.shape[0])

    def avg_pool_backward(self, gy, *window):
        return self._unfold(self.under.avg_pool_backward(self._fold(gy), *window), gy.shape[0])

    # ------------------------------------------------------------------------------------------ rows by number

    def checked_index(self, index, low, high, ignored, refuse):
        return self._hide(self.under.checked_index(self._raw(index), low, high, ignored, refuse))

    def refuse_zeros(self, x, refuse):
        self.under.refuse_zeros(self._raw(x), refuse)

    def gather_rows(self, x, index):
        if self._is_shared(x):
            return self._unfold(self.under.gather_rows(self._one(x), self._fold(index)), index.shape[0])
        rows = self._row_numbers(index, x.shape[0])
        return self._unfold(self.under.gather_rows(self._fold(x), rows), index.shape[0])

    def scatter_add_rows(self, gy, index, count):
        rows = self._row_numbers(index, count)
        return self._unfold(self.under.scatter_add_rows(self._fold(gy), rows, self.axis.size * count), count)

    def scatter_rows(self, out, index, x):
        raw = self._writable(out)
        rows = raw.reshape((raw.shape[0] * raw.shape[1], *raw.shape[2:]))
        self.under.scatter_rows(rows, self._row_numbers(index, out.shape[0]), self._fold(x))

    def _row_numbers(self, index, count):
        """Return the rows' numbers among those of the whole batch; a wrong one stays out of range."""
        under, raw = self.under, self._raw(index)
        wrapped = under.where(under.lt(raw, 0), under.add(raw, count), raw)
        first = under.arange(0, count, self.axis.size, raw.dtype)[:, None]  # each example's first row
        rows = under.add(wrapped, under.expand(first, raw.shape))
        is_right = under.logical_and(under.ge(wrapped, 0), under.lt(wrapped, count))
        return under.where(is_right, rows, self.axis.size * count).reshape((raw.shape[0] * raw.shape[1],))

    def nonzero(self, x):
        raise RuntimeError(
            "vmap: nonzero and indexing by a mask have results whose size depends on the data, which may differ within "
            "the batch (dynamic shapes). Use torch.where or masked_fill instead."
        )

    # ------------------------------------------------------------------------------------------ random numbers

    def _check_randomness(self) -> bool:
        if self.axis.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation out of vmap."
            )
        return self.axis.randomness == "same"

    def random_state(self, seed):
        return self.under.random_state(seed)

    def uniform(self, state, shape, dtype):
        if self._check_randomness():
            return self._hide(self.under.copy(self._shared(self.under.uniform(state, shape, dtype)).raw))
        return self._hide(self.under.uniform(state, (self.axis.size, *shape), dtype))

    def normal(self, state, shape, dtype):
        if self._check_randomness():
            return self._hide(self.under.copy(self._shared(self.under.normal(state, shape, dtype)).raw))
        return self._hide(self.under.normal(state, (self.axis.size, *shape), dtype))

    def dropout(self, x, p, state):
        if not self._check_randomness():
            y, keep = self.under.dropout(self._raw(x), p, state)
            return self._hide(y), self._hide(keep)
        keep = self._shared(self.under.dropout(self.under.full(x.shape, 1, x.dtype), p, state)[1])
        return self.mul(self.where(keep, x, 0), 0.0 if p == 1 else 1 / (1 - p)), keep


def _elementwise(name: str) -> Callable:
    def rule(self, *operands, out=None):
        function = getattr(self.under, name)
        raws = [self._raw(x) for x in operands]
        if out is None:
            return self._hide(function(*raws))
        function(*raws, out=self._writable(out))
        return out

    rule.__name__ = rule.__qualname__ = name
    return rule


def _reduction(name: str) -> Callable:
    def rule(self, x, dims, keepdim, *rest):
        function, raw = getattr(self.under, name), self._raw(x)
        if not dims:  # nothing to reduce, which kernels would read as everything: reduce a new dimension of size 1
            return self._hide(function(raw[..., None], (raw.ndim,), False, *rest))
        return self._hide(function(raw, tuple(d + 1 for d in dims), keepdim, *rest))

    rule.__name__ = rule.__qualname__ = name
    return rule


for _family in (elementwise, special, distribution, incomplete_gamma, complex_numbers):
    for _name in _family.__all__:
        setattr(Batching, _name, _elementwise(_name))
for _name in ("sum", "mean", "prod", "amax", "amin", "any", "all", "var"):
    setattr(Batching, _name, _reduction(_name))
