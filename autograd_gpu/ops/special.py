"""Special functions: their formulas and derivatives. Knows identities; the series are the backends'."""

from __future__ import annotations

import math

from ..op import Op
from ..tensor import Tensor
from .cast import (
    Number,
    broadcast_together,
    cast,
    floating,
    is_scalar,
    operands,
    result_type,
    rounded_once,
    slope_rounded_once,
    zero_gradient,
)
from .elementwise import where
from .elementwise_composed import Xlog1py, xlogy
from .integers import is_integer
from .public import public
from .results import MantissaExponent, frexp_result
from .unary import OfInput, OfOutput, checked, erfc, everywhere, exp, exp2, log, log1p, of_one, sign

_SQRT_HALF = math.sqrt(0.5)
_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


class Lgamma(OfInput):
    """y = log|Gamma(x)|."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * digamma(x)


class Digamma(OfInput):
    """y = the derivative of log|Gamma(x)|."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * polygamma(1, x)


class Polygamma(Op):
    """y = the n-th derivative of digamma: (-1)**(n+1) n! zeta(n+1, x)."""

    def forward(ctx, x, n):
        ctx.n = n
        y = ctx.backend.zeta(float(n + 1), x)
        factor = math.factorial(n) if n < 171 else math.inf
        return ctx.backend.mul(y, float(factor if n % 2 else -factor), out=y)

    def keep(ctx, y, x, n):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * polygamma(ctx.n + 1, x)


class Zeta(Op):
    """z = the sum of (y + k)**-x over k = 0, 1, ...; it has no gradient for x."""

    def forward(ctx, x, y):
        return ctx.backend.zeta(x, y)

    def keep(ctx, z, x, y):
        if ctx.edges[0] is not None:
            raise NotImplementedError("the derivative for 'self' of special.zeta is not implemented: detach() it.")
        ctx.save(x, y)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        return None, gz * (-x * Zeta.apply(x + 1.0, y))

    def name(ctx) -> str:
        return "SpecialZetaBackward0"


class Igamma(Op):
    """z = the share of the gamma distribution of shape x below y; it has no gradient for x."""

    kernel, sign = "igamma", 1.0

    def forward(ctx, x, y):
        return getattr(ctx.backend, ctx.kernel)(x, y)

    def keep(ctx, z, x, y):
        if ctx.edges[0] is not None:
            raise NotImplementedError(f"the derivative for 'self' of {ctx.kernel} is not implemented: detach() it.")
        ctx.save(x, y)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        density = exp(xlogy(x - 1.0, where(y < 0, math.nan, y)) - y - lgamma(x))
        return None, gz * (density * ctx.sign)


class Igammac(Igamma):
    """z = the share of the gamma distribution of shape x above y; it has no gradient for x."""

    kernel, sign = "igammac", -1.0


class Erfinv(OfOutput):
    """y = the x' with erf(x') = x."""

    @slope_rounded_once
    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * exp(y * y) * (1 / _TWO_OVER_SQRT_PI)


class Erfcx(OfInput):
    """y = exp(x * x) * erfc(x)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * _erfcx_slope(x)

    def name(ctx) -> str:
        return "SpecialErfcxBackward0"


def _erfcx_slope(x: Tensor) -> Tensor:
    """2 x erfcx(x) - 2 / sqrt(pi); far out, where the two cancel, by the series of erfcx in 1 / x^2."""
    is_far = x > 12.0
    near, far = where(is_far, 0.0, x), where(is_far, x, 12.0)
    step, series = 0.5 / (far * far), 1.0
    for odd in (15, 13, 11, 9, 7, 5, 3):
        series = 1.0 - step * odd * series
    return where(is_far, -step * series, near * erfcx(near) * math.sqrt(math.pi) - 1.0) * _TWO_OVER_SQRT_PI


class I0(OfInput):
    """y = the modified Bessel function of the first kind of order 0."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * i1(x)


class I0e(OfInput):
    """y = i0(x) * exp(-|x|)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * (i1e(x) - sign(x) * i0e(x))

    def name(ctx) -> str:
        return "SpecialI0EBackward0"


class I1(OfInput):
    """y = the modified Bessel function of the first kind of order 1."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * (i0(x) - _over(i1(x), x))

    def name(ctx) -> str:
        return "SpecialI1Backward0"


class I1e(OfInput):
    """y = i1(x) * exp(-|x|)."""

    @slope_rounded_once
    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * (i0e(x) - sign(x) * i1e(x) - _over(i1e(x), x))

    def name(ctx) -> str:
        return "SpecialI1EBackward0"


def _over(y: Tensor, x: Tensor) -> Tensor:
    """i1(x) / x, which tends to 1/2 at 0."""
    is_zero = x == 0
    return where(is_zero, 0.5, y / where(is_zero, 1.0, x))


_with_method = public(in_place="method", direct=True, out=True)
lgamma, digamma, erfinv = (_with_method(of_one(operation)) for operation in (Lgamma, Digamma, Erfinv))
i0 = everywhere(of_one(I0))
i1, i0e, i1e, erfcx = map(of_one, (I1, I0e, I1e, Erfcx))


