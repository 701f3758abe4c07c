"""Classification losses over logits and log-probabilities."""

from __future__ import annotations

import math

from ...device import cpu
from ...dtypes import SCALAR_TYPES, float32, float64, int64
from ...op import Op
from ...tensor import Tensor, wrap
from ..bounds import in_range
from ..cast import cast, rounded_once, same_dtype
from ..complex_numbers import only_real
from ..elementwise import where
from ..integers import as_integer
from ..reduce import sum
from ..shape import permute, reshape, unsqueeze
from ..unary import exp
from .loss_reduction import reduction_of
from .softmax import log_softmax


class CrossEntropy(Op):
    """loss_r = log(sum(exp(x_r))) - x_r[target_r] for each row; 0 where the target is `ignore_index`.

    With `reduction` "sum" their sum, with "mean" their mean over the rows that count, both taken before rounding.
    """

    saved_as = "self target"
    divisor = None

    def forward(ctx, x, target, ignore_index, reduction):
        ctx.ignore_index, ctx.reduction = ignore_index, reduction
        loss, ctx.lse = ctx.backend.cross_entropy(x, target, ignore_index)
        if reduction != "none":
            loss, ctx.divisor = reduced(ctx.backend, loss, target, ignore_index, reduction)
        return loss if loss.dtype == x.dtype else ctx.backend.cast(loss, x.dtype)

    def keep(ctx, loss, x, target, ignore_index, reduction):
        ctx.save(x, target)

    def backward(ctx, gloss):
        x, target = ctx.saved
        gx = CrossEntropyBackward.apply(
            gloss, x, target, lse=ctx.lse, divisor=ctx.divisor, ignore_index=ctx.ignore_index
        )
        return gx, None

    def release(ctx) -> None:
        super().release()
        ctx.lse = ctx.divisor = None

    def name(ctx) -> str:
        return "NllLossBackward0"


def reduced(backend, losses, target, ignore_index, reduction):
    """The sum or mean of the rows' losses, and the number that a mean divides by, None for a sum."""
    total = backend.sum(losses, (0,), False, losses.dtype)
    if reduction == "sum":
        return total, None
    counted = backend.ne(target, ignore_index)
    count = backend.cast(backend.sum(counted, (0,), False, int64.numpy), losses.dtype)
    return backend.div(total, count), count


def scaled_down(gloss: Tensor, divisor, device) -> Tensor:
    """The gradient of a sum or mean of losses, as each row's, in the dtype that losses are computed in."""
    gloss = cast(gloss, float64 if gloss.dtype is float64 else float32)
    if divisor is None:
        return gloss
    # Where no row counts the loss is NaN, but the rows' gradients are 0.
    return gloss / wrap(device._backend.maximum(divisor, 1.0), device)


class CrossEntropyBackward(Op):
    """gx_r = gloss_r * (softmax(x_r) - onehot(target_r)); a gloss of no dimensions is every row's, over `divisor`.

    Without `lse`, the rows' log(sum(exp(x))), it is computed.
    """

    def forward(ctx, gloss, x, target, lse, divisor, ignore_index):
        ctx.ignore_index, ctx.divisor, backend = ignore_index, divisor, ctx.backend
        if lse is None:
            lse = backend.cross_entropy(x, target, ignore_index)[1]
        gloss = gloss if gloss.dtype == lse.dtype else backend.cast(gloss, lse.dtype)
        if divisor is not None:
            gloss = backend.div(gloss, backend.maximum(divisor, 1.0))  # where no row counts, 0 and not NaN
        if gloss.ndim == 0:
            gloss = backend.expand(gloss.reshape((1,)), target.shape)
        return backend.cross_entropy_backward(gloss, x, lse, target, ignore_index)

    def keep(ctx, gx, gloss, x, target, **parameters):
        ctx.save(gloss, x, target)

    def backward(ctx, ggx):
        gloss, x, target = ctx.saved
        counted = unsqueeze(target != ctx.ignore_index, 1)
        p = exp(log_softmax(x, 1))
        safe = where(target != ctx.ignore_index, target, 0)
        along = sum(ggx * p, 1, keepdim=True)
        g_gloss = g_x = None
        if ctx.needs(0):
            g_gloss = where(counted, along - ggx.gather(1, unsqueeze(safe, 1)), 0.0)
            g_gloss = reshape(g_gloss, target.shape) if gloss.ndim else scaled_down(sum(g_gloss), ctx.divisor, x.device)
            g_gloss = cast(g_gloss, gloss.dtype)
        if ctx.needs(1):
            each = unsqueeze(gloss, 1) if gloss.ndim else scaled_down(gloss, ctx.divisor, x.device)
            g_x = where(counted, cast(each, x.dtype) * p * (ggx - along), 0.0)
        return g_gloss, g_x, None


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross entropy of logits (N, C, ...) or (C,) with class indices (N, ...) or probabilities like input.

    `weight` (C,) scales classes; "mean" divides by the summed weights of the targets that are not `ignore_index`.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    ignore_index = as_integer(ignore_index, "ignore_index")
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input._array.shape == target._array.shape:
        _check_probabilities(target, ignore_index)
        return _with_probabilities(input, target, weight, reduction, label_smoothing)
    if input._array.dtype.kind in "iub":
        raise NotImplementedError(f'"cross_entropy" not implemented for {input.dtype}: logits are floats')
    logits, flat_target, shape = _rows(input, target)
    if logits.device is not cpu:  # there the loss itself looks at each target
        flat_target = within_classes(flat_target, logits._array.shape[1], ignore_index)
    if weight is None and label_smoothing == 0.0:
        loss = CrossEntropy.apply(logits, flat_target, ignore_index=ignore_index, reduction=reduction)
        return loss if reduction != "none" else reshape(loss, shape)
    result = _composed(logits, flat_target, weight, ignore_index, reduction, label_smoothing)
    return result if reduction != "none" else reshape(result, shape)


