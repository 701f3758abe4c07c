"""Normalisation over the trailing dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import dtypes
from ..op import Op
from ..tensor import Tensor
from .cast import cast
from .reduce import mean, sum
from .shape import shaped
from .unary import rsqrt


class LayerNorm(Op):
    """y = (x - mean) * rstd * weight + bias over the rows of x, rstd = 1 / sqrt(var + eps) (Ba et al. 2016)."""

    def forward(ctx, x, weight, bias, eps):
        ctx.eps = eps
        y, ctx.mean, ctx.rstd = ctx.backend.layer_norm(x, weight, bias, eps)
        return y

    def keep(ctx, y, x, weight, bias, eps):
        ctx.save(x, weight)

    def backward(ctx, gy):
        x, weight = ctx.saved
        gx, gweight, gbias = LayerNormBackward.apply(gy, x, weight, mean=ctx.mean, rstd=ctx.rstd, eps=ctx.eps)
        return gx, gweight, gbias

    def release(ctx) -> None:
        super().release()
        ctx.mean = ctx.rstd = None

    def name(ctx) -> str:
        return "NativeLayerNormBackward0"


class LayerNormBackward(Op):
    """gx, gweight, gbias of a layer norm, in one pass over the rows and one over the columns."""

    def forward(ctx, gy, x, weight, mean, rstd, eps):
        ctx.eps = eps
        gx, gweight, gbias = ctx.backend.layer_norm_backward(gy, x, mean, rstd, weight)
        if gweight is None:
            gweight = ctx.backend.empty((0,), gx.dtype)
        return gx, gweight, gbias

    def keep(ctx, outputs, gy, x, weight, mean, rstd, eps):
        ctx.save(gy, x, weight)

    def backward(ctx, ggx, ggweight, ggbias):
        # Differentiate the composition that the kernel fuses; its own graph gives all three gradients.
        gy, x, weight = ctx.saved
        columns = max(x.shape[1], 1)  # rows of nothing have nothing to divide
        centred = x - mean(x, 1, keepdim=True)
        rstd = rsqrt(mean(centred * centred, 1, keepdim=True) + ctx.eps)
        normalised = centred * rstd

        def project(v: Tensor) -> Tensor:  # the part of v that a normalised row can follow
            return v - mean(v, 1, keepdim=True) - normalised * (sum(v * normalised, 1, keepdim=True) * (1 / columns))

        scaled = gy if weight is None else gy * weight
        gweighted = ggweight * gy if ggweight is not None and weight is not None else None
        g_gy = g_x = g_weight = None
        if ggx is not None:
            projected = project(ggx)
            g_scaled = projected * rstd
            g_gy = g_scaled if weight is None else g_scaled * weight
            g_weight = None if weight is None else sum(g_scaled * gy, 0)
            # gx = rstd * (s - mean(s) - n * mean(s*n)); vary n, then rstd, with s fixed
            along = sum(scaled * normalised, 1, keepdim=True) * (1 / columns)
            across = sum(ggx * normalised, 1, keepdim=True) * (1 / columns)
            g_normalised = -(ggx * along + scaled * across) * rstd
            residual = scaled - mean(scaled, 1, keepdim=True) - normalised * along
            g_rstd = sum(ggx * residual, 1, keepdim=True)
            g_x = project(g_normalised) * rstd - centred * (g_rstd * rstd * rstd * rstd) * (1 / columns)
        if gweighted is not None:  # gweight = sum over rows of gy * n
            g_gy = _plus(g_gy, ggweight * normalised)
            g_x = _plus(g_x, project(gweighted) * rstd)
        if ggbias is not None:
            g_gy = _plus(g_gy, ggbias.expand(gy.shape))
        return g_gy, g_x, g_weight


def _plus(total: Tensor | None, term: Tensor) -> Tensor:
    return term if total is None else total + term


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return input normalised to mean 0 and variance 1 over its trailing `normalized_shape`, then scaled and shifted."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    own = input._array.shape
    if not shape or own[len(own) - len(shape) :] != shape or len(own) < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*{''.join(f', {s}' for s in shape)}], but "
            f"got input of size{list(own)}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter._array.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(parameter.shape)} and normalized_shape = {list(shape)}"
            )
    columns = math.prod(shape)
    rows = math.prod(own[: len(own) - len(shape)])
    dtype = input.dtype
    if dtype.kind != dtypes.FLOATING:
        raise RuntimeError(
            f'"layer_norm" not implemented for {dtype}: expected a floating point tensor. Use x.float().'
        )
    flat = [None if p is None else shaped(cast(p, dtype), (columns,)) for p in (weight, bias)]
    return shaped(LayerNorm.apply(shaped(input, (rows, columns)), *flat, eps=eps), own)
