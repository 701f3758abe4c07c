"""Elementwise functions made of other elementwise functions, which give them their gradients and their kernels.

Where a formula has a case to leave out, the case's operand is replaced before the formula, not only after it: a masked
infinity would still make NaN of a gradient.
"""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes
from ..op import Op
from ..tensor import Tensor
from .cast import (
    Number,
    broadcast,
    broadcast_together,
    cast,
    counting,
    floating,
    is_scalar,
    operands,
    result_type,
    rounded_once,
)
from .complex_numbers import only_real, view_as_complex, view_as_real
from .elementwise import FloorDivide, add, clamp, copysign, div, floor_divide, maximum, mul, pow, sub, where
from .inplace import inplace as in_place
from .public import public
from .unary import Test, abs, cos, exp, exp2, isinf, isnan, log, log1p, sin, sqrt, trunc


def _full(like: Tensor, value: Number, dtype: dtypes.DType | None = None) -> Tensor:
    return like.new_full((), value, dtype=dtype or like.dtype)


def _both(name: str, x: Any, y: Any, as_float: bool = False) -> tuple[Tensor, Tensor]:
    """Return two operands as tensors of one dtype and shape."""
    x, y = operands(name, x, y, as_float)
    if is_scalar(x):
        x = broadcast(_full(y, x), y._array.shape)
    if is_scalar(y):
        y = broadcast(_full(x, y), x._array.shape)
    return x, y


# ---------------------------------------------------------------------------------------------- of one operand


@public(in_place="function", out=True)
def frac(input: Tensor) -> Tensor:
    """Return input - trunc(input), elementwise."""
    return sub(input, trunc(input))


@public(in_place="function", out=True)
@rounded_once
def sinc(input: Tensor) -> Tensor:
    """Return sin(pi x) / (pi x), and 1 where x is 0."""
    return Sinc.apply(floating(input))


class Sinc(Op):
    """y = sin(a) / a with a = pi x, and 1 where x is 0."""

    def forward(ctx, x):
        backend = ctx.backend
        angle = backend.mul(x, math.pi)
        safe = backend.where(backend.eq(angle, 0), 1.0, angle)
        return backend.where(backend.eq(angle, 0), 1.0, backend.div(backend.sin(safe), safe))

    def keep(ctx, y, x):
        ctx.save(x)

    def backward(ctx, gy):
        # Near 0, where cos(a) - sin(a) / a cancels, by the series: the sum of (-1)^k 2k a^(2k-1) / (2k+1)!.
        (x,) = ctx.saved
        angle = x * math.pi
        is_near = abs(angle) < 1.0
        near, far = where(is_near, angle, 0.0), where(is_near, 1.0, angle)
        square, series = near * near, 0.0
        for k in range(9, 0, -1):
            series = (-1) ** k * 2 * k / math.factorial(2 * k + 1) + square * series
        slope = where(is_near, near * series, (cos(far) - sin(far) / far) / far)
        return gy * (slope * math.pi)


class Logit(Op):
    """y = log(x / (1 - x)), with no value and no slope outside of [0, 1]."""

    def forward(ctx, x):
        backend = ctx.backend
        return backend.sub(backend.log(x), backend.log(backend.sub(1, x)))

    def keep(ctx, y, x):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        x = where((x >= 0) & (x <= 1), x, math.nan)
        return gy / x + gy / (1 - x)  # a product below would make inf * 0 of the curvature at 0 and 1


@public(in_place="function", out=True)
@rounded_once
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return log(x / (1 - x)), with x first limited to [eps, 1 - eps] when eps is given."""
    x = floating(input)
    if eps is not None:
        x = clamp(x, eps, 1 - eps)
    return Logit.apply(x)


@public(in_place="function", out=True)
def deg2rad(input: Tensor) -> Tensor:
    """Return angles given in degrees in radians."""
    only_real("deg2rad", input)
    return mul(floating(input), math.pi / 180)


@public(in_place="function", out=True)
def rad2deg(input: Tensor) -> Tensor:
    """Return angles given in radians in degrees."""
    only_real("rad2deg", input)
    return mul(floating(input), 180 / math.pi)


@public
def positive(input: Tensor) -> Tensor:
    """Return input itself. Bool tensors are refused."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public(in_place="function", out=True)
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Return input with NaN, +inf and -inf replaced: by default by 0 and the dtype's largest and smallest number."""
    if input.is_complex():
        parts = nan_to_num(view_as_real(input), nan, posinf, neginf)
        return view_as_complex(parts)
    if not input.is_floating_point():
        return input.clone()
    limits = dtypes.finfo(input.dtype)
    y = where(isnan(input), 0.0 if nan is None else nan, input)
    y = where(input == math.inf, limits.max if posinf is None else posinf, y)
    return where(input == -math.inf, limits.min if neginf is None else neginf, y)


