"""Arithmetic, comparison and selection, element by element.

Operands reach a kernel with one dtype and one shape: `cast.operands` saw to it.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

from ..dtypes import BOOL, fitting
from ..op import Op
from ..tensor import Tensor
from .bounds import ZERO_DIVISION, refuse_zeros
from .cast import (
    Number,
    as_number,
    broadcast_together,
    cast,
    is_scalar,
    operands,
    result_type,
    slope_rounded_once,
    to_device,
    zero_gradient,
)  # fmt: skip
from .public import public
from .unary import Test, named, trunc


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


class Rsub(Sub):
    """z = x - y for a number x, with PyTorch's name."""

    suffix = "Backward1"


class Mul(Op):
    """z = x * y."""

    saved_as = "self other"

    def forward(ctx, x, y):
        return ctx.backend.mul(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[0] else None)

    def backward(ctx, gz):
        x, y = ctx.saved
        return gz * y if ctx.needs(0) else None, gz * x if ctx.needs(1) else None


class Div(Op):
    """z = x / y."""

    saved_as = "self other"

    def forward(ctx, x, y):
        return ctx.backend.div(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y)

    @slope_rounded_once
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


class TruncDivide(FloorDivide):
    """z = trunc(x / y), which is flat wherever it has a derivative."""

    def forward(ctx, x, y):
        return ctx.backend.trunc(ctx.backend.div(x, y))

    def name(ctx) -> str:
        return "DivBackward2"


class Pow(Op):
    """z = x ** y."""

    saved_as = "self exponent result"

    def forward(ctx, x, y):
        return ctx.backend.pow(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y, ctx.own(z) if ctx.edges[1] else None)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y, z = ctx.saved
        return _pow_gx(gz, x, y) if ctx.needs(0) else None, _pow_gy(gz, x, y, z) if ctx.needs(1) else None

    def name(ctx) -> str:
        base, exponent = ctx.edges
        return "PowBackward0" if exponent is None else "PowBackward2" if base is None else "PowBackward1"


class PowLog(Op):
    """z = p * log(x)**n for p = x**y, given by who applies it: the n-th derivative of p by y.

    It is 0 where p is, and where both x and y are 0, as PyTorch has it for n = 1; so are its own derivatives by y.
    """

    def forward(ctx, x, y, p, n):
        ctx.n = n
        backend = ctx.backend
        is_origin = backend.logical_and(backend.eq(x, 0), backend.eq(y, 0))
        is_nothing = backend.logical_or(backend.logical_and(backend.ge(x, 0), backend.eq(p, 0)), is_origin)
        return backend.where(is_nothing, 0.0, backend.mul(p, backend.pow(backend.log(x), n)))

    def keep(ctx, z, x, y, p, n):
        ctx.save(x, y)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        gx = _pow_gx(gz, x, y, ctx.n) if ctx.needs(0) else None
        return gx, gz * _pow_log(x, y, ctx.n + 1) if ctx.needs(1) else None, None


def _pow_log(x: Tensor, y: Tensor, n: int) -> Tensor:
    return x**y if n == 0 else PowLog.apply(x, y, (x.detach() ** y.detach()), n=n)


def _pow_gx(gz: Tensor, x: Any, y: Any, n: int = 0) -> Tensor:
    """y * x**(y-1), and 0 where y is 0, also at x = 0; of x**y * log(x)**n with n times it and one logarithm less."""
    if is_scalar(y):
        return gz * (y * x ** (y - 1)) if y else zero_gradient(gz)
    if y.is_complex():
        is_flat = y == 0
        return where(is_flat, 0.0, gz * y * where(is_flat, 1.0, x) ** (y - 1))
    # What a case leaves out is put aside before the power, which would make 0 * inf of its derivatives.
    is_flat = (y == 0) & ~(x > 0)
    slope = where(is_flat, 0.0, y * _pow_log(where(is_flat, 1.0, x), y - 1, n))
    if n:
        is_origin = is_flat & (x == 0)
        slope = slope + n * where(is_origin, 0.0, _pow_log(where(is_origin, 1.0, x), y - 1, n - 1))
    return gz * slope


