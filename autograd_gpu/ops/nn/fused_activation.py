"""Activations with a fused backward: an operation of its own, so that it can be differentiated again."""

from __future__ import annotations

import math

from ...op import Op
from ...tensor import Tensor
from ..cast import zero_gradient
from ..public import public
from ..unary import OfOutput, checked, everywhere, exp, of_one


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
        return ReluBackward.apply(ggx, y), zero_gradient(ggx) if ctx.needs(1) else None


class Gelu(Op):
    """y = x * Phi(x), Phi the normal distribution; "tanh": x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3)))."""

    saved_as = "self"

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
        return ggy, ggx * gy * gelu_second_derivative(x, ctx.approximate) if ctx.needs(1) else None


def gelu_second_derivative(x: Tensor, approximate: str) -> Tensor:
    """Return gelu''(x)."""
    if approximate == "none":  # d/dx (Phi + x phi) = (2 - x*x) phi
        return (2.0 - x * x) * exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    # u = c (x + a x^3); y'' = t' + x/2 t'' with t = tanh(u)
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = tanh((x + a * x * x * x) * c)
    du, ddu = (1.0 + 3 * a * x * x) * c, x * (6 * a * c)
    dt = (1.0 - t * t) * du
    ddt = (1.0 - t * t) * ddu - 2.0 * t * dt * du
    return dt + x * ddt * 0.5


tanh, sigmoid = everywhere(of_one(Tanh)), everywhere(of_one(Sigmoid))


@public(in_place="function", direct=True)
def relu(input: Tensor) -> Tensor:
    """Return max(input, 0)."""
    if checked("relu", input)._array.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return Relu.apply(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input * Phi(input) (Hendrycks & Gimpel 2016), exactly or by the tanh formula with
    ``approximate="tanh"``."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, but got {approximate!r}.")
    if not checked("gelu", input).is_floating_point():
        raise NotImplementedError(f"gelu: expected a floating point tensor, but got {input.dtype}. Use input.float().")
    return Gelu.apply(input, approximate=approximate)
