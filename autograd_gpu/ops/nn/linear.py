"""The affine map, and two of them with gelu between: each with what surrounds it in one kernel, where there is one."""

from __future__ import annotations

import math

from ...modes import modes
from ...op import Op
from ...tensor import Tensor
from ..cast import Expand
from ..matmul import Matmul, check_operands, inner_differs, matmul
from ..reduce import sum
from ..shape import reshape, shaped, transpose
from .fused_activation import GeluBackward, gelu, gelu_second_derivative


class Linear(Op):
    """y = x @ weight.T + bias for x (rows, in), weight (out, in), bias (out,) or None."""

    saved_as = "input weight"

    def forward(ctx, x, weight, bias):
        ctx.biased = bias is not None
        return ctx.backend.linear(x, weight, bias)

    def keep(ctx, y, x, weight, *rest, **approximate):
        ctx.save(x if ctx.edges[1] else None, weight if ctx.edges[0] else None)

    def backward(ctx, gy):
        x, weight = ctx.saved
        gx = Matmul.apply(gy, weight) if ctx.needs(0) else None
        return gx, *parameter_gradients(gy, x, ctx.needs(1), ctx.needs(2))

    def name(ctx) -> str:
        return "AddmmBackward0" if ctx.biased else "MmBackward0"


def parameter_gradients(
    gy: Tensor, x: Tensor, needs_weight: bool, needs_bias: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of weight and bias that are asked for."""
    if needs_weight and needs_bias:
        return LinearParametersBackward.apply(gy, x)
    return Matmul.apply(gy, x, flip_x=True) if needs_weight else None, sum(gy, 0) if needs_bias else None


class LinearParametersBackward(Op):
    """gweight = gy.T @ x and gbias = the sum of gy's rows."""

    def forward(ctx, gy, x):
        return ctx.backend.linear_parameters_backward(gy, x)

    def keep(ctx, gradients, gy, x):
        ctx.save(gy, x)

    def backward(ctx, ggweight, ggbias):
        gy, x = ctx.saved
        if ggweight is None:
            return Expand.apply(ggbias, shape=gy._array.shape), None
        ggy = Linear.apply(x, ggweight, ggbias) if ctx.needs(0) else None
        return ggy, Matmul.apply(gy, ggweight) if ctx.needs(1) else None


class LinearGelu(Linear):
    """h = x @ weight.T + bias, and gelu(h) beside it: a constant, since who takes both differentiates by h."""

    def forward(ctx, x, weight, bias, approximate):
        ctx.biased = bias is not None
        return ctx.backend.linear_gelu(x, weight, bias, approximate)

    def backward(ctx, gh, _):
        return super().backward(gh)


class GeluLinear(Op):
    """y = a @ weight.T + bias with a = gelu(h), which is given but differentiated by h."""

    def forward(ctx, h, a, weight, bias, approximate):
        ctx.approximate = approximate
        return ctx.backend.linear(a, weight, bias)

    def keep(ctx, y, h, a, weight, bias, approximate):
        ctx.save(h, a, weight)

    def backward(ctx, gy):
        h, a, weight = ctx.saved
        gh = GeluLinearBackward.apply(gy, weight, h, approximate=ctx.approximate) if ctx.needs(0) else None
        if modes.grad and ctx.needs(2):  # to be differentiated again
            a = gelu(h, ctx.approximate)
        return gh, None, *parameter_gradients(gy, a, ctx.needs(2), ctx.needs(3))

    def name(ctx) -> str:
        return "AddmmBackward0"


class GeluLinearBackward(Op):
    """gh = (gy @ weight) * gelu'(h)."""

    def forward(ctx, gy, weight, h, approximate):
        ctx.approximate = approximate
        return ctx.backend.gelu_linear_backward(gy, weight, h, approximate)

    def keep(ctx, gh, gy, weight, h, approximate):
        ctx.save(gy, weight, h)

    def backward(ctx, ggh):
        gy, weight, h = ctx.saved
        slope = GeluBackward.apply(ggh, h, approximate=ctx.approximate)  # ggh * gelu'(h)
        ggy = Matmul.apply(slope, weight, flip_y=True) if ctx.needs(0) else None
        gweight = Matmul.apply(gy, slope, flip_x=True) if ctx.needs(1) else None
        gh = ggh * Matmul.apply(gy, weight) * gelu_second_derivative(h, ctx.approximate) if ctx.needs(2) else None
        return ggy, gweight, gh


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias; input (..., in), weight (out, in) or (in,), bias (out,)."""
    check_operands("linear", input, weight)
    x, w = input._array, weight._array
    if w.ndim != 2 or x.ndim == 0 or (bias is not None and bias._array.shape != w.shape[:1]):
        product = matmul(input, transpose(weight, 0, 1) if w.ndim == 2 else weight)
        return product if bias is None else product + bias
    _check_widths(x.shape, w.shape)
    if bias is not None:
        check_operands("linear", input, bias)
    if x.ndim == 2:
        return Linear.apply(input, weight, bias)
    return reshape(Linear.apply(_as_rows(input), weight, bias), (*x.shape[:-1], w.shape[0]))


def feed_forward(
    input: Tensor,
    weight1: Tensor,
    bias1: Tensor | None,
    weight2: Tensor,
    bias2: Tensor | None,
    approximate: str = "none",
) -> Tensor:
    """Return linear(gelu(linear(input, weight1, bias1), approximate), weight2, bias2), a transformer's two layers.

    input (..., in), weight1 (hidden, in), weight2 (out, hidden), biases (hidden,) and (out,) or None -> (..., out). Not
    in PyTorch. Where a kernel does a product and what surrounds it at once, gelu costs no pass of its own, forward or
    backward, and is taken of the hidden values before they are rounded.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, but got {approximate!r}.")
    parameters = (weight1, bias1, weight2, bias2)
    for tensor in (t for t in parameters if t is not None):
        check_operands("feed_forward", input, tensor)
    x, w1, w2 = (t._array.shape for t in (input, weight1, weight2))
    if len(w1) != 2 or len(w2) != 2 or not x:
        raise RuntimeError(f"feed_forward: expected input (..., in) and two matrices, but got {x}, {w1} and {w2}")
    _check_widths(x, w1)
    _check_widths(w1[:1], w2)
    for name, bias, weight in (("bias1", bias1, w1), ("bias2", bias2, w2)):
        if bias is not None and bias._array.shape != weight[:1]:
            raise RuntimeError(f"feed_forward: expected {name} of shape {weight[:1]}, but got {bias._array.shape}")
    h, a = LinearGelu.apply(_as_rows(input), weight1, bias1, approximate=approximate)
    return shaped(GeluLinear.apply(h, a.detach(), weight2, bias2, approximate=approximate), (*x[:-1], w2[0]))


def _as_rows(x: Tensor) -> Tensor:
    shape = x._array.shape
    return shaped(x, (math.prod(shape[:-1]), shape[-1]))


def _check_widths(x: tuple[int, ...], weight: tuple[int, ...]) -> None:
    if x[-1] != weight[1]:
        raise RuntimeError(inner_differs((math.prod(x[:-1]), x[-1]), weight[::-1]))
