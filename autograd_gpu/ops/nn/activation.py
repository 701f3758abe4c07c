"""Activations that one kernel each way computes: y = f(x), f a formula with up to three numbers.

In PyTorch's words: `inplace=True`, and the names that end in "_", write into the input. What takes a parameter tensor,
random numbers or halves of a dimension is composed of other operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...dtypes import BOOL, SCALAR_TYPES, finfo, fitting, float32, rounded, uint8
from ...op import Op
from ...tensor import Tensor
from ..cast import as_number, broadcast_together, cast, floating, same_dtype, wide_under_autocast, zero_gradient
from ..elementwise import clamp, where
from ..inplace import inplace as in_place
from ..integers import wrap_dim
from ..public import public
from ..random import rand
from ..shape import narrow, reshape
from ..unary import abs, exp, sign
from .fused_activation import relu as _relu
from .fused_activation import sigmoid, tanh

_NODE_NAMES = {"hardshrink": "Hardshrink", "leaky_relu": "LeakyRelu", "logsigmoid": "LogSigmoid"}


class Activation(Op):
    """y = f(x), of the kind and numbers given."""

    def forward(ctx, x, kind, numbers):
        ctx.kind, ctx.numbers = kind, numbers
        return ctx.backend.activation(x, kind, numbers)

    def keep(ctx, y, x, kind, numbers):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        return ActivationBackward.apply(gy, x, kind=ctx.kind, numbers=ctx.numbers)

    def name(ctx) -> str:
        return f"{_NODE_NAMES.get(ctx.kind, ctx.kind.capitalize())}Backward0"


class ActivationBackward(Op):
    """gx = gy * f'(x)."""

    def forward(ctx, gy, x, kind, numbers):
        ctx.kind, ctx.numbers = kind, numbers
        return ctx.backend.activation_backward(gy, x, kind, numbers)

    def keep(ctx, gx, gy, x, kind, numbers):
        ctx.save(gy, x)

    def backward(ctx, ggx):
        gy, x = ctx.saved
        ggy = ActivationBackward.apply(ggx, x, kind=ctx.kind, numbers=ctx.numbers)
        if not ctx.needs(1):
            return ggy, None
        curvature = _curvature_of(ctx.kind)
        return ggy, zero_gradient(gy) if curvature is None else ggx * gy * curvature(x, *ctx.numbers)


# ---------------------------------------------------------------------------------------------- second derivatives


def _elu_curvature(x: Tensor, a: float, b: float, c: float) -> Tensor:
    return where(x >= 0, 0.0, exp(clamp(x, max=0.0) * c) * (a * c * c))


def _logsigmoid_curvature(x: Tensor) -> Tensor:
    s = sigmoid(x)
    return s * (s - 1.0)


def _mish_curvature(x: Tensor) -> Tensor:
    s, t = sigmoid(x), tanh(softplus(x))
    dt = (1.0 - t * t) * s
    ddt = dt * (1.0 - s) - t * dt * s * 2.0
    return dt * 2.0 + x * ddt


def _silu_curvature(x: Tensor) -> Tensor:
    s = sigmoid(x)
    return s * (1.0 - s) * (2.0 + x * (1.0 - s * 2.0))


def _softplus_curvature(x: Tensor, beta: float, threshold: float) -> Tensor:
    s = sigmoid(x * beta)
    return where(x * beta > threshold, 0.0, s * (1.0 - s) * beta)


def _softsign_curvature(x: Tensor) -> Tensor:
    rest = 1.0 + abs(x)
    return sign(x) * -2.0 / (rest * rest * rest)


def _tanhshrink_curvature(x: Tensor) -> Tensor:
    t = tanh(x)
    return t * (1.0 - t * t) * 2.0


_CURVATURE: dict[str, Callable[..., Tensor] | None] = {  # None: made of straight lines
    "elu": _elu_curvature,
    "hardswish": lambda x: where(abs(x) < 3, x * 0.0 + 1 / 3, 0.0),
    "logsigmoid": _logsigmoid_curvature,
    "mish": _mish_curvature,
    "silu": _silu_curvature,
    "softplus": _softplus_curvature,
    "softsign": _softsign_curvature,
    "tanhshrink": _tanhshrink_curvature,
    **dict.fromkeys(("hardshrink", "hardsigmoid", "hardtanh", "leaky_relu", "softshrink", "threshold")),
}  # fmt: skip


