"""Elementwise operations. Operands reach a kernel with one dtype and one shape (`cast.operands` saw to it)."""

from __future__ import annotations

import math
from typing import Any

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
    to_device,
    zero_gradient,
)  # fmt: skip

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)

# ---------------------------------------------------------------------------------------------- arithmetic


class Add(Op):
    """z = x + y."""

    def forward(ctx, x, y):
        return ctx.backend.add(x, y)

    def backward(ctx, gz):
        return gz, gz


class Sub(Op):
    """z = x - y."""

    def forward(ctx, x, y):
        return ctx.backend.sub(x, y)

    def backward(ctx, gz):
        return gz, -gz if ctx.needs(1) else None


class Mul(Op):
    """z = x * y."""

    def forward(ctx, x, y):
        return ctx.backend.mul(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[0] else None)

    def backward(ctx, gz):
        x, y = ctx.saved
        return gz * y if ctx.needs(0) else None, gz * x if ctx.needs(1) else None


class Div(Op):
    """z = x / y."""

    def forward(ctx, x, y):
        return ctx.backend.div(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y)

    def backward(ctx, gz):
        x, y = ctx.saved
        gx = gz / y
        return gx if ctx.needs(0) else None, -gx * (x / y) if ctx.needs(1) else None


class FloorDivide(Op):
    """z = floor(x / y), which is flat wherever it has a derivative."""

    def forward(ctx, x, y):
        return ctx.backend.floor_divide(x, y)

    def backward(ctx, gz):
        return zero_gradient(gz) if ctx.needs(0) else None, zero_gradient(gz) if ctx.needs(1) else None


class Pow(Op):
    """z = x ** y."""

    def forward(ctx, x, y):
        return ctx.backend.pow(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y, ctx.own(z) if ctx.edges[1] else None)

    def backward(ctx, gz):
        x, y, z = ctx.saved
        return _pow_gx(gz, x, y) if ctx.needs(0) else None, _pow_gy(gz, x, y, z) if ctx.needs(1) else None

    def name(ctx) -> str:
        base, exponent = ctx.edges
        return "PowBackward0" if exponent is None else "PowBackward2" if base is None else "PowBackward1"


def _pow_gx(gz: Tensor, x: Any, y: Any) -> Tensor:
    """y * x**(y-1), and 0 where y is 0, also at x = 0."""
    if is_scalar(y):
        if y == 0:
            return zero_gradient(gz)
        return gz * (x * 2.0 if y == 2 else y * x ** (y - 1))
    return where(y == 0, 0.0, gz * (y * x ** (y - 1)))


def _pow_gy(gz: Tensor, x: Any, y: Any, z: Tensor) -> Tensor:
    """z * log(x), and 0 where x is 0 and y is not negative."""
    if is_scalar(x):
        if x == 0:
            return where(y >= 0, 0.0, gz * z * -math.inf)
        return gz * z * (math.log(x) if x > 0 else math.nan)
    return where((x == 0) & (y >= 0), 0.0, gz * (z * log(x)))


class Neg(Op):
    """y = -x."""

    def forward(ctx, x):
        return ctx.backend.neg(x)

    def backward(ctx, gy):
        return -gy


class Maximum(Op):
    """z = max(x, y); a tie gives each operand half of the gradient."""

    kernel = "maximum"

    def forward(ctx, x, y):
        return getattr(ctx.backend, ctx.kernel)(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y)

    def backward(ctx, gz):
        x, y = ctx.saved
        halved = where(x == y, gz * 0.5, gz)
        x_lost, y_lost = (x < y, y < x) if ctx.kernel == "maximum" else (x > y, y > x)
        return where(x_lost, 0.0, halved), where(y_lost, 0.0, halved)


class Minimum(Maximum):
    """z = min(x, y); a tie gives each operand half of the gradient."""

    kernel = "minimum"


class Fmod(Op):
    """z = x - trunc(x / y) * y."""

    def forward(ctx, x, y):
        return ctx.backend.fmod(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[1] else None)

    def backward(ctx, gz):
        x, y = ctx.saved
        return gz, -gz * trunc(x / y) if ctx.needs(1) else None


