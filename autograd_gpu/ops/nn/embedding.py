"""Tables of vectors, looked up by number: one row each, or a bag of rows at a time."""

from __future__ import annotations

from typing import Any

from ... import dtypes
from ...modes import no_grad
from ...op import Op
from ...tensor import Tensor, bump_version
from ...user_line import warn
from ..bounds import in_range
from ..cast import cast, counting, in_full
from ..creation import arange
from ..elementwise import clamp, where
from ..index import GatherRows, ScatterAddRows, nonzero
from ..inplace import check_writable
from ..pieces import cat
from ..reduce import norm
from ..shape import reshape, shaped, unsqueeze
from .bag import BagMax, BagSum, counts


class Embedding(GatherRows):
    """y_m = weight[index_m]; what row `padding` gave passes no gradient back."""

    def forward(ctx, x, index, padding):
        ctx.padding = padding
        return super().forward(x, index)

    def keep(ctx, y, x, index, padding):
        ctx.save(index)

    def backward(ctx, gy):
        if ctx.padding is not None:
            (index,) = ctx.saved
            gy = where(unsqueeze(index == ctx.padding, 1), 0.0, gy)
        return super().backward(gy)

    def name(ctx) -> str:
        return "EmbeddingBackward0"


class SparseEmbedding(Embedding):
    """The same; the gradient is sparse, the rows that were looked up, as often as they were."""

    def backward(ctx, gy):
        from ..sparse.coo import of_rows  # few programs need what sparse tensors are made of

        (index,) = ctx.saved
        if ctx.padding is not None:
            kept = reshape(nonzero(index != ctx.padding), (-1,))
            index, gy = index[kept], gy[kept]
        return of_rows(index, gy, ctx.count), None

    def name(ctx) -> str:
        return "EmbeddingBackward0"


class PerUse(Op):
    """y = x; gx = gy with each row divided by how often the index names it."""

    def forward(ctx, x, index):
        return x

    def keep(ctx, y, x, index):
        ctx.save(index)

    def backward(ctx, gy):
        (index,) = ctx.saved
        one = gy.new_ones((index._array.size, 1), dtype=counting(gy.dtype))
        uses = ScatterAddRows.apply(one, index, count=gy._array.shape[0])
        return cast(gy / clamp(uses, min=1.0), gy.dtype), None


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return weight[input]: rows of weight (V, C) for integers of any shape. Row `padding_idx` gets no gradient.

    With `max_norm`, rows of a longer `norm_type`-norm are first shortened to it, in place. `scale_grad_by_freq` divides
    a row's gradient by how often the input names it. With `sparse`, the gradient is a sparse tensor of the rows that
    were looked up, for SGD, Adagrad and SparseAdam.
    """
    _check_table("embedding", input)
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, but got shape {list(weight.shape)}")
    index = _numbers(input, weight)
    if max_norm is not None:
        _shorten(weight, index, max_norm, norm_type)
    if scale_grad_by_freq:
        if sparse:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        weight = PerUse.apply(weight, index)
    operation = SparseEmbedding if sparse else Embedding
    rows = operation.apply(weight, index, padding=_padding_row(padding_idx, weight))
    return shaped(rows, (*input._array.shape, weight._array.shape[1]))


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or largest of the rows weight[input] in each bag: (bags, C) for weight (V, C).

    Bags are the rows of a 2-d input, or the runs of a 1-d input that start at `offsets` (with `include_last_offset` the
    last number is only the end of the last bag). `per_sample_weights`, of input's shape, scales rows in a sum. Row
    `padding_idx` counts for nothing. A bag of nothing gives zeros.
    """
    if weight.dtype is dtypes.int64 and input.is_floating_point():
        warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is "
            "deprecated, and should now be `embedding_bag(input, weight, ...)`."
        )
        weight, input = input, weight
    if not weight.is_floating_point():
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
            f"Float, Double; but got {weight.dtype} instead (embedding_bag)"
        )
    _check_bags(input, weight, offsets, mode, scale_grad_by_freq, per_sample_weights)
    _check_table("embedding_bag", input)
    flat = _numbers(input, weight, RuntimeError)
    if max_norm is not None:
        _shorten(weight, flat, max_norm, norm_type)
    if scale_grad_by_freq:
        weight = PerUse.apply(weight, flat)
    padding = _padding_row(padding_idx, weight)
    index = flat if padding is None else where(flat == padding, -1, flat)
    if sparse:  # the rows of the bags are looked up first: their gradient is that of `embedding`
        weight = SparseEmbedding.apply(weight, flat, padding=padding)
        index = where(index < 0, -1, arange(flat._array.size, device=flat.device))
    index = reshape(index, input._array.shape)
    ends = None if offsets is None else _ends(offsets, include_last_offset, index)
    if mode == "max":
        return BagMax.apply(weight, index, ends)[0]
    if mode == "sum":
        return BagSum.apply(weight, index, per_sample_weights, ends)
    total = BagSum.apply(in_full(weight), index, None, ends)
    return cast(total / clamp(counts(index, ends, total), min=1.0), weight.dtype)