def _pow_gy(gz: Tensor, x: Any, y: Any, z: Tensor) -> Tensor:
    """z * log(x), and 0 where x is 0 and y is not negative."""
    if z.is_complex():
        return _pow_gy_of_complex(gz, x, y, z)
    if is_scalar(x):
        if x == 0:
            return where(y >= 0, 0.0, gz * z * -math.inf)
        return gz * z * (math.log(x) if x > 0 else math.nan)
    return gz * PowLog.apply(x, y, z.detach(), n=1)


def _pow_gy_of_complex(gz: Tensor, x: Any, y: Any, z: Tensor) -> Tensor:
    """z * log(x), and 0 where x is 0 and the real part of y is not negative."""
    if is_scalar(x):
        return gz * z * cmath.log(x) if x else where(y.real >= 0, 0.0, gz * z * -math.inf)
    is_flat = (x == 0) & (y.real >= 0)
    return where(is_flat, 0.0, gz * where(is_flat, 1.0, z * where(is_flat, 1.0, x).log()))


class Neg(Op):
    """y = -x."""

    def forward(ctx, x):
        return ctx.backend.neg(x)

    def backward(ctx, gy):
        return -gy


class Maximum(Op):
    """z = max(x, y); a tie gives each operand half of the gradient."""

    saved_as = "self other"
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

    saved_as = "self other"

    def forward(ctx, x, y):
        return ctx.backend.fmod(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[1] else None)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        return gz, -gz * trunc(x / y) if ctx.needs(1) else None


class Remainder(Op):
    """z = x - floor(x / y) * y."""

    saved_as = "self other"

    def forward(ctx, x, y):
        return ctx.backend.remainder(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[1] else None)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        return gz, -gz * floor_divide(x, y) if ctx.needs(1) else None


class Atan2(Op):
    """z = the angle of the point (y, x); the first operand is the ordinate."""

    saved_as = "self other"

    def forward(ctx, x, y):
        return ctx.backend.atan2(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, y)

    @slope_rounded_once
    def backward(ctx, gz):
        x, y = ctx.saved
        # By parts of the longer side, whose squares neither overflow nor vanish; at the origin the gradient is 0.
        side = maximum(x.abs(), y.abs()).detach()
        side = where(side == 0, math.inf, side)
        x, y = x / side, y / side
        scaled = gz / where(side == math.inf, math.inf, x * x + y * y) / side
        return scaled * y, -scaled * x


class Copysign(Op):
    """z = |x| with the sign of y."""

    saved_as = "self result"

    def forward(ctx, x, y):
        return ctx.backend.copysign(x, y)

    def keep(ctx, z, x, y):
        ctx.save(x, ctx.own(z))

    def backward(ctx, gz):
        x, z = ctx.saved
        is_zero = x == 0
        sign = where(is_zero, 0.0, z) / where(is_zero, 1.0, x)
        return gz * sign, zero_gradient(gz) if ctx.needs(1) else None


class Addcmul(Op):
    """w = x + value * y * z."""

    saved_as = "tensor1 tensor2"

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


class Clamp(Op):
    """y = min(max(x, minimum), maximum); the gradient at a bound is 1."""

    saved_as = "self"
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


class Where(Op):
    """z = x where the condition holds, else y."""

    saved_as = "condition"

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


class MaskedFill(Where):
    """Where, with PyTorch's name for a number or a 0-d tensor in the place of x."""

    def keep(ctx, z, condition, x, y):
        ctx.suffix = f"Backward{int(isinstance(x, Tensor))}"
        ctx.save(condition)


