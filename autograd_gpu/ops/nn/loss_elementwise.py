"""Losses of each element by itself: of input x and target y, weighted and reduced."""

from __future__ import annotations

import math

from ...dtypes import SCALAR_TYPES
from ...op import Op
from ...tensor import Tensor
from ...user_line import warn
from ..cast import as_number, operands, rounded_once, same_dtype, wide_under_autocast
from ..complex_numbers import only_real
from ..elementwise import where
from ..elementwise_composed import xlogy
from ..reduce import sum
from ..shape import unsqueeze
from .activation import logsigmoid
from .loss_reduction import reduced, reduction_of


@rounded_once
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return (x - y)^2, reduced; with `weight`, of input's shape, the mean is over the sum of the weights."""
    only_real("mse_loss", input, target)
    reduction = reduction_of(reduction, size_average, reduce)
    difference = _difference(input, target)
    return _weighted(difference * difference, input, weight, reduction)


@rounded_once
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return |x - y|, reduced; with `weight`, of input's shape, the mean is over the sum of the weights."""
    reduction = reduction_of(reduction, size_average, reduce)
    return _weighted(_difference(input, target).abs(), input, weight, reduction)


@rounded_once
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return (x - y)^2 / 2 up to |x - y| = delta, then delta * (|x - y| - delta / 2), reduced (Huber 1964)."""
    reduction = reduction_of(reduction)
    delta = as_number(delta, "huber_loss", "delta")
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    loss = BoundedSlope.apply(_difference(input, target), bound=delta, scale=1.0)
    if weight is not None:
        _check_weight(weight, input)
        loss = loss * weight
    return reduced(loss, reduction)


@rounded_once
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return (x - y)^2 / (2 beta) up to |x - y| = beta, then |x - y| - beta / 2, reduced."""
    reduction = reduction_of(reduction, size_average, reduce)
    beta = as_number(beta, "smooth_l1_loss", "beta")
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    difference = _difference(input, target)
    if beta == 0:
        return reduced(difference.abs(), reduction)
    return reduced(BoundedSlope.apply(difference, bound=beta, scale=1 / beta), reduction)


class BoundedSlope(Op):
    """y = scale * b * (x - b / 2) with b = x held within the bound: a parabola that goes on as its tangents."""

    def forward(ctx, x, bound, scale):
        ctx.bound, ctx.scale = bound, scale
        backend = ctx.backend
        held = backend.clamp(x, -bound, bound)
        return backend.mul(backend.mul(held, scale), backend.sub(x, backend.mul(held, 0.5)))

    def keep(ctx, y, x, bound, scale):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        held = x.detach().clamp(-ctx.bound, ctx.bound)
        return gy * (where(x.abs() < ctx.bound, x, held) * ctx.scale)


def _difference(input: Tensor, target: Tensor) -> Tensor:
    if input._array.shape != target._array.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
        )
    input, target = wide_under_autocast(input, target)
    return input - target