class Nextafter(Op):
    """z = the number next to x in the direction of y: x but for a rounding, where it is not y."""

    def forward(ctx, x, y):
        return ctx.backend.nextafter(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y)

    def backward(ctx, gz):
        x, y = ctx.saved
        return where(x == y, 0.0, gz), zero_gradient(gz) if ctx.needs(1) else None


class Frexp(Op):
    """m, e = the parts of x = m * 2**e with 1/2 <= |m| < 1 (0 and 0 for 0)."""

    def forward(ctx, x):
        return ctx.backend.frexp_mantissa(x), ctx.backend.frexp_exponent(x)

    def keep(ctx, outputs, x):
        ctx.save(outputs[1].detach())

    def backward(ctx, gm, _):
        (exponent,) = ctx.saved
        return gm * exp2(-cast(exponent, gm.dtype))


@public
def frexp(input: Tensor) -> MantissaExponent:
    """Return (mantissa, exponent) with input = mantissa * 2**exponent and 1/2 <= |mantissa| < 1, elementwise."""
    if not input.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return frexp_result(*Frexp.apply(input))


@public(method=False, out=True)
def polygamma(n: int, input: Tensor) -> Tensor:
    """Return the n-th derivative of digamma, elementwise; n = 0 is digamma itself."""
    if not is_integer(n) or isinstance(n, bool):
        raise TypeError(f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return Polygamma.apply(floating(checked("polygamma", input)), n=n) if n else digamma(input)


@public(function=False, name="polygamma", in_place="method")
def polygamma_of(self: Tensor, n: int) -> Tensor:
    """Return the n-th derivative of digamma at this tensor."""
    return polygamma(n, self)


@public(in_place="method", out=True)
@rounded_once
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the log of the gamma function of p dimensions, elementwise.

    log(pi) p(p-1)/4 + the sum of lgamma(x - j/2) over j < p; undefined for x <= (p-1)/2.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if input._array.dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor. (mvlgamma: use x.float())")
    x = floating(input)
    y = lgamma(x) + math.log(math.pi) * (p * (p - 1) / 4)
    for j in range(1, p):
        y = y + lgamma(x - 0.5 * j)
    return y


def zeta(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return the Hurwitz zeta function of exponent input and offset other, broadcast; differentiable in other."""
    return Zeta.apply(*operands("zeta", input, other, floating=True))


@public(in_place="method", out=True)
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised lower incomplete gamma function P(input, other), broadcast; differentiable in other."""
    return Igamma.apply(*operands("igamma", input, other, floating=True))


@public(in_place="method", out=True)
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """Return the regularised upper incomplete gamma function Q(input, other), broadcast; differentiable in other."""
    return Igammac.apply(*operands("igammac", input, other, floating=True))


@rounded_once
def entr(input: Tensor) -> Tensor:
    """Return -x log(x), 0 at 0 and -inf below, elementwise."""
    x = floating(input)
    is_below = x < 0
    return where(is_below, -math.inf, -xlogy(x, where(is_below, 1.0, x)))


@rounded_once
def xlog1py(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return x * log1p(y), and 0 where x is 0 and y is no NaN, broadcast."""
    if is_scalar(input) and is_scalar(other):
        raise TypeError(
            "special_xlog1py() received an invalid combination of arguments - got two numbers, and no Tensor"
        )
    if is_scalar(input):
        input = other.new_full((), input, dtype=result_type(input, other))  # type: ignore[union-attr]
    if is_scalar(other):
        other = input.new_full((), other, dtype=result_type(input, other))  # type: ignore[union-attr]
    dtype = floating(input.new_empty((), dtype=result_type(input, other))).dtype  # type: ignore[union-attr]
    x, y = broadcast_together(cast(input, dtype), cast(other, dtype))  # type: ignore[arg-type]
    return Xlog1py.apply(x, y)


@rounded_once
def ndtr(input: Tensor) -> Tensor:
    """Return the area under the standard normal density from -inf to x, elementwise."""
    return erfc(floating(input) * -_SQRT_HALF) * 0.5


@rounded_once
def log_ndtr(input: Tensor) -> Tensor:
    """Return log(ndtr(x)) without the underflow of ndtr, elementwise."""
    x = floating(input)
    is_tail = x < -1
    tail, body = (where(is_tail, x, -1.0) * -_SQRT_HALF, where(is_tail, -1.0, x) * _SQRT_HALF)
    return where(is_tail, log(erfcx(tail) * 0.5) - tail * tail, log1p(erfc(body) * -0.5))


@public(in_place="method", direct=True, out=True)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the number next to input in the direction of other, broadcast."""
    x, y = operands("nextafter", input, other)
    if not x.is_floating_point():
        raise NotImplementedError(f'"nextafter" not implemented for {x.dtype}. Use a floating point tensor: x.float().')
    return Nextafter.apply(x, y)
