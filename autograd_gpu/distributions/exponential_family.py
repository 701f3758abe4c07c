"""Distributions whose log-density is theta . t(x) - F(theta) + k(x): their entropy follows from F."""

from __future__ import annotations

from typing import Any

import autograd_gpu as torch
from autograd_gpu import Tensor

from .distribution import Distribution


class ExponentialFamily(Distribution):
    """A family with natural parameters theta, log-normaliser F and the mean of its carrier measure k."""

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(theta) - theta . dF/dtheta - E[k(x)]."""
        with torch.enable_grad():
            theta = [p if p.requires_grad else p.detach().requires_grad_() for p in self._natural_params]
            normalizer = self._log_normalizer(*theta)
            slopes = torch.autograd.grad(normalizer.sum(), theta, create_graph=True)
        result = normalizer - self._mean_carrier_measure
        for p, slope in zip(theta, slopes, strict=True):
            result = result - (p * slope).reshape(*self._batch_shape, -1).sum(-1)
        return result
