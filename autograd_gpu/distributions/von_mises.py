"""The von Mises distribution: a normal one on the circle."""

from __future__ import annotations

import math
from typing import Any

import autograd_gpu as torch
from autograd_gpu import Tensor

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all


class VonMises(Distribution):
    """Angles in [-pi, pi) with the density exp(concentration * cos(x - loc)) / (2 pi I0(concentration))."""

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        return k * (torch.cos(value - self.loc) - 1) - math.log(2 * math.pi) - torch.log(torch.special.i0e(k))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By rejection from a wrapped Cauchy distribution, in float64 (Best & Fisher 1979)."""
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            loc, k = (x.to(torch.float64).expand(shape) for x in (self.loc, self.concentration))
            tau = 1 + (1 + 4 * k**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = torch.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
            x, is_done = torch.zeros_like(k), torch.zeros_like(k, dtype=torch.bool)
            while not is_done.all():
                u1, u2, u3 = torch.rand((3, *shape), dtype=k.dtype, device=k.device).unbind()
                z = torch.cos(math.pi * u1)
                f = ((1 + r * z) / (r + z)).clamp(min=-1, max=1)
                c = k * (r - f)
                accepted = (c * (2 - c) - u2 > 0) | ((c / u2.clamp(min=1e-300)).log() + 1 - c >= 0)
                x = torch.where(accepted & ~is_done, (u3 - 0.5).sign() * f.acos(), x)
                is_done = is_done | accepted
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)
