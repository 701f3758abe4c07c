"""The gradients of layer norm and RMS norm: fused, and operations themselves, so that they have gradients too."""

from __future__ import annotations

from typing import Any

from ...op import Op
from ...tensor import Tensor
from ..reduce import mean, sum
from ..shape import shaped
from ..unary import rsqrt


def as_rows(ctx, x):
    """The array as the matrix whose rows are normalised."""
    return x if x.shape == ctx.rows else ctx.backend.contiguous(x).reshape(ctx.rows)


class LayerNormBackward(Op):
    """gx (and gsum, where it goes past the norm to x), gweight and gbias of a layer norm, in one reading of gy and x.

    gx alone when there is neither a weight nor, as `biased` says, a bias.
    """

    def forward(ctx, gy, x, weight, gsum, mean, rstd, eps, rows, biased):
        ctx.eps, ctx.rows, ctx.biased = eps, rows, biased
        shape, gy, x = x.shape, as_rows(ctx, gy), as_rows(ctx, x)
        gsum = None if gsum is None else as_rows(ctx, gsum)
        gx, gweight, gbias = ctx.backend.layer_norm_backward(gy, x, mean, rstd, weight, gsum, biased)
        gx = gx.reshape(shape)
        if gweight is gbias is None:
            return gx
        return gx, _or_nothing(ctx, gweight, gx), _or_nothing(ctx, gbias, gx)

    def keep(ctx, outputs, gy, x, weight, gsum, mean, rstd, eps, rows, biased):
        ctx.save(gy, x, weight)

    def backward(ctx, ggx, ggweight=None, ggbias=None):
        return *_derivatives(ctx, ggx, ggweight, ggbias if ctx.biased else None, centred=True), ggx


class RmsNormBackward(Op):
    """gx (and gsum, where it goes past the norm to x) and gweight of an RMS norm, in one reading of gy and x."""

    def forward(ctx, gy, x, weight, gsum, rstd, eps, rows):
        ctx.eps, ctx.rows = eps, rows
        shape, gy, x = x.shape, as_rows(ctx, gy), as_rows(ctx, x)
        gsum = None if gsum is None else as_rows(ctx, gsum)
        gx, gweight = ctx.backend.rms_norm_backward(gy, x, rstd, weight, gsum)
        gx = gx.reshape(shape)
        return gx if gweight is None else (gx, gweight)

    def keep(ctx, outputs, gy, x, weight, gsum, rstd, eps, rows):
        ctx.save(gy, x, weight)

    def backward(ctx, ggx, ggweight=None):
        return *_derivatives(ctx, ggx, ggweight, None, centred=False), ggx


def _or_nothing(ctx, gradient, like):
    return ctx.backend.empty((0,), like.dtype) if gradient is None else gradient


def _derivatives(
    ctx: Any, ggx: Tensor | None, ggweight: Tensor | None, ggbias: Tensor | None, centred: bool
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of gy, x and weight: the composition that the kernel fuses is differentiated, with n = (x - mean) *
    rstd."""
    gy, x, weight = ctx.saved
    shape, x = x._array.shape, shaped(x, ctx.rows)
    gy = shaped(gy, ctx.rows)
    ggx = None if ggx is None else shaped(ggx, ctx.rows)
    share = 1 / max(ctx.rows[1], 1)  # rows of nothing have nothing to divide
    offset = x - mean(x, 1, keepdim=True) if centred else x
    rstd = rsqrt(mean(offset * offset, 1, keepdim=True) + ctx.eps)
    normalised = offset * rstd

    def centre(v: Tensor) -> Tensor:
        return v - mean(v, 1, keepdim=True) if centred else v

    def project(v: Tensor) -> Tensor:  # the part of v that a normalised row can follow
        return centre(v) - normalised * (sum(v * normalised, 1, keepdim=True) * share)

    g_gy = g_x = g_weight = None
    if ggx is not None:
        # gx = rstd * (s - mean(s) - n * mean(s * n)) with s = gy * weight; vary s, then n, then rstd.
        scaled = gy if weight is None else gy * weight
        g_scaled = project(ggx) * rstd
        g_gy = g_scaled if weight is None else g_scaled * weight
        g_weight = None if weight is None else sum(g_scaled * gy, 0)
        along = sum(scaled * normalised, 1, keepdim=True) * share
        across = sum(ggx * normalised, 1, keepdim=True) * share
        g_normalised = -(ggx * along + scaled * across) * rstd
        g_rstd = sum(ggx * (centre(scaled) - normalised * along), 1, keepdim=True)
        g_x = project(g_normalised) * rstd - offset * (g_rstd * rstd * rstd * rstd) * share
    if ggweight is not None and weight is not None:  # gweight = sum over rows of gy * n
        g_gy = _plus(g_gy, ggweight * normalised)
        g_x = _plus(g_x, project(ggweight * gy) * rstd)
    if ggbias is not None:
        g_gy = _plus(g_gy, ggbias.expand(ctx.rows))
    g_gy, g_x = (None if g is None else shaped(g, shape) for g in (g_gy, g_x))
    return g_gy, g_x, g_weight


def _plus(total: Tensor | None, term: Tensor) -> Tensor:
    return term if total is None else total + term
