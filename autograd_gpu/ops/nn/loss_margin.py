"""Losses that ask for a distance: between scores, between examples, between a class and the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...dtypes import SCALAR_TYPES, fitting, int64
from ...modes import no_grad
from ...op import Op
from ...tensor import Tensor
from ..bounds import in_range
from ..cast import as_number, cast, result_type, rounded_once, wide_under_autocast
from ..creation import arange, zeros_like
from ..elementwise import clamp, logical_and, minimum, where
from ..index import gather, index_select, scatter_add
from ..integers import real_dim
from ..pieces import cat
from ..reduce import sum
from ..scan import cumsum
from ..shape import narrow, reshape, unsqueeze
from ..unary import sqrt
from .activation import logsigmoid
from .distance import pairwise_distance
from .fused_activation import relu
from .loss_reduction import reduced, reduction_of

# ---------------------------------------------------------------------------------------------- one score, or two


@rounded_once
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return x where y = 1, max(margin - x, 0) where y = -1, reduced."""
    reduction = reduction_of(reduction, size_average, reduce)
    (input,) = wide_under_autocast(input)
    nothing = input * 0
    if not input.is_floating_point():
        margin = fitting(as_number(margin), input.dtype)
    apart = where(target != 1, clamp(margin - input, min=0), nothing)
    return reduced(apart + where(target != -1, input, nothing), reduction)


@rounded_once
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(margin - y (x1 - x2), 0), reduced; y = 1 wants x1 above x2, y = -1 below."""
    reduction = reduction_of(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    input1, input2 = wide_under_autocast(input1, input2)
    return reduced(clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


# ---------------------------------------------------------------------------------------------- two or three examples


@rounded_once
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 - cos(x1, x2) where y = 1, max(cos(x1, x2) - margin, 0) where y = -1, reduced.

    input1 and input2 are (N, D) and target (N,), or (D,) and ().
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    input1, input2 = wide_under_autocast(input1, input2)
    dtype = result_type(input1, input2)
    x, y = cast(input1, dtype), cast(input2, dtype)
    tiny = 9.999999960041972e-13  # 1e-12 as float32 has it, which PyTorch adds in every dtype
    cosine = sum(x * y, -1) / sqrt((sum(x * x, -1) + tiny) * (sum(y * y, -1) + tiny))
    apart = where(target == -1, clamp(cosine - margin, min=0.0), cosine * 0.0)
    return reduced(where(target == 1, 1.0 - cosine, apart), reduction)


@rounded_once
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(margin + d(anchor, positive) - d(anchor, negative), 0), reduced; d is the distance in the p-norm.

    With `swap`, d(positive, negative) stands for the last where it is less (Balntas, Riba, Ponsa & Mikolajczyk 2016).
    """
    reduction = reduction_of(reduction, size_average, reduce)

    anchor, positive, negative = wide_under_autocast(anchor, positive, negative)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool | Any = False,
    reduction: str = "mean",
) -> Tensor:
    """Return `triplet_margin_loss` with a distance of one's own, `pairwise_distance` by default."""
    return _triplet(
        anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction_of(reduction)
    )


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp(margin + near - far, min=0.0), reduction)


# ---------------------------------------------------------------------------------------------- a score a class


@rounded_once
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the sum over the wrong classes i of max(0, margin - x_y + x_i)^p / C, reduced (Weston & Watkins 1999).

    input (N, C) and target (N,), or (C,) and (); p is 1 or 2; `weight` (C,) scales an example's loss by its class.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    x, y = _scores_and_class("multi_margin_loss", *wide_under_autocast(input, target))
    classes = x._array.shape[1]
    if weight is not None and weight._array.size != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    hinge = relu(margin - gather(x, 1, y) + x)
    hinge = hinge * hinge if p == 2 else hinge
    losses = sum(where(_classes(x) == y, 0.0, hinge), 1) / classes
    if weight is not None:
        losses = losses * index_select(weight, 0, reshape(y, (-1,)))
    return reduced(reshape(losses, target._array.shape), reduction)


