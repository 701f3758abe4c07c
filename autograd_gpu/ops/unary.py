"""Functions of one operand, element by element: their formulas and derivatives, and tests that answer with bools."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..op import Op
from ..tensor import Tensor
from .cast import cast, floating, slope_rounded_once, zero_gradient
from .complex_numbers import Magnitude, Sgn
from .public import public

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


class Unary(Op):
    """y = f(x), f the backend function that bears the class's name in lower case."""

    kernel = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.kernel = cls.__name__.lower()

    def forward(ctx, x):
        return getattr(ctx.backend, ctx.kernel)(x)


class OfInput(Unary):
    """A function whose derivative is written in its input."""

    saved_as = "self"

    def keep(ctx, y, x):
        ctx.save(x)


class OfOutput(Unary):
    """A function whose derivative is written in its output."""

    saved_as = "result"

    def keep(ctx, y, x):
        ctx.save(ctx.own(y))


class Flat(Unary):
    """A step function: its gradient is zero."""

    def backward(ctx, gy):
        return zero_gradient(gy)


class Abs(OfInput):
    """y = |x|; the gradient at 0 is 0."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * sign(x)


class Sign(Flat):
    """y = -1, 0 or 1."""


class Floor(Flat):
    """y = the largest integer not above x."""


class Ceil(Flat):
    """y = the smallest integer not below x."""


class Round(Flat):
    """y = the nearest integer, halves to even."""


class Trunc(Flat):
    """y = x without its fraction."""


class Exp(OfOutput):
    """y = e**x."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * y


class Exp2(OfOutput):
    """y = 2**x."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * y * math.log(2)


class Expm1(OfOutput):
    """y = e**x - 1, accurate near 0."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * (y + 1.0)


class Log(OfInput):
    """y = ln(x)."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / x


class Log2(OfInput):
    """y = ln(x) / ln(2)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x * math.log(2))


class Log10(OfInput):
    """y = ln(x) / ln(10)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x * math.log(10))


class Log1p(OfInput):
    """y = ln(1 + x), accurate near 0."""

    def name(ctx) -> str:
        return "Log1PBackward0"

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x + 1.0)


class Sqrt(OfOutput):
    """y = x**(1/2)."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy / (y * 2.0)


class Rsqrt(OfOutput):
    """y = x**(-1/2)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * (y * y * y) * -0.5


class Reciprocal(OfOutput):
    """y = 1 / x."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return -gy * (y * y)


class Square(OfInput):
    """y = x * x."""

    def name(ctx) -> str:
        return "PowBackward0"

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * (x * 2.0)


class Sin(OfInput):
    """y = sin(x), x in radians."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * cos(x)


class Cos(OfInput):
    """y = cos(x), x in radians."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return -gy * sin(x)


class Tan(OfOutput):
    """y = tan(x), x in radians."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * (y * y + 1.0)


class Asin(OfInput):
    """y = arcsin(x) in radians."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * rsqrt(1.0 - x * x)


class Acos(OfInput):
    """y = arccos(x) in radians."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return -gy * rsqrt(1.0 - x * x)


class Atan(OfInput):
    """y = arctan(x) in radians."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x * x + 1.0)


class Sinh(OfInput):
    """y = (e**x - e**-x) / 2."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * cosh(x)


class Cosh(OfInput):
    """y = (e**x + e**-x) / 2."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * sinh(x)


class Asinh(OfInput):
    """y = the inverse of sinh."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * rsqrt(x * x + 1.0)


class Acosh(OfInput):
    """y = the inverse of cosh, for x >= 1."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        if x.is_complex():  # the root of the product is on another branch
            return gy * rsqrt(x - 1.0) * rsqrt(x + 1.0)
        return gy * rsqrt(x * x - 1.0)


class Atanh(OfInput):
    """y = the inverse of tanh, for |x| < 1."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (1.0 - x * x)


class Erf(OfInput):
    """y = 2/sqrt(pi) * the integral of exp(-t**2) from 0 to x."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * exp(-(x * x)) * _TWO_OVER_SQRT_PI


