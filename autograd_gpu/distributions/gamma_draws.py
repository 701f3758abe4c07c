"""Gamma-distributed numbers that have gradients for the shape: implicit reparameterisation.

A draw z answers to a uniform u by P(a, z) = u, so that dz/da = -(dP/da) / (dP/dz) (Figurnov, Mohamed & Mnih 2018). Both
are taken in terms of log z, which does not underflow for small shapes, in float64. The derivative is a quotient of
integrals of one sign, made of operations, so that it has derivatives of every order itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_gpu as torch
from autograd_gpu import Tensor

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(36)
_TERMS = 28  # of the series for z < 1
_LEAST = -34.0  # the exponent below which an integrand is nothing
_TINY = 2.0**-54


def log_gamma_draw(concentration: Tensor, generator: Any = None) -> Tensor:
    """Return the logarithms of draws from gamma distributions of the given shapes and rate 1, in float64."""
    shape = concentration.to(torch.float64)
    u = torch.rand(shape.shape, dtype=torch.float64, device=shape.device, generator=generator)
    return _Draw.apply(shape, log_gamma_quantile(u.clamp(min=_TINY), shape.detach()))


class _Draw(torch.autograd.Function):
    """y = log z, constant but for what the shape does to it at a fixed u."""

    @staticmethod
    def forward(shape: Tensor, drawn: Tensor) -> Tensor:
        return drawn.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)
        ctx.save_for_forward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor, None]:
        shape, y = ctx.saved_tensors
        return gy * slope_by_shape(y, shape), None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, _: Any) -> Tensor:
        shape, y = ctx.saved_tensors
        return t * slope_by_shape(y, shape)


class GammaShare(torch.autograd.Function):
    """The regularised incomplete gamma function P(shape, z), with its derivatives by both."""

    @staticmethod
    def forward(shape: Tensor, z: Tensor) -> Tensor:
        return torch.igamma(shape, z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def _slopes(shape: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        density = torch.exp(torch.xlogy(shape - 1, z) - z - torch.lgamma(shape))
        held = z.clamp(min=torch.finfo(z.dtype).tiny).to(torch.float64)
        by_shape = slope_by_shape(torch.log(held), shape.to(torch.float64)) * held
        return -density * by_shape.to(z.dtype), density

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor, Tensor]:
        by_shape, by_z = GammaShare._slopes(*ctx.saved_tensors)
        return gy * by_shape, gy * by_z

    @staticmethod
    def jvp(ctx: Any, t_shape: Any, t_z: Any) -> Any:
        slopes = GammaShare._slopes(*ctx.saved_tensors)
        parts = [t * slope for t, slope in zip((t_shape, t_z), slopes, strict=True) if t is not None]
        return sum(parts[1:], start=parts[0])


def log_gamma_quantile(u: Tensor, shape: Tensor) -> Tensor:
    """Return log z with P(shape, z) = u, by Halley's method on log P or log Q, whichever is the smaller."""
    normal = (2 * u - 1).erfinv() * 2**0.5
    by_power = (torch.log(u) + torch.lgamma(shape + 1)) / shape  # P is z**a / Gamma(a + 1) where z is small
    cube = 1 - 1 / (9 * shape) + normal / (3 * shape.sqrt())  # Wilson & Hilferty 1931
    by_cube = torch.log(shape) + 3 * torch.log(cube.clamp(min=0.05))
    y = torch.where((shape < 1) | (cube < 0.3), torch.minimum(by_power, torch.log(shape + 20)), by_cube)
    is_low = u < 0.5
    goal = torch.where(is_low, torch.log(u), torch.log1p(-u))
    constant = torch.lgamma(shape)
    sign = torch.where(is_low, 1.0, -1.0)
    for _ in range(5):
        z = torch.exp(y)
        share = torch.where(is_low, torch.igamma(shape, z), torch.igammac(shape, z)).clamp(min=1e-300)
        slope = sign * torch.exp(shape * y - z - constant) / share  # of log(share) by y
        step = (torch.log(share) - goal) / slope
        step = step / (1 - 0.5 * step * (shape - z - slope)).clamp(0.5, 2)
        y = torch.where(y < -36.0, y, y - step.clamp(-2, 2))  # so far out the power is exact
    return y


def slope_by_shape(y: Tensor, shape: Tensor) -> Tensor:
    """Return the derivative of y = log z by the shape where P(shape, z) is held."""
    is_small = y.detach() < 0
    series = _by_series(torch.where(is_small, y, -1.0), shape)
    return torch.where(is_small, series, _by_quadrature(torch.where(is_small, 1.0, y), shape))


def _by_series(y: Tensor, a: Tensor) -> Tensor:
    """-((y - digamma(a + 1)) T + dT/da) / a, where P = z**a exp(-z) T / Gamma(a + 1)."""
    later = a.unsqueeze(-1) + torch.arange(1, _TERMS, dtype=a.dtype, device=a.device)  # a + 1, a + 2, ...
    terms = (torch.exp(y).unsqueeze(-1) / later).cumprod(-1)
    total, slope = 1 + terms.sum(-1), -(terms * (1 / later).cumsum(-1)).sum(-1)
    return -((y - torch.digamma(a + 1)) * total + slope) / a


def _by_quadrature(y: Tensor, a: Tensor) -> Tensor:
    """The tail of dP/da in units of dP/dy: an integral over s = |log t - y| of one sign, from 0 to where it ends."""
    excess = y - torch.digamma(a)
    sign = torch.where(excess.detach() >= 0, 1.0, -1.0)
    end = _end(y.detach(), a.detach(), sign)
    half = torch.tensor((_NODES + 1) / 2, dtype=a.dtype, device=a.device)
    s = end.unsqueeze(-1) * half  # (..., nodes)
    sign, z, a, excess = (x.unsqueeze(-1) for x in (sign, torch.exp(y), a, excess))
    exponent = sign * a * s - z * torch.expm1(sign * s)
    values = torch.exp(exponent) * (s + sign * excess)
    weights = torch.tensor(_WEIGHTS / 2, dtype=s.dtype, device=s.device)
    return end * (values * weights).sum(-1)


def _end(y: Tensor, a: Tensor, sign: Tensor) -> Tensor:
    """Where the exponent, a concave function, comes down to `_LEAST`: Newton's method from beyond."""
    z, is_up = torch.exp(y), sign > 0
    over = z - a
    s = torch.where(is_up, (-over + (over * over - 2 * _LEAST * z).sqrt()) / z, (z - _LEAST) / a)
    for _ in range(14):
        value = sign * a * s - z * torch.expm1(sign * s) - _LEAST
        s = s - value / (sign * a - sign * z * torch.exp(sign * s))
    return s