@rounded_once
def _composed(
    logits: Tensor,
    flat_target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    scores = log_softmax(logits, 1)
    nll = nll_loss(scores, flat_target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0.0:
        return nll
    classes = logits.shape[1]
    counted = flat_target != ignore_index
    smooth = where(counted, -sum(scores if weight is None else scores * weight, 1), 0.0)
    if reduction == "mean":
        total = cast(sum(counted), smooth.dtype) if weight is None else sum(_weights(weight, flat_target, counted))
        smooth = sum(smooth) / total
    elif reduction == "sum":
        smooth = sum(smooth)
    return nll * (1 - label_smoothing) + smooth * (label_smoothing / classes)


@rounded_once
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -input[target] of log-probabilities (N, C, ...) or (C,), reduced as in `cross_entropy`."""
    only_real("nll_loss", input)
    reduction = reduction_of(reduction, size_average, reduce)
    ignore_index = as_integer(ignore_index, "ignore_index")
    scores, flat_target, shape = _rows(input, target)
    same_dtype("nll_loss", input, weight=weight)
    flat_target = within_classes(flat_target, scores._array.shape[1], ignore_index)
    _check_weight(weight, scores._array.shape[1])
    counted = flat_target != ignore_index
    safe = where(counted, flat_target, 0)
    weights = cast(counted, scores.dtype) if weight is None else _weights(weight, flat_target, counted)
    picked = reshape(scores.gather(1, unsqueeze(safe, 1)), flat_target.shape)
    losses = where(counted, -picked * weights, 0.0)
    if reduction == "none":
        return reshape(losses, shape)
    return sum(losses) if reduction == "sum" else sum(losses) / sum(weights)


def within_classes(target: Tensor, classes: int, ignore_index: int) -> Tensor:
    """Return class indices that lie in [0, classes) or are `ignore_index`; else PyTorch's error."""
    return in_range(target, classes, "Target {index} is out of bounds.", ignored=ignore_index)


def _check_weight(weight: Tensor | None, classes: int) -> None:
    if weight is not None and weight._array.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )


def _weights(weight: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    return where(counted, weight[where(counted, target, 0)], 0.0)


def _check_probabilities(target: Tensor, ignore_index: int) -> None:
    if not target.is_floating_point():
        kind = SCALAR_TYPES[target.dtype.name]
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {kind}: target has the input's "
            "shape, while class indices have none of the classes'"
        )
    if ignore_index >= 0:
        raise RuntimeError(f"ignore_index is not supported for floating point target, but got {ignore_index}")


@rounded_once
def _with_probabilities(x: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float) -> Tensor:
    dim = 0 if x.ndim == 1 else 1
    classes = x.shape[dim]
    if smoothing and classes:
        target = target * (1 - smoothing) + smoothing / classes
    scores = log_softmax(x, dim)
    # A class that cannot be and is not: 0 log 0 = 0.
    products = where((target == 0) & (scores == -math.inf), 0.0, scores) * target
    if weight is not None:
        products = products * reshape(weight, [-1 if d == dim else 1 for d in range(x.ndim)])
    losses = -sum(products, dim)
    if reduction == "none":
        return losses
    return sum(losses) if reduction == "sum" else sum(losses) / (losses.numel() if classes else 0)


def _rows(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Return the logits as (rows, classes), the target as (rows,), and the shape of an unreduced loss."""
    if target.is_floating_point():
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: class indices are int64 (use target.long()); "
            f"probabilities have the input's shape {list(x.shape)}, not {list(target.shape)}"
        )
    if target._array.dtype.kind == "b":
        raise RuntimeError("expected target dtype to be Long or Byte, but got Bool")
    own, shape = x._array.shape, target._array.shape
    if len(own) == 2 and own[:1] == shape and target._array.dtype == int64.numpy:
        return x, target, shape
    if x.ndim == 1:
        x, target = unsqueeze(x, 0), unsqueeze(target, 0)
    if x.ndim < 2 or x.ndim != target.ndim + 1:
        raise RuntimeError(
            f"Expected target of {max(x.ndim - 1, 0)} dimensions, but got {target.ndim}: {list(target.shape)}"
        )
    if x.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if x.shape[2:] != target.shape[1:]:
        raise RuntimeError(f"size mismatch (got input: {list(x.shape)} , target: {list(target.shape)})")
    if x.ndim > 2:
        x = reshape(permute(x, 0, *range(2, x.ndim), 1), (-1, x.shape[1]))
    return x, reshape(cast(target, int64), (-1,)), shape