class Remainder(Op):
    """z = x - floor(x / y) * y."""

    def forward(ctx, x, y):
        return ctx.backend.remainder(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[1] else None)

    def backward(ctx, gz):
        x, y = ctx.saved
        return gz, -gz * floor(x / y) if ctx.needs(1) else None


class Atan2(Op):
    """z = the angle of the point (y, x); the first operand is the ordinate."""

    def forward(ctx, x, y):
        return ctx.backend.atan2(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y)

    def backward(ctx, gz):
        x, y = ctx.saved
        scaled = gz / (x * x + y * y)
        return scaled * y, -scaled * x


class Copysign(Op):
    """z = |x| with the sign of y."""

    def forward(ctx, x, y):
        return ctx.backend.copysign(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, ctx.own(z))

    def backward(ctx, gz):
        x, z = ctx.saved
        return where(x == 0, 0.0, gz * (z / x)), zero_gradient(gz) if ctx.needs(1) else None


class Addcmul(Op):
    """w = x + value * y * z."""

    def forward(ctx, x, y, z, value):
        ctx.value = value
        return ctx.backend.addcmul(x, y, z, value)

    def keep(ctx, w, x, y, z, value):
        ctx.save(y, z)

    def backward(ctx, gw):
        y, z = ctx.saved
        return (
            gw,
            gw * z * ctx.value if ctx.needs(1) else None,
            gw * y * ctx.value if ctx.needs(2) else None,
        )


# ---------------------------------------------------------------------------------------------- functions of one operand


class Unary(Op):
    """y = f(x), f the backend function that bears the class's name in lower case."""

    kernel = ""

    def __init_subclass__(cls) -> None:
        cls.kernel = cls.__name__.lower()

    def forward(ctx, x):
        return getattr(ctx.backend, ctx.kernel)(x)


class OfInput(Unary):
    """A function whose derivative is written in its input."""

    def keep(ctx, y, x):
        ctx.save(x)


class OfOutput(Unary):
    """A function whose derivative is written in its output."""

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

    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * y * math.log(2)


class Expm1(OfOutput):
    """y = e**x - 1, accurate near 0."""

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

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x * math.log(2))


class Log10(OfInput):
    """y = ln(x) / ln(10)."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (x * math.log(10))


class Log1p(OfInput):
    """y = ln(1 + x), accurate near 0."""

    def name(ctx) -> str:
        return "Log1PBackward0"

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

    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * (y * y * y) * -0.5


class Reciprocal(OfOutput):
    """y = 1 / x."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return -gy * (y * y)


class Square(OfInput):
    """y = x * x."""

    def name(ctx) -> str:
        return "PowBackward0"

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

    def backward(ctx, gy):
        (y,) = ctx.saved
        return gy * (y * y + 1.0)


class Asin(OfInput):
    """y = arcsin(x) in radians."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * rsqrt(1.0 - x * x)


class Acos(OfInput):
    """y = arccos(x) in radians."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return -gy * rsqrt(1.0 - x * x)


class Atan(OfInput):
    """y = arctan(x) in radians."""

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

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * rsqrt(x * x + 1.0)


class Acosh(OfInput):
    """y = the inverse of cosh, for x >= 1."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * rsqrt(x * x - 1.0)


class Atanh(OfInput):
    """y = the inverse of tanh, for |x| < 1."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy / (1.0 - x * x)


class Erf(OfInput):
    """y = 2/sqrt(pi) * the integral of exp(-t**2) from 0 to x."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * exp(-(x * x)) * _TWO_OVER_SQRT_PI


class Erfc(OfInput):
    """y = 1 - erf(x), accurate for large x."""

    def backward(ctx, gy):
        (x,) = ctx.saved
        return gy * exp(-(x * x)) * -_TWO_OVER_SQRT_PI


# ---------------------------------------------------------------------------------------------- activations


class Tanh(OfOutput):
    """y = tanh(x)."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return TanhBackward.apply(gy, y)


class TanhBackward(Op):
    """gx = gy * (1 - y*y)."""

    def forward(ctx, gy, y):
        return ctx.backend.tanh_backward(gy, y)

    def keep(ctx, gx, gy, y):
        ctx.save(gy, y)

    def backward(ctx, ggx):
        gy, y = ctx.saved
        return TanhBackward.apply(ggx, y), ggx * gy * y * -2.0 if ctx.needs(1) else None