def _weighted(loss: Tensor, input: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return reduced(loss, reduction)
    _check_weight(weight, input)
    loss = loss * weight
    return sum(loss) / sum(weight) if reduction == "mean" else reduced(loss, reduction)


def _check_weight(weight: Tensor, input: Tensor) -> None:
    if weight._array.shape != input._array.shape:
        raise ValueError("Weights and input must have the same size.")


# ---------------------------------------------------------------------------------------------- of probabilities


@rounded_once
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -(y log x + (1 - y) log(1 - x)), reduced; x are probabilities. The logarithms are held above -100."""
    reduction = reduction_of(reduction, size_average, reduce)
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    _check_probabilities("input", input)
    _check_probabilities("target", target)
    same_dtype("binary_cross_entropy", input, target=target)
    loss = BinaryCrossEntropy.apply(*operands("binary_cross_entropy", input, target))
    return reduced(loss if weight is None else loss * weight, reduction)


LEAST_VARIANCE = 9.999999960041972e-13  # 1e-12 in float32, which PyTorch has in float64 too


class BinaryCrossEntropy(Op):
    """loss = -(y log x + (1 - y) log(1 - x)), the logarithms held above -100.

    The slope is (x - y) / (x (1 - x)), whose denominator PyTorch holds above 1e-12: where x = y it is 0, also at the
    ends.
    """

    def forward(ctx, x, target):
        backend = ctx.backend
        of_x, of_rest = (backend.clamp(backend.log(p), -100.0, None) for p in (x, backend.sub(1.0, x)))
        return backend.neg(backend.add(backend.mul(target, of_x), backend.mul(backend.sub(1.0, target), of_rest)))

    def keep(ctx, loss, x, target):
        ctx.save(x, target)

    def backward(ctx, gloss):
        x, target = ctx.saved
        gx = gtarget = None
        if ctx.needs(0):
            gx = gloss * (x - target) / (x * (1.0 - x)).clamp(min=LEAST_VARIANCE)
        if ctx.needs(1):
            gtarget = gloss * ((1.0 - x).log() - x.log())  # not held, as in PyTorch
        return gx, gtarget


def _check_probabilities(name: str, x: Tensor) -> None:
    """Values on the CPU are checked here; on a GPU nothing waits for them."""
    if x.is_cpu and x.device.axis is None and x._array.size and not (x._array.min() >= 0 and x._array.max() <= 1):
        raise RuntimeError(f"all elements of {name} should be between 0 and 1")


@rounded_once
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return -(pos_weight y log s + (1 - y) log(1 - s)) with s = sigmoid(x), reduced; overflows nowhere."""
    reduction = reduction_of(reduction, size_average, reduce)
    if input._array.shape != target._array.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    input, target = wide_under_autocast(input, target)
    positive = target if pos_weight is None else target * pos_weight
    # log(1 - sigmoid(x)) = logsigmoid(x) - x
    loss = (1 - target) * input - (positive + (1 - target)) * logsigmoid(input)
    return reduced(loss if weight is None else loss * weight, reduction)


@rounded_once
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return log(1 + exp(-y x)), reduced; y are 1 or -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    if not input.is_floating_point():
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {SCALAR_TYPES[input.dtype.name]}"
        )
    input, target = wide_under_autocast(input, target)
    return reduced(-logsigmoid(target * input), reduction)


# ---------------------------------------------------------------------------------------------- of distributions


@rounded_once
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return y (log y - x), reduced; x are log-probabilities, y probabilities (or their logarithms with log_target).

    "batchmean" divides the sum by the size of the first dimension.
    """
    only_real("kl_div", input, target)
    is_legacy = size_average is not None or reduce is not None
    per_example = reduction == "batchmean" and not is_legacy
    if reduction == "mean" and not is_legacy:
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. 'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition."
        )
    reduction = "sum" if per_example else reduction_of(reduction, size_average, reduce)
    if not (input.is_floating_point() and target.is_floating_point()):
        raise RuntimeError(f"kl_div: Integral inputs not supported, but got {input.dtype} and {target.dtype}.")
    input, target = wide_under_autocast(input, target)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = xlogy(target, target) - target * where((target == 0) & (input == -math.inf), 0.0, input)
    total = reduced(loss, reduction)
    return total / input.size(0) if per_example and input.ndim else total


@rounded_once
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return exp(x) - y x with x the rate's logarithm, else x - y log(x + eps), reduced; `full` adds Stirling's log
    y!."""
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = wide_under_autocast(input, target)
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        many = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, many * many.log() - many + 0.5 * (2 * math.pi * many).log(), 0.0)
    return reduced(loss, reduction)


@rounded_once
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return (log v + (x - y)^2 / v) / 2 with v = max(var, eps) held constant there, reduced (Nix & Weigend 1994).

    `var` has input's shape, or lacks its last dimension, or has size 1 in one of its dimensions; `full` adds log(2
    pi)/2.
    """
    reduction = reduction_of(reduction)
    variance = _variance_like(input, var)
    if variance.device.axis is None and (variance < 0).any():
        raise ValueError("var has negative entry/entries")
    # The bound passes the gradient on, as PyTorch's does, which writes it in place unseen.
    variance = where(variance < eps, variance + (eps - variance.detach()), variance)
    loss = (variance.log() + (input - target) ** 2 / variance) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _variance_like(input: Tensor, var: Tensor | float) -> Tensor:
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return input.new_full(input.shape, var)
    shape, own = input._array.shape, var._array.shape
    if own == shape:
        return var
    if own == shape[:-1]:
        return unsqueeze(var, -1)
    if len(own) == len(shape) and [v for s, v in zip(shape, own) if v != s] == [1]:
        return var
    raise ValueError("var is of incorrect size")
