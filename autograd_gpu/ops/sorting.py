"""What sorting answers: order statistics, distinct values, and the places of values in a sorted sequence."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .cast import Number, broadcast, cast, is_scalar
from .creation import arange
from .elementwise import where
from .index import gather, nonzero
from .pieces import cat
from .public import public
from .reduce import Amax, ValuesAndIndices, argmax, argsort, sort, sum
from .reduce import any as any_of
from .scan import cummax
from .shape import movedim, narrow, reshape, squeeze, unsqueeze, wrap_dim
from .unary import isnan, logical_not

kthvalue_result, median_result, nanmedian_result, mode_result = (
    type(name, (ValuesAndIndices,), {"__slots__": ()}) for name in ("kthvalue", "median", "nanmedian", "mode")
)


@public
def msort(input: Tensor) -> Tensor:
    """Return input sorted along its first dimension."""
    return sort(input, 0).values


# ---------------------------------------------------------------------------------------------- order statistics


def _pick(input: Tensor, index: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Return the elements at `index`, which has size 1 along `dim`, and the index itself."""
    values = gather(input, dim, index)
    return (values, index) if keepdim or input.ndim == 0 else (squeeze(values, dim), squeeze(index, dim))


@public
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return (values, indices) of the k-th smallest element along `dim`, counted from 1."""
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    order = argsort(input, dim, stable=True)
    index = narrow(order, dim, k - 1, 1).clone() if input.ndim else order  # type: ignore[attr-defined]
    return kthvalue_result(*_pick(input, index, dim, keepdim))


class Median(Amax):
    """y = the middle one of all elements, the lower of two; elements equal to it share the gradient evenly."""

    is_full = True

    def forward(ctx, x, dims, keepdim, ignore_nan):
        ctx.shape, ctx.dims = x.shape, dims
        backend = ctx.backend
        ordered = backend.sort(backend.contiguous(x).reshape((-1,)), 0, False, True)[0]
        place = _middle(ctx, ordered, ignore_nan)
        return backend.gather_rows(ordered.reshape((-1, 1)), place).reshape(())

    def keep(ctx, y, x, dims, keepdim, ignore_nan):
        ctx.save(x, ctx.own(y))

    def name(ctx) -> str:
        return "MedianBackward0"


def _middle(ctx: Any, ordered: Any, ignore_nan: bool) -> Any:
    """Where the median of a sorted vector is, as an array of one: NaN, of which there may be some at the end, wins."""
    backend, n = ctx.backend, ordered.shape[0]
    numbers = backend.sum(backend.cast(backend.logical_not(backend.isnan(ordered)), dtypes.int64.numpy), (0,), True,
                          dtypes.int64.numpy)  # fmt: skip
    middle = backend.floor_divide(backend.clamp(backend.sub(numbers, 1), 0, None), 2)
    return (
        middle if ignore_nan else backend.where(backend.lt(numbers, n), backend.full((1,), n - 1, middle.dtype), middle)
    )


@public
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element (the lower of two), or (values, indices) of those along `dim`; NaN wins."""
    return _median(input, dim, keepdim, False, median_result)


@public
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle one of the elements that are not NaN, or (values, indices) of those along `dim`."""
    return _median(input, dim, keepdim, True, nanmedian_result)


def _median(input: Tensor, dim: int | None, keepdim: bool, ignore_nan: bool, result: Any) -> Any:
    if dim is None:
        if input._array.size == 0:
            return input.new_full((), float("nan")) if input.is_floating_point() else input.new_zeros(())  # type: ignore[attr-defined]
        return Median.apply(input, dims=tuple(range(input.ndim)), keepdim=False, ignore_nan=ignore_nan)
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return result(*_pick(input, arange(1, device=input.device).reshape(()), 0, keepdim))
    size = input._array.shape[dim]
    if size == 0:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    order = argsort(input, dim, stable=True)
    numbers = sum(logical_not(isnan(input)), dim, keepdim=True)
    place = (numbers - 1).clamp(min=0) // 2  # type: ignore[attr-defined]
    if not ignore_nan:
        place = where(numbers < size, numbers, place)  # the first NaN
    return result(*_pick(input, gather(order, dim, place), dim, keepdim))


@public
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return (values, indices) of the most frequent element along `dim`: the smallest of several, its last place."""
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return mode_result(*_pick(input, arange(1, device=input.device).reshape(()), 0, keepdim))
    size = input._array.shape[dim]
    if size == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    ordered, order = sort(input.detach(), dim, stable=True)
    place = reshape(arange(size, device=input.device), [size if d == dim else 1 for d in range(input.ndim)])
    place = broadcast(place, input._array.shape)
    changes = narrow(ordered, dim, 1, size - 1) != narrow(ordered, dim, 0, size - 1)
    starts = cat([narrow(place, dim, 0, 1), where(changes, narrow(place, dim, 1, size - 1), 0)], dim)
    length_so_far = place - cummax(starts, dim).values
    last_of_longest = argmax(length_so_far, dim, keepdim=True)
    return mode_result(*_pick(input, gather(order, dim, last_of_longest), dim, keepdim))


# ---------------------------------------------------------------------------------------------- distinct values