class Sigmoid(OfOutput):
    """y = 1 / (1 + e**-x)."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return SigmoidBackward.apply(gy, y)


class SigmoidBackward(Op):
    """gx = gy * y * (1 - y)."""

    def forward(ctx, gy, y):
        return ctx.backend.sigmoid_backward(gy, y)

    def keep(ctx, gx, gy, y):
        ctx.save(gy, y)

    def backward(ctx, ggx):
        gy, y = ctx.saved
        return SigmoidBackward.apply(ggx, y), ggx * gy * (1.0 - y * 2.0) if ctx.needs(1) else None


class Relu(OfOutput):
    """y = max(x, 0); the gradient at 0 is 0."""

    def backward(ctx, gy):
        (y,) = ctx.saved
        return ReluBackward.apply(gy, y)


class ReluBackward(Op):
    """gx = gy where y > 0, else 0."""

    def forward(ctx, gy, y):
        return ctx.backend.relu_backward(gy, y)

    def keep(ctx, gx, gy, y):
        ctx.save(y)

    def backward(ctx, ggx):
        (y,) = ctx.saved
        return ReluBackward.apply(ggx, y), None


class Gelu(Op):
    """y = x * Phi(x), Phi the normal distribution; "tanh": x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3)))."""

    def forward(ctx, x, approximate):
        ctx.approximate = approximate
        return ctx.backend.gelu(x, approximate)

    def keep(ctx, y, x, approximate):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        return GeluBackward.apply(gy, x, approximate=ctx.approximate)


class GeluBackward(Op):
    """gx = gy * gelu'(x)."""

    def forward(ctx, gy, x, approximate):
        ctx.approximate = approximate
        return ctx.backend.gelu_backward(gy, x, approximate)

    def keep(ctx, gx, gy, x, approximate):
        ctx.save(gy, x)

    def backward(ctx, ggx):
        gy, x = ctx.saved
        ggy = GeluBackward.apply(ggx, x, approximate=ctx.approximate)
        return ggy, ggx * gy * _gelu_second_derivative(x, ctx.approximate) if ctx.needs(1) else None


def _gelu_second_derivative(x: Tensor, approximate: str) -> Tensor:
    if approximate == "none":  # d/dx (Phi + x phi) = (2 - x*x) phi
        return (2.0 - x * x) * exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    # u = c (x + a x^3); y'' = t' + x/2 t'' with t = tanh(u)
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = tanh((x + a * x * x * x) * c)
    du, ddu = (1.0 + 3 * a * x * x) * c, x * (6 * a * c)
    dt = (1.0 - t * t) * du
    ddt = (1.0 - t * t) * ddu - 2.0 * t * dt * du
    return dt + x * ddt * 0.5


class Clamp(Op):
    """y = min(max(x, minimum), maximum); the gradient at a bound is 1."""

    suffix = "Backward1"

    def forward(ctx, x, minimum, maximum):
        ctx.minimum, ctx.maximum = minimum, maximum
        return ctx.backend.clamp(x, minimum, maximum)

    def keep(ctx, y, x, minimum, maximum):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        inside = None if ctx.minimum is None else x >= ctx.minimum
        if ctx.maximum is not None:
            below = x <= ctx.maximum
            inside = below if inside is None else inside & below
        return where(inside, gy, 0.0)


# ---------------------------------------------------------------------------------------------- selection and tests


class Where(Op):
    """z = x where the condition holds, else y."""

    def forward(ctx, condition, x, y):
        return ctx.backend.where(condition, x, y)

    def keep(ctx, z, condition, x, y):
        ctx.save(condition)

    def backward(ctx, gz):
        (condition,) = ctx.saved
        return (
            None,
            Where.apply(condition, gz, 0.0) if ctx.needs(1) else None,
            Where.apply(condition, 0.0, gz) if ctx.needs(2) else None,
        )


class Test(Op):
    """A function of one or two operands that answers with bools, or that has no gradient."""

    differentiable = False

    def forward(ctx, *operands, kernel):
        return getattr(ctx.backend, kernel)(*operands)


# ---------------------------------------------------------------------------------------------- public functions