@public(in_place="method", direct=True, out=True)
def add(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Return input + alpha * other, broadcast; bool + bool is a logical or."""
    x, y = operands("add", input, other)
    return Add.apply(x, y if alpha == 1 and alpha is not True else y * _weight(alpha, y))


@public(in_place="method", direct=True, out=True, also="subtract")
def sub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Return input - alpha * other, broadcast. Bool tensors cannot be subtracted."""
    if _is_bool(input) or _is_bool(other):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    x, y = operands("sub", input, other)
    operation = Sub if isinstance(x, Tensor) else Rsub
    return operation.apply(x, y if alpha == 1 and alpha is not True else y * _weight(alpha, y))


def _weight(alpha: Number, y: Tensor | Number) -> Number:
    if _is_bool(y):
        return bool(alpha)
    if isinstance(alpha, bool):
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    return alpha


@public(in_place="method", direct=True, out=True, also="multiply")
def mul(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return input * other, broadcast."""
    return Mul.apply(*operands("mul", input, other))


@public(in_place="method", direct=True, out=True, also="divide")
def div(input: Tensor | Number, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other, broadcast; integers give floats unless `rounding_mode` is "trunc" or "floor"."""
    if rounding_mode is None:
        return Div.apply(*operands("div", input, other, floating=True))
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        x, y = operands("div", input, other)
        if result_type(input, other).is_inexact:
            return TruncDivide.apply(x, y)
        return sub(x, fmod(x, y)).floor_divide(y)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


@public(in_place="method", out=True)
def true_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return input / other, broadcast; of integers too, floats."""
    return div(input, other)


@public(in_place="method", out=True)
def floor_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return floor(input / other), broadcast. Its gradient is zero."""
    return FloorDivide.apply(*_divisible("floor_divide", input, other))


@public(in_place="method", direct=True, out=True)
def pow(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Return input ** exponent, broadcast. Integers to negative integer powers are refused."""
    x, y = operands("pow", input, exponent)
    if isinstance(exponent, int) and exponent < 0 and x._array.dtype.kind in "iub":
        raise RuntimeError("Integers to negative integer powers are not allowed. Use a float tensor: x.float().")
    return Pow.apply(x, y)


@public(in_place="function", direct=True, out=True, also="negative")
def neg(input: Tensor) -> Tensor:
    """Return -input."""
    if _is_bool(input):
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return Neg.apply(input)


def _binary(name: str, operation: type[Op], summary: str, made_alike: Callable = operands, **takes: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        return operation.apply(*made_alike(name, input, other))

    function.__annotations__ |= takes
    return named(function, name, summary)


def _divisible(name: str, input: Tensor | Number, other: Tensor | Number) -> tuple[Any, Any]:
    """Return the operands made alike; PyTorch's errors for integers over 0, and for bools."""
    x, y = operands(name, input, other)
    result = (x if isinstance(x, Tensor) else y)._array
    kind = result.dtype.kind
    if kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool': count with integers, x.int()")
    if kind in "iu" and result.size:
        if isinstance(other, Tensor):
            refuse_zeros(other)
        elif other == 0:
            raise RuntimeError(ZERO_DIVISION)
    return x, y


def _test(name: str, summary: str, also: str = "", **takes: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        return Test.apply(*operands(name, input, other), kernel=name)

    function.__annotations__ |= takes
    return public(in_place="method", out=True, also=also)(named(function, name, summary))


def _is_bool(x: Any) -> bool:
    return isinstance(x, bool) or (isinstance(x, Tensor) and x._array.dtype.kind == "b")


_with_out, _in_place_too = public(out=True), public(in_place="method", direct=True, out=True)
maximum = _with_out(_binary("maximum", Maximum, "The larger of the two; NaN wins.", other="Tensor"))
minimum = _with_out(_binary("minimum", Minimum, "The smaller of the two; NaN wins.", other="Tensor"))
fmod = _in_place_too(_binary("fmod", Fmod, "The remainder with the sign of input.", _divisible))
remainder = _in_place_too(
    _binary("remainder", Remainder, "The remainder with the sign of other.", _divisible, input="Tensor | Number")
)
eq = _test("eq", "Whether the two are equal.")
ne = _test("ne", "Whether the two differ.", also="not_equal")
lt = _test("lt", "Whether input < other.", also="less")
le = _test("le", "Whether input <= other.", also="less_equal")
gt = _test("gt", "Whether input > other.", also="greater")
ge = _test("ge", "Whether input >= other.", also="greater_equal")
logical_and = _test("logical_and", "Whether both are nonzero.", other="Tensor")
logical_or = _test("logical_or", "Whether either is nonzero.", other="Tensor")
logical_xor = _test("logical_xor", "Whether exactly one is nonzero.", other="Tensor")


@public(in_place="method", direct=True, out=True, also="arctan2")
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle of the point (other, input) in radians, broadcast."""
    return Atan2.apply(*operands("atan2", input, other, floating=True))


@public(in_place="method", direct=True, out=True)
def copysign(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return |input| with the sign of other, broadcast."""
    return Copysign.apply(*operands("copysign", input, other, floating=True))


@public(in_place="method", out=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """Return input + value * tensor1 * tensor2, broadcast."""
    value = as_number(value, "addcmul", "value")
    dtype = result_type(input, tensor1, tensor2)
    if dtype.kind == BOOL:
        raise NotImplementedError("addcmul: not implemented for 'Bool': cast the tensors, or use `|` and `&`")
    if not dtype.is_floating_point:
        return add(cast(input, dtype), mul(mul(tensor1, tensor2), fitting(value, dtype)))
    return Addcmul.apply(*broadcast_together(*(cast(t, dtype) for t in (input, tensor1, tensor2))), value=value)


def _bitwise(name: str, summary: str) -> Any:
    def function(input: Tensor, other: Tensor | Number) -> Tensor:
        x, y = operands(name, input, other)
        if result_type(x, y).is_floating_point:
            raise NotImplementedError(
                f'"{name}_cpu" not implemented for {result_type(x, y)}: bits are those of integer and bool tensors'
            )
        return Test.apply(x, y, kernel=name)

    return public(in_place="method", out=True)(named(function, name, summary))


bitwise_and = _bitwise("bitwise_and", "Bits set in both.")
bitwise_or = _bitwise("bitwise_or", "Bits set in either.")
bitwise_xor = _bitwise("bitwise_xor", "Bits set in exactly one.")


@public(in_place="function", out=True, also="clip")
def clamp(input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None) -> Tensor:
    """Return input limited to [min, max]; either bound may be missing, a number, or a tensor that broadcasts."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        if min is not None:
            input = _clamp_by_tensor(input, min, "maximum")
        return input if max is None else _clamp_by_tensor(input, max, "minimum")
    dtype = result_type(input, *(bound for bound in (min, max) if bound is not None))
    min, max = (None if bound is None else fitting(as_number(bound), dtype) for bound in (min, max))
    return Clamp.apply(cast(input, dtype), minimum=min, maximum=max)


def _clamp_by_tensor(x: Tensor, bound: Tensor | Number, kernel: str) -> Tensor:
    """A tie passes the whole gradient to x, as PyTorch's clamp does; maximum would split it."""
    x, bound = operands("clamp", x, bound)
    kept, passed = (x >= bound, x < bound) if kernel == "maximum" else (x <= bound, x > bound)
    return where(kept, x, where(passed, bound, (x + bound).detach()))  # of a NaN, which neither is, a NaN


@public(method=False, out=True)
def where(condition: Tensor, input: Tensor | Number | None = None, other: Tensor | Number | None = None) -> Any:
    """Return input where the condition holds and other elsewhere, broadcast; with the condition alone, its nonzeros."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if input is None or other is None:
        raise TypeError("where() received an invalid combination of arguments - one of input and other is None")
    if not isinstance(condition, Tensor):
        raise TypeError(f"where(): argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}")
    if condition._array.dtype.kind != "b":
        if condition._array.dtype.name != "uint8":
            raise RuntimeError(
                f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
            )
        condition = condition != 0
    if is_scalar(input) and is_scalar(other):
        input = condition.new_full((), input, dtype=result_type(input, other))
    return choose(Where, condition, input, other)


@public(function=False, name="where")
def where_of(self: Tensor, condition: Tensor, other: Tensor | Number) -> Tensor:
    """Return this tensor's elements where the condition holds, other's elsewhere."""
    return where(condition, self, other)


def choose(operation: type[Where], condition: Tensor, input: Any, other: Any) -> Tensor:
    """Return input where the condition holds and other elsewhere, recorded as `operation`."""
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        input, other = operands("where", input, other)
    tensors = [value for value in (condition, input, other) if isinstance(value, Tensor)]
    device = next((t.device for t in tensors if t._array.ndim), tensors[0].device)
    tensors = [to_device(t, device) if t._array.ndim == 0 else t for t in tensors]
    tensors = broadcast_together(*tensors)
    condition = tensors[0]
    if len(tensors) == 3:
        return operation.apply(*tensors)
    return (
        operation.apply(condition, tensors[1], other)
        if isinstance(input, Tensor)
        else operation.apply(condition, input, tensors[1])
    )