@public
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements (or, along `dim`, slices) in ascending order.

    With `return_inverse` and `return_counts` also where each element went and how often each occurs. Synchronises.
    """
    if dim is None:
        flat = reshape(input.detach(), (input._array.size,))
        order = argsort(flat, stable=True)
        rows, shape = unsqueeze(flat[order], 1), input._array.shape  # type: ignore[index]
    else:
        dim = wrap_dim(dim, input.ndim)
        rows = movedim(input.detach(), dim, 0)
        rows = reshape(rows, (rows.shape[0], rows[0].numel() if rows.shape[0] else 0))  # type: ignore[index]
        order = arange(rows.shape[0], device=input.device)
        for column in reversed(range(rows.shape[1])):  # stable, so the first column decides first
            order = order[argsort(rows[order, column], stable=True)]  # type: ignore[index]
        rows, shape = rows[order], (rows.shape[0],)  # type: ignore[index]
    first, group, counts = _runs(rows)
    inverse = group.new_zeros(group.shape).scatter(0, order, group).reshape(shape)  # type: ignore[attr-defined]
    return _distinct(input, order[first], inverse, counts, return_inverse, return_counts, dim)  # type: ignore[index]


@public
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements (or, along `dim`, slices) that differ from the one before. Synchronises."""
    if dim is None:
        rows, shape = reshape(input.detach(), (input._array.size, 1)), input._array.shape
    else:
        dim = wrap_dim(dim, input.ndim)
        rows = movedim(input.detach(), dim, 0)
        rows = reshape(rows, (rows.shape[0], rows[0].numel() if rows.shape[0] else 0))  # type: ignore[index]
        shape = (rows.shape[0],)
    first, group, counts = _runs(rows)
    return _distinct(input, first, reshape(group, shape), counts, return_inverse, return_counts, dim)


def _runs(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of runs of equal rows (n, C): where each begins (runs,), the run of each row (n,), the lengths (runs,)."""
    n = rows._array.shape[0]
    if n == 0:
        nothing = arange(0, device=rows.device)
        return nothing, nothing, nothing
    changes = any_of(narrow(rows, 0, 1, n - 1) != narrow(rows, 0, 0, n - 1), 1)
    begins = cat([changes.new_ones(1), changes])  # type: ignore[attr-defined]
    first = reshape(nonzero(begins), (-1,))
    ends = cat([narrow(first, 0, 1, first.shape[0] - 1), first.new_full((1,), n)])  # type: ignore[attr-defined]
    return first, begins.cumsum(0) - 1, ends - first  # type: ignore[attr-defined]


def _distinct(
    input: Tensor,
    picked: Tensor,
    inverse: Tensor,
    counts: Tensor,
    with_inverse: bool,
    with_counts: bool,
    dim: int | None,
) -> Any:
    values = (reshape(input, (input._array.size,)) if dim is None else input).detach().index_select(dim or 0, picked)  # type: ignore[attr-defined]
    result = (values, *([inverse] if with_inverse else []), *([counts] if with_counts else []))
    return result if len(result) > 1 else values


# ---------------------------------------------------------------------------------------------- places in a sequence


@public(method=False, out=True)
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where along the last dimension each input would go so that the sequence stays sorted.

    Before equal elements, or after them with ``right=True`` or ``side="right"``. All leading dimensions agree, or the
    sequence is a vector. `sorter` is the order that sorts the sequence, if it is not sorted itself.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    sequence = sorted_sequence.detach()
    if sorter is not None:
        sequence = gather(sequence, -1, sorter)
    values = sequence.new_full((), input) if is_scalar(input) else input.detach()  # type: ignore[attr-defined, union-attr]
    dtype = dtypes.promote_types(values.dtype, sequence.dtype)
    sequence, values = cast(sequence, dtype), cast(values, dtype)
    if sequence.ndim > 1 and sequence._array.shape[:-1] != values._array.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sequence.shape)} and input "
            f"value tensor {list(values.shape)}"
        )
    flat = values if sequence.ndim > 1 else reshape(values, (values._array.size,))
    place = reshape(_place(sequence, flat, right or side == "right"), values._array.shape)
    return cast(place, dtypes.int32) if out_int32 else place


def _place(sequence: Tensor, values: Tensor, after_equals: bool) -> Tensor:
    """Binary search of all values at once: `low` is where the answer begins, and a round halves what is left."""
    size = sequence._array.shape[-1]
    low = arange(1, device=values.device).expand(values.shape) * 0  # type: ignore[attr-defined]
    high = low + size
    for _ in range(size.bit_length()):
        middle = (low + high) // 2
        there = gather(sequence, -1, middle.clamp(max=size - 1))
        goes_left = (there > values) if after_equals else (there >= values)  # NaN goes to the end
        is_open = low < high
        low = where(is_open & ~goes_left, middle + 1, low)
        high = where(is_open & goes_left, middle, high)
    return low


@public(method=False, out=True)
def bucketize(input: Tensor | Number, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return which of the buckets between the sorted boundaries (a vector) each input falls into."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@public(method=False)
def isin(
    elements: Tensor | Number, test_elements: Tensor | Number, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Return whether each element is among the test elements."""
    like = elements if isinstance(elements, Tensor) else test_elements
    x, tests = (value if isinstance(value, Tensor) else like.new_tensor(value) for value in (elements, test_elements))  # type: ignore[union-attr]
    found = any_of(unsqueeze(x, -1) == reshape(tests, (tests._array.size,)), -1)
    return logical_not(found) if invert else found