def add(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Return input + alpha * other, broadcast; bool + bool is a logical or."""
    x, y = operands("add", input, other)
    return Add.apply(x, y if alpha == 1 else y * alpha)


def sub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Return input - alpha * other, broadcast. Bool tensors cannot be subtracted."""
    if _is_bool(input) or _is_bool(other):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    x, y = operands("sub", input, other)
    return Sub.apply(x, y if alpha == 1 else y * alpha)


def mul(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return input * other, broadcast."""
    return Mul.apply(*operands("mul", input, other))


def div(input: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other, broadcast; integers give floats unless `rounding_mode` is "trunc" or "floor"."""
    if rounding_mode is None:
        return Div.apply(*operands("div", input, other, floating=True))
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        x, y = operands("div", input, other)
        if result_type(input, other).is_floating_point:
            return trunc(Div.apply(x, y))
        return sub(x, fmod(x, y)).floor_divide(y)  # type: ignore[attr-defined]
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


def floor_divide(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return floor(input / other), broadcast. Its gradient is zero."""
    return FloorDivide.apply(*operands("floor_divide", input, other))


def pow(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Return input ** exponent, broadcast. Integers to negative integer powers are refused."""
    x, y = operands("pow", input, exponent)
    if isinstance(exponent, int) and exponent < 0 and x._array.dtype.kind in "iub":
        raise RuntimeError("Integers to negative integer powers are not allowed. Use a float tensor: x.float().")
    return Pow.apply(x, y)


def neg(input: Tensor) -> Tensor:
    """Return -input."""
    if _is_bool(input):
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
            "`~` or `logical_not()` operator instead."
        )
    return Neg.apply(input)


def _binary(name: str, operation: type[Op], summary: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        return operation.apply(*operands(name, input, other))

    return _named(function, name, summary)


def _unary(operation: type[Op]) -> Any:
    name = operation.__name__.lower()

    def function(input: Tensor) -> Tensor:
        return operation.apply(floating(_tensor(name, input)))

    return _named(function, name, (operation.__doc__ or "").splitlines()[0])


def _step(operation: type[Op]) -> Any:
    """Like `_unary`, but integers stay as they are."""
    name = operation.__name__.lower()

    def function(input: Tensor) -> Tensor:
        if _tensor(name, input)._array.dtype.kind in "iub":
            return Test.apply(input, kernel=name) if operation in (Sign, Abs, Square) else input.clone()  # type: ignore[attr-defined]
        return operation.apply(input)

    return _named(function, name, (operation.__doc__ or "").splitlines()[0])


def _test(name: str, summary: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        return Test.apply(*operands(name, input, other), kernel=name)

    return _named(function, name, summary)


def _named(function: Any, name: str, summary: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{summary}\n\nElementwise; several operands are broadcast and promoted."
    return function


def _tensor(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}")
    return value


def _is_bool(x: Any) -> bool:
    return isinstance(x, bool) or (isinstance(x, Tensor) and x._array.dtype.kind == "b")


maximum = _binary("maximum", Maximum, "The larger of the two; NaN wins.")
minimum = _binary("minimum", Minimum, "The smaller of the two; NaN wins.")
fmod = _binary("fmod", Fmod, "The remainder with the sign of input.")
remainder = _binary("remainder", Remainder, "The remainder with the sign of other.")

(exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, reciprocal) = map(
    _unary, (Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sqrt, Rsqrt, Reciprocal)
)
(sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh) = map(
    _unary, (Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh)
)
(erf, erfc, tanh, sigmoid) = map(_unary, (Erf, Erfc, Tanh, Sigmoid))
(abs, sign, square, floor, ceil, round, trunc) = map(_step, (Abs, Sign, Square, Floor, Ceil, Round, Trunc))

eq = _test("eq", "Whether the two are equal.")
ne = _test("ne", "Whether the two differ.")
lt = _test("lt", "Whether input < other.")
le = _test("le", "Whether input <= other.")
gt = _test("gt", "Whether input > other.")
ge = _test("ge", "Whether input >= other.")
logical_and = _test("logical_and", "Whether both are nonzero.")
logical_or = _test("logical_or", "Whether either is nonzero.")
logical_xor = _test("logical_xor", "Whether exactly one is nonzero.")


def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle of the point (other, input) in radians, broadcast."""
    return Atan2.apply(*operands("atan2", input, other, floating=True))


def copysign(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return |input| with the sign of other, broadcast."""
    return Copysign.apply(*operands("copysign", input, other, floating=True))


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value * tensor1 * tensor2, broadcast."""
    dtype = result_type(input, tensor1, tensor2)
    return Addcmul.apply(*broadcast_together(*(cast(t, dtype) for t in (input, tensor1, tensor2))), value=value)


def _bitwise(name: str, summary: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        x, y = operands(name, input, other)
        if result_type(x, y).is_floating_point:
            raise RuntimeError(f"{name}: expected integer or bool tensors, but got {result_type(x, y)}")
        return Test.apply(x, y, kernel=name)

    return _named(function, name, summary)


bitwise_and = _bitwise("bitwise_and", "Bits set in both.")
bitwise_or = _bitwise("bitwise_or", "Bits set in either.")
bitwise_xor = _bitwise("bitwise_xor", "Bits set in exactly one.")


def bitwise_not(input: Tensor) -> Tensor:
    """Return the bits inverted; for bools, the logical not."""
    if input._array.dtype.kind in "fV":
        raise RuntimeError(f"bitwise_not: expected an integer or bool tensor, but got {input.dtype}")
    return Test.apply(input, kernel="bitwise_not")


def logical_not(input: Tensor) -> Tensor:
    """Return whether each element is zero."""
    return Test.apply(input, kernel="logical_not")


def isnan(input: Tensor) -> Tensor:
    """Return whether each element is not a number."""
    return Test.apply(input, kernel="isnan")


def isinf(input: Tensor) -> Tensor:
    """Return whether each element is infinite."""
    return Test.apply(input, kernel="isinf")


def isfinite(input: Tensor) -> Tensor:
    """Return whether each element is neither infinite nor NaN."""
    return Test.apply(input, kernel="isfinite")


def relu(input: Tensor) -> Tensor:
    """Return max(input, 0)."""
    return Relu.apply(_tensor("relu", input))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input * Phi(input) (Hendrycks & Gimpel 2016), exactly or by the tanh formula with ``approximate="tanh"``."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, but got {approximate!r}.")
    if not _tensor("gelu", input).is_floating_point():
        raise NotImplementedError(f"gelu: expected a floating point tensor, but got {input.dtype}. Use input.float().")
    return Gelu.apply(input, approximate=approximate)


def clamp(input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None) -> Tensor:
    """Return input limited to [min, max]; either bound may be missing, a number, or a tensor that broadcasts."""
    if min is None and max is None:
        raise ValueError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        if min is not None:
            input = _clamp_by_tensor(input, min, "maximum")
        return input if max is None else _clamp_by_tensor(input, max, "minimum")
    dtype = result_type(input, *(bound for bound in (min, max) if bound is not None))
    return Clamp.apply(cast(input, dtype), minimum=min, maximum=max)


def _clamp_by_tensor(x: Tensor, bound: Tensor | Number, kernel: str) -> Tensor:
    """A tie passes the whole gradient to x, as PyTorch's clamp does; maximum would split it."""
    x, bound = operands("clamp", x, bound)
    kept = x >= bound if kernel == "maximum" else x <= bound
    return where(kept | isnan(x), x, bound)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return input where the condition holds and other elsewhere, broadcast; with the condition alone, its nonzeros."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)  # type: ignore[attr-defined]
    if not isinstance(condition, Tensor):
        raise TypeError(f"where(): argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}")
    if condition._array.dtype.kind != "b":
        if condition._array.dtype.name != "uint8":
            raise RuntimeError(
                f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
            )
        condition = condition != 0
    if is_scalar(input) and is_scalar(other):
        input = condition.new_full((), input, dtype=result_type(input, other))  # type: ignore[attr-defined]
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        input, other = operands("where", input, other)
    tensors = [value for value in (condition, input, other) if isinstance(value, Tensor)]
    device = next((t.device for t in tensors if t._array.ndim), tensors[0].device)
    tensors = [to_device(t, device) if t._array.ndim == 0 else t for t in tensors]
    tensors = broadcast_together(*tensors)
    condition = tensors[0]
    if len(tensors) == 3:
        return Where.apply(*tensors)
    return (
        Where.apply(condition, tensors[1], other)
        if isinstance(input, Tensor)
        else Where.apply(condition, input, tensors[1])
    )