def _scores_and_class(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scores as (N, C) and each row's class as (N, 1)."""
    if input.ndim not in (1, 2) or 0 in input._array.shape[-1:]:
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    rows = input if input.ndim == 2 else unsqueeze(input, 0)
    if target.ndim > 1 or target._array.size != rows._array.shape[0]:
        raise RuntimeError(f"inconsistent target size, expected {rows._array.shape[0]} but got {list(target.shape)}")
    if target._array.dtype.kind not in "iu":
        raise RuntimeError(f"expected scalar type Long but found {SCALAR_TYPES[target.dtype.name]}")
    classes = in_range(cast(target, int64), rows._array.shape[1], "target out of range: {index}", RuntimeError)
    return rows, reshape(classes, (-1, 1))


def _classes(x: Tensor) -> Tensor:
    return arange(x._array.shape[-1], device=x.device)


@rounded_once
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the sum of max(0, 1 - x_y + x_i) / C over the right classes y and all wrong ones i, reduced.

    input and target are (N, C) or (C,); a row of target lists the right classes and ends at the first -1.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input.ndim not in (1, 2) or 0 in input._array.shape[-1:]:
        raise RuntimeError(
            "multilabel_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    if target._array.shape != input._array.shape:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    (input,) = wide_under_autocast(input)
    if target._array.dtype.kind not in "iu":
        raise RuntimeError(f"expected scalar type Long but found {SCALAR_TYPES[target.dtype.name]}")
    message = "multilabel_margin_loss: argument #2 'target' is out of range: {index}"
    target = in_range(cast(target, int64), input._array.shape[-1], message, RuntimeError, ignored=-1)
    classes = input._array.shape[-1]
    rows, labels = reshape(input, (-1, classes)), reshape(target, (-1, classes))
    with no_grad():
        losses = cat([sum(hinge, (1, 2)) / classes for hinge in _hinges(rows, labels)])
    losses = MultilabelMargin.apply(rows, labels, losses)
    return reduced(reshape(losses, input._array.shape[:-1]), reduction)


HINGES_AT_A_TIME = 1 << 18  # elements


def _hinges(x: Tensor, target: Tensor) -> Iterator[Tensor]:
    """max(0, 1 - x_y + x_i), (some rows, listed y, C), and 0 where i is right too; a number of rows at a time."""
    rows, classes = x._array.shape
    step = max(1, HINGES_AT_A_TIME // (classes * classes))
    for start in range(0, max(rows, 1), step):
        some, labels = (narrow(z, 0, start, min(step, rows - start)) for z in (x, target))
        is_listed = cumsum(labels < 0, -1) == 0  # before the first -1
        safe = where(is_listed, labels, 0)
        marks = scatter_add(zeros_like(labels), 1, safe, cast(is_listed, int64))
        counted = logical_and(unsqueeze(is_listed, -1), unsqueeze(marks == 0, -2))
        hinge = relu(1.0 - unsqueeze(gather(some, 1, safe), -1) + unsqueeze(some, -2))
        yield where(counted, hinge, 0.0)


class MultilabelMargin(Op):
    """losses of scores x (N, C) with right classes, given by who applies it: piecewise linear in x."""

    def forward(ctx, x, target, losses):
        return losses

    def keep(ctx, losses, x, target, given):
        ctx.save(x, target)

    def backward(ctx, gloss):
        x, target = ctx.saved
        with no_grad():
            slopes = [_slope(hinge > 0, x) for hinge in _hinges(x.detach(), target)]
            by_class, by_listed = (cat([slope[side] for slope in slopes]) for side in (0, 1))
            safe = where(cumsum(target < 0, -1) == 0, target, 0)
            slope = scatter_add(by_class, 1, safe, -by_listed) / x._array.shape[1]
        return unsqueeze(gloss, 1) * slope, None, None

    def name(ctx) -> str:
        return "MultilabelMarginLossBackward0"


def _slope(is_open: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """How many hinges are open for each class, and for each listed one."""
    return cast(sum(is_open, 1), like.dtype), cast(sum(is_open, 2), like.dtype)


@rounded_once
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes of -(y log s + (1 - y) log(1 - s)) with s = sigmoid(x), reduced."""
    reduction = reduction_of(reduction, size_average, reduce)
    rest: Any = 1 - target
    loss = -(target * logsigmoid(input) + rest * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    real_dim(-1, input.ndim)
    return reduced(sum(loss, input.ndim - 1) / input._array.shape[-1], reduction)