@public(out=True)
def signbit(input: Tensor) -> Tensor:
    """Return whether the sign bit is set, as it is for -0.0."""
    if not input.is_floating_point():
        return input < 0
    return copysign(broadcast(_full(input, 1.0), input._array.shape), input.detach()) < 0


@public(out=True)
def isposinf(input: Tensor) -> Tensor:
    """Return whether each element is +inf."""
    return isinf(input) & (input > 0)


@public(out=True)
def isneginf(input: Tensor) -> Tensor:
    """Return whether each element is -inf."""
    return isinf(input) & (input < 0)


@public(in_place="function")
def clamp_min(input: Tensor, min: Tensor | Number) -> Tensor:
    """Return input, and min where input is less."""
    return clamp(input, min=min)


@public(in_place="function")
def clamp_max(input: Tensor, max: Tensor | Number) -> Tensor:
    """Return input, and max where input is more."""
    return clamp(input, max=max)


# ---------------------------------------------------------------------------------------------- of two operands


@public(method=False)
@rounded_once
def rsub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Return other - alpha * input, broadcast."""
    return sub(other, input if alpha == 1 else mul(input, alpha))


@public(out=True)
def float_power(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Return input ** exponent, computed in float64 or complex128, broadcast."""
    is_complex = any(v.is_complex() if isinstance(v, Tensor) else isinstance(v, complex) for v in (input, exponent))
    dtype, number = (dtypes.complex128, complex) if is_complex else (dtypes.float64, float)
    operands: list[Any] = [cast(v, dtype) if isinstance(v, Tensor) else number(v) for v in (input, exponent)]
    return pow(*operands)


@public(function=False)
def float_power_(self: Tensor, exponent: Tensor | Number) -> Tensor:
    """Write `float_power`, which is float64, into this tensor, which has to be."""
    if self.dtype is not dtypes.float64:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {dtypes.SCALAR_TYPES[self.dtype.name]} but the operation's "
            "result requires dtype Double"
        )
    return in_place("float_power_", float_power)(self, exponent)


@public(out=True)
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of the two; a number wins against NaN. Broadcast."""
    x, y = _both("fmax", input, other)
    return where((x >= y) | isnan(y), x, y)


@public(out=True)
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of the two; a number wins against NaN. Broadcast."""
    x, y = _both("fmin", input, other)
    return where((x <= y) | isnan(y), x, y)


@public(in_place="method", out=True)
@rounded_once
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """Return sqrt(x * x + y * y) without overflow, broadcast; its gradient at the origin is NaN, as in PyTorch."""
    x, y = _both("hypot", input, other)
    if not x.is_floating_point():
        raise NotImplementedError(f'"hypot" not implemented for {x.dtype}. Use a floating point tensor: x.float().')
    scale = maximum(abs(x), abs(y)).detach()
    is_infinite = isinf(x) | isinf(y)
    scale = where((scale == 0) | is_infinite, 1.0, scale)
    x_part, y_part = x / scale, y / scale
    return where(is_infinite, math.inf, sqrt(x_part * x_part + y_part * y_part) * scale)


@public(out=True)
@rounded_once
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """Return log(exp(x) + exp(y)) without overflow, broadcast."""
    x, y = _both("logaddexp", input, other)
    return _log_add(floating(x), floating(y), exp, log1p)


@public(out=True)
@rounded_once
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """Return log2(2**x + 2**y) without overflow, broadcast."""
    x, y = _both("logaddexp2", input, other)
    return _log_add(floating(x), floating(y), exp2, lambda z: log1p(z) / math.log(2))


def _log_add(x: Tensor, y: Tensor, power: Any, log_of_more: Any) -> Tensor:
    """The larger plus log(1 + the base to minus the distance); equal infinities are their own sum, to equal shares."""
    is_same_infinity = isinf(x) & (x == y)
    left, right = where(is_same_infinity, 0.0, x), where(is_same_infinity, 0.0, y)
    distance = left - right
    larger = where(distance >= 0, left, right)
    total = larger + log_of_more(power(where(distance >= 0, -distance, distance)))
    return where(is_same_infinity, maximum(x, y), total)


class Xlogy(Op):
    """z = x * log(y), and 0 where x is 0 and y is no NaN; where y has no logarithm then, neither has z a slope."""

    log_of, least = staticmethod(log), 0

    def forward(ctx, x, y):
        backend = ctx.backend
        is_nothing = backend.logical_and(backend.eq(x, 0), backend.logical_not(backend.isnan(y)))
        return backend.where(is_nothing, 0.0, backend.mul(x, getattr(backend, ctx.log_of.__name__)(y)))

    def keep(ctx, z, x, y):
        ctx.save(x, y)

    def backward(ctx, gz):
        x, y = ctx.saved
        is_hole = (x == 0) & (y <= ctx.least)
        y = where(is_hole, 1.0, y)
        gx, gy = gz * ctx.log_of(y), gz * x / (y - ctx.least)
        return where(is_hole, 0.0, gx), where(is_hole, 0.0, gy)