class Erfc(OfInput):
    """y = 1 - erf(x), accurate for large x."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * exp(-(x * x)) * -_TWO_OVER_SQRT_PI


class Test(Op):
    """A function of one or two operands that answers with bools, or that has no gradient."""

    differentiable = False

    def forward(ctx, *operands, kernel):
        return getattr(ctx.backend, kernel)(*operands)


def of_one(operation: type[Op]) -> Callable[[Tensor], Tensor]:
    """Return the function of an operation; integers become floats first."""
    name = operation.__name__.lower()

    def function(input: Tensor) -> Tensor:
        return operation.apply(floating(checked(name, input)))

    function.__module__ = operation.__module__  # which declares it
    return named(function, name, (operation.__doc__ or "").splitlines()[0])


def of_one_kept(operation: type[Op]) -> Callable[[Tensor], Tensor]:
    """Like `of_one`, but integers stay as they are. Of bools there is a sign, and a square as of integers."""
    name = operation.__name__.lower()

    def function(input: Tensor) -> Tensor:
        kind = checked(name, input)._array.dtype.kind
        if kind == "b" and operation is not Sign:
            if operation is not Square:
                raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool': make integers of it, x.int()")
            input = cast(input, dtypes.int64)
        if kind in "iub":
            if kind == "b" and operation is Sign:
                return input.clone()
            is_computed = operation in (Sign, Abs, Square)  # the others are the identity on integers
            return Test.apply(input, kernel=name) if is_computed else input.clone()
        if kind == "c" and operation is Abs:
            return Magnitude.apply(input)
        return operation.apply(input)

    function.__module__ = operation.__module__  # which declares it
    return named(function, name, (operation.__doc__ or "").splitlines()[0])


def named(function: Any, name: str, summary: str) -> Any:
    """Return the function under a public name, documented."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{summary}\n\nElementwise; several operands are broadcast and promoted."
    return function


def checked(name: str, value: Any) -> Tensor:
    """Return value, which must be a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}")
    return value


def everywhere(function: Callable[[Tensor], Tensor], also: str = "") -> Callable[[Tensor], Tensor]:
    """Declare a function of one operand in all the forms that there are."""
    return public(in_place="function", direct=True, out=True, also=also)(function)


exp, exp2, expm1 = (everywhere(of_one(operation)) for operation in (Exp, Exp2, Expm1))
log, log2, log10, log1p = (everywhere(of_one(operation)) for operation in (Log, Log2, Log10, Log1p))
sqrt, rsqrt, reciprocal = (everywhere(of_one(operation)) for operation in (Sqrt, Rsqrt, Reciprocal))
sin, cos, tan, sinh, cosh = (everywhere(of_one(operation)) for operation in (Sin, Cos, Tan, Sinh, Cosh))
asin = everywhere(of_one(Asin), also="arcsin")
acos = everywhere(of_one(Acos), also="arccos")
atan = everywhere(of_one(Atan), also="arctan")
asinh = everywhere(of_one(Asinh), also="arcsinh")
acosh = everywhere(of_one(Acosh), also="arccosh")
atanh = everywhere(of_one(Atanh), also="arctanh")
erf, erfc = everywhere(of_one(Erf)), everywhere(of_one(Erfc))
floor, ceil, square = (everywhere(of_one_kept(operation)) for operation in (Floor, Ceil, Square))
trunc = everywhere(of_one_kept(Trunc), also="fix")
abs = everywhere(of_one_kept(Abs))
public(in_place="method", direct=True, out=True, name="absolute")(abs)  # PyTorch has no function absolute_
sign = public(in_place="method", direct=True, out=True)(of_one_kept(Sign))
_round = of_one_kept(Round)


@public(in_place="method", out=True)
def sgn(input: Tensor) -> Tensor:
    """Return x / |x|, and 0 of 0: the sign, also of complex numbers."""
    return Sgn.apply(input) if checked("sgn", input).is_complex() else sign(input)


@public(in_place="function", direct=True, out=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Return the nearest multiple of 10**-decimals, halves to even, elementwise."""
    if decimals == 0:
        return _round(input)
    if not input.is_floating_point():
        raise NotImplementedError(f'"round_cpu" not implemented for {input.dtype} with decimals: use x.float()')
    power = 10.0 ** builtins.abs(decimals)
    return _round(input * power) / power if decimals > 0 else _round(input / power) * power


@public(in_place="method", out=True)
def bitwise_not(input: Tensor) -> Tensor:
    """Return the bits inverted; for bools, the logical not."""
    if input._array.dtype.kind in "fV":
        raise TypeError(
            f"~ (operator.invert) is only implemented on integer and Boolean-type tensors, but got {input.dtype}"
        )
    return Test.apply(input, kernel="bitwise_not")


@public(in_place="method", out=True)
def logical_not(input: Tensor) -> Tensor:
    """Return whether each element is zero."""
    return Test.apply(input, kernel="logical_not")


@public
def isnan(input: Tensor) -> Tensor:
    """Return whether each element is not a number."""
    return Test.apply(input, kernel="isnan")


@public
def isinf(input: Tensor) -> Tensor:
    """Return whether each element is infinite."""
    return Test.apply(input, kernel="isinf")


@public
def isfinite(input: Tensor) -> Tensor:
    """Return whether each element is neither infinite nor NaN."""
    return Test.apply(input, kernel="isfinite")