def _curvature_of(kind: str) -> Callable[..., Tensor] | None:
    try:
        return _CURVATURE[kind]
    except KeyError:
        raise NotImplementedError(
            f"{kind}: no second derivative is known: add it to _CURVATURE in autograd_gpu/ops/nn/activation.py, or None"
        ) from None


# ---------------------------------------------------------------------------------------------- public functions


def _apply(x: Tensor, inplace: bool, kind: str, **given: float) -> Tensor:
    """Return f(x) of a kind, with its numbers in the order of the formula, by the names that a message has for them."""
    if not x.is_floating_point():
        raise NotImplementedError(f'"{kind}" not implemented for {x.dtype}: expected a floating point tensor.')
    numbers = tuple([as_number(number, kind, argument) for argument, number in given.items()])
    if inplace:
        return in_place(f"{kind}_", lambda old: Activation.apply(old, kind=kind, numbers=numbers))(x)
    return Activation.apply(x, kind=kind, numbers=numbers)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(x, 0)."""
    return input.relu_() if inplace else _relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x held between min_val and max_val; the slope at the bounds is 0."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if not input.is_floating_point():
        if input.dtype is uint8 and (min_val < 0 or max_val < 0):
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
        low, high = (fitting(as_number(bound), input.dtype) for bound in (min_val, max_val))
        return input.clamp_(low, high) if inplace else clamp(input, low, high)
    if min_val != min_val or max_val != max_val:  # between bounds that are no numbers lies none
        return input.mul_(float("nan")) if inplace else input * float("nan")
    return _apply(input, inplace, "hardtanh", min_val=float(min_val), max_val=float(max_val))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x for x > 0, else negative_slope * x."""
    return _apply(input, inplace, "leaky_relu", negative_slope=negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x for x > 0, else alpha * (exp(x) - 1) (Clevert, Unterthiner & Hochreiter 2016)."""
    return _apply(input, inplace, "elu", alpha=alpha, scale=1.0, rate=1.0)


# Fixed point of mean and variance: Klambauer, Unterthiner, Mayr & Hochreiter 2017.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@public(method=False)
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return scale * elu(x, alpha), with the constants that keep mean 0 and variance 1."""
    return _apply(input, inplace, "elu", alpha=_SELU_ALPHA * _SELU_SCALE, scale=_SELU_SCALE, rate=1.0)


@public(method=False)
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0) (Barron 2017)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _apply(input, inplace, "elu", alpha=alpha, scale=1.0, rate=1.0 / alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * sigmoid(x) (Elfwing, Uchibe & Doya 2018)."""
    return _apply(input, inplace, "silu")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * tanh(softplus(x)) (Misra 2020)."""
    return _apply(input, inplace, "mish")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta * x)) / beta; simply x where beta * x is above the threshold."""
    (input,) = wide_under_autocast(input)
    return _apply(input, False, "softplus", beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|)), which overflows nowhere."""
    return _apply(input, False, "logsigmoid")


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    return _apply(floating(input), False, "softsign")