class Xlog1py(Xlogy):
    """z = x * log1p(y), and 0 where x is 0 and y is no NaN."""

    log_of, least = staticmethod(log1p), -1

    def name(ctx) -> str:
        return "SpecialXlog1PyBackward0"


@public(in_place="function", out=True)
@rounded_once
def xlogy(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return x * log(y), and 0 where x is 0 and y is no NaN, broadcast."""
    x, y = _both("xlogy", input, other, as_float=True)
    return Xlogy.apply(floating(x), floating(y))


@public(in_place="method", out=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 where input is negative, 1 where it is positive, and `values` where it is 0, broadcast.

    Its gradient by input is zero, and by values 1 where they are taken.
    """
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    x, at_zero = broadcast_together(input, values)
    return where(x == 0, at_zero, where(isnan(x), x, cast(x > 0, x.dtype)))


@public(in_place="function", out=True)
@rounded_once
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Return input * 2**other, broadcast."""
    input, other = broadcast_together(input, other)  # before the power, whose slope may be infinite
    scale = pow(2.0, other if other.is_floating_point() else cast(other, counting(result_type(input, 1.0))))
    return cast(mul(input, scale), result_type(input, other, 1.0))


def _shift(name: str, input: Any, other: Any, move: Any) -> Tensor:
    x, y = _both(name, input, other)
    if x._array.dtype.kind not in "iu":
        raise NotImplementedError(f'"{name}_cpu" not implemented for {x.dtype}: shifts are of integer tensors')
    return cast(move(x, y), x.dtype)


@public(in_place="method", out=True)
def bitwise_left_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return input * 2**other for integers, broadcast."""
    return _shift("lshift", input, other, lambda x, y: mul(x, pow(_full(x, 2), y)))


@public(in_place="method", out=True)
def bitwise_right_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return floor(input / 2**other) for integers, broadcast; by a negative or a large other, only the sign is left."""

    def move(x: Tensor, y: Tensor) -> Tensor:
        is_signed = x._array.dtype.kind == "i"
        beyond = (y < 0) | (y >= 8 * x.dtype.itemsize - is_signed)
        kept = floor_divide(x, pow(_full(x, 2), where(beyond, 0, y)))
        return where(beyond, where(x < 0, -1, 0), kept) if is_signed else where(beyond, 0, kept)

    return _shift("rshift", input, other, move)


@public(in_place="function", out=True)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Return the greatest common divisor of integers, never negative, broadcast."""
    return Test.apply(*_integers("gcd", input, other), kernel="gcd")


@public(in_place="function", out=True)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Return the least common multiple of integers, never negative and 0 with a zero, broadcast."""
    x, y = _integers("lcm", input, other)
    return abs(mul(FloorDivide.apply(x, Test.apply(x, y, kernel="gcd")), y))  # x / 0 is 0 for integers in a kernel


def _integers(name: str, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    if not isinstance(other, Tensor):
        raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    x, y = _both(name, input, other)
    if x._array.dtype.kind not in "iu":
        raise NotImplementedError(f'"{name}_cpu" not implemented for {x.dtype}: expected integers')
    return x, y


# ---------------------------------------------------------------------------------------------- of three operands


@public(in_place="method", out=True)
@rounded_once
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor:
    """Return input + weight * (end - input), broadcast. The dtypes must be the same."""
    # From one half on as seen from the end, so that a weight of 1 gives it.
    for name, value in (("end", end), ("weight", weight)):
        if isinstance(value, Tensor) and value.dtype is not input.dtype:
            raise RuntimeError(f"expected dtype {input.dtype} for `{name}` but got dtype {value.dtype}")
    if isinstance(weight, Tensor):
        is_near = weight.abs() < 0.5
        return add(where(is_near, input, end), mul(sub(end, input), where(is_near, weight, weight - 1)))
    if -0.5 < weight < 0.5:
        return add(input, mul(sub(end, input), weight))
    return add(end, mul(sub(end, input), weight - 1))


@public(in_place="method", out=True)
@rounded_once
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value * tensor1 / tensor2, broadcast. Integer division is refused."""
    if not tensor1.dtype.is_inexact and not tensor2.dtype.is_inexact:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported. Use a floating point tensor: tensor1.float()."
        )
    quotient = div(tensor1, tensor2)
    return add(input, quotient if value == 1 else quotient * value)