def _check_bags(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    mode: str,
    scale_grad_by_freq: bool,
    per_sample_weights: Tensor | None,
) -> None:
    if per_sample_weights is not None and per_sample_weights._array.shape != input._array.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the "
            f"same shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
            f"sequences. However, found offsets of type {type(offsets)}"
        )
    if input.ndim == 1 and (offsets is None or offsets.ndim != 1):
        raise ValueError("offsets has to be a 1D Tensor" + (" but got None" if offsets is None else ""))
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is None:
        return
    if mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}')."
        )
    if per_sample_weights.dtype is not weight.dtype:
        raise RuntimeError(
            f"expected scalar type {weight.dtype} but found {per_sample_weights.dtype}: per_sample_weights have the "
            "weight's dtype"
        )


def _check_table(name: str, input: Tensor) -> None:
    if input._array.dtype not in (dtypes.int64.numpy, dtypes.int32.numpy):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{input.dtype} instead (while checking arguments for {name})"
        )


def _numbers(input: Tensor, weight: Tensor, error: type[Exception] = IndexError) -> Tensor:
    """Return the row numbers, checked, as a vector."""
    index = reshape(cast(input, dtypes.int64), (input._array.size,))
    count = weight._array.shape[0]
    message = f"index out of range in self: {{index}} is not in the valid range [0, {count}) of the table's rows"
    return in_range(index, count, message, error)


def _padding_row(padding_idx: int | None, weight: Tensor) -> int | None:
    count = weight._array.shape[0]
    if padding_idx is not None and not -count <= padding_idx < max(count, 1):
        raise AssertionError("Padding_idx must be within num_embeddings")
    return None if padding_idx is None else padding_idx % max(count, 1)


def _shorten(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Bring the rows that are looked up, in place, to a length of at most max_norm."""
    with no_grad():
        rows = cast(GatherRows.apply(weight, index), counting(weight.dtype))
        length = norm(rows, norm_type, 1, keepdim=True)
        shorter = cast(where(length > max_norm, rows * (max_norm / (length + 1e-7)), rows), weight.dtype)
        check_writable(weight, "embedding_renorm_")
        weight.device.backend.scatter_rows(weight._array, index._array, shorter._array)
        bump_version(weight)


def _ends(offsets: Tensor, include_last_offset: bool, index: Tensor) -> Tensor:
    """Return where each bag starts, and where the last ends."""
    items = index._array.size
    starts: Any = cast(offsets, dtypes.int64)
    if starts._array.size:
        message = (
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
            "got {index}"
        )
        in_range(starts[:1], 1, message, RuntimeError)
        message = f"offsets[-1] can not be greater than input's length {items} but got offsets[-1] of {{index}}"
        starts = in_range(starts, items + 1, message, RuntimeError)
        message = "offsets: a bag cannot start before the one in front of it, but one does, by {index}"
        in_range(starts[1:] - starts[:-1], items + 1, message, RuntimeError)
    if include_last_offset:
        if not starts._array.size:
            raise RuntimeError("include_last_offset: number of offset should be at least 1")
        return starts
    return cat([starts, arange(items, items + 1, device=starts.device)])