@public(method=False)
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return x above the threshold, else value."""
    if not input.is_floating_point():
        threshold, value = (fitting(as_number(number), input.dtype) for number in (threshold, value))
        held = where(input > threshold, input, value)
        return input.copy_(held) if inplace else held
    return _apply(input, inplace, "threshold", threshold=threshold, value=value)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return min(max(x / 6 + 1 / 2, 0), 1); the slope at the bounds is 0."""
    return _apply(input, inplace, "hardsigmoid")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * min(max(x / 6 + 1 / 2, 0), 1) (Howard et al. 2019)."""
    return _apply(input, inplace, "hardswish")


@public
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x where |x| > lambd, else 0."""
    lambd = as_number(lambd, "hardshrink", "lambd")
    lambd = rounded(lambd, input.dtype) if input.is_floating_point() else lambd
    return _apply(input, False, "hardshrink", lambd=lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x moved towards 0 by lambd, and 0 where it would pass it."""
    most = finfo(input.dtype).max if input.is_floating_point() else math.inf
    if not 0 <= lambd <= most:
        kind = SCALAR_TYPES[input.dtype.name]
        raise RuntimeError(f"lambda must be in range [0, {most:g}] for input dtype {kind}, but found {lambd}")
    return _apply(input, False, "softshrink", lambd=lambd)


def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x)."""
    if input.dtype.kind == BOOL:
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. (tanhshrink)")
    return _apply(floating(input), False, "tanhshrink")


@public
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x for x > 0, else weight * x; weight is () or (1,), or one per channel (dimension 1) (He et al. 2015)."""
    same_dtype("prelu", input, weight=weight)
    if weight._array.size != 1:
        channels = input._array.shape[1] if input.ndim > 1 else 1
        if weight._array.size != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. "
                f"Found parameter numbers = {weight._array.size} and channel size = {channels}."
            )
        weight = reshape(weight, (1, channels) + (1,) * (input.ndim - 2))
    elif input.ndim == 0:
        weight = reshape(weight, ())
    return Prelu.apply(*broadcast_together(input, weight))


class Prelu(Op):
    """y = x where x > 0, else w * x."""

    def forward(ctx, x, w):
        backend = ctx.backend
        return backend.where(backend.gt(x, 0), x, backend.mul(x, w))

    def keep(ctx, y, x, w):
        ctx.save(x, w)

    def backward(ctx, gy):
        return PreluBackward.apply(gy, *ctx.saved)

    def name(ctx) -> str:
        return "PreluKernelBackward0"


class PreluBackward(Op):
    """gx, gw = gy, 0 where x > 0, else w * gy, x * gy."""

    def forward(ctx, gy, x, w):
        backend = ctx.backend
        is_positive = backend.gt(x, 0)
        gx, gw = backend.mul(gy, w), backend.mul(gy, x)
        return backend.where(is_positive, gy, gx), backend.where(is_positive, 0.0, gw)

    def keep(ctx, outputs, gy, x, w):
        ctx.save(gy, x, w)

    def backward(ctx, ggx, ggw):
        gy, x, w = ctx.saved
        ggx, ggw = (zero_gradient(gy) if g is None else g for g in (ggx, ggw))
        is_positive = x > 0
        return (
            where(is_positive, ggx, ggx * w + ggw * x),
            where(is_positive, 0.0, ggw * gy),
            where(is_positive, 0.0, ggx * gy),
        )

    def name(ctx) -> str:
        return "PreluKernelBackwardBackward0"


@public(method=False)
def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Return x for x > 0, else slope * x: slopes drawn from [lower, upper] in training, else their mean (Xu et al.
    2015)."""
    lower, upper = as_number(lower, "rrelu", "lower"), as_number(upper, "rrelu", "upper")
    if not lower <= upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound, but got {lower} and {upper}")
    for name, bound in (("lower", lower), ("upper", upper)):
        if training and not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {name} bound must be finite, got {bound}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    slope = cast(rand(input.shape, dtype=float32, device=input.device), input.dtype) * (upper - lower) + lower

    def randomised(x: Tensor) -> Tensor:
        return where(x > 0, x, x * slope)

    return in_place("rrelu_", randomised)(input) if inplace else randomised(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b), where a and b are the halves of the input along dim (Dauphin et al. 2017)."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = input._array.shape[wrap_dim(dim, input.ndim)]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    return narrow(input, dim, 0, size // 2) * sigmoid(narrow(input, dim, size // 2, size // 2))


# ---------------------------------------------------------------------------------------------- in place


def relu_(input: Tensor) -> Tensor:
    """Write `relu` of the input into it."""
    return relu(input, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Write `hardtanh` of the input into it."""
    return hardtanh(input, min_val, max_val, True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Write `leaky_relu` of the input into it."""
    return leaky_relu(input, negative_slope, True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write `elu` of the input into it."""
    return elu(input, alpha, True)


@public(method=False)
def selu_(input: Tensor) -> Tensor:
    """Write `selu` of the input into it."""
    return selu(input, True)


@public(method=False)
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write `celu` of the input into it."""
    return celu(input, alpha, True)


@public(method=False)
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Write `threshold` of the input into it."""
    return _above(input, threshold, value, True)


_above: Any = threshold  # by another name where an argument hides it


@public(method=False)
def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """Write `rrelu` of the input into it."""
    return rrelu(input, lower, upper, training, True)
