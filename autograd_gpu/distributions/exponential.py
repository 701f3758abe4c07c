"""The exponential distribution, the two-sided one of Laplace, and its transforms: Weibull, Pareto, Gumbel."""

from __future__ import annotations

import math
from typing import Any

import autograd_gpu as torch
from autograd_gpu import Size, Tensor

from . import constraints
from .distribution import Distribution
from .exponential_family import ExponentialFamily
from .location_scale import LocationScale
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform, PowerTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant


class Exponential(ExponentialFamily):
    """The time to the next of events that come `rate` in a unit of time."""

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.size() if isinstance(rate, Tensor) else Size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.rate)

    @property
    def stddev(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def variance(self) -> Tensor:
        return self.rate.pow(-2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = torch.empty(self._extended_shape(sample_shape), dtype=self.rate.dtype, device=self.rate.device)
        return drawn.exponential_() / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return -torch.expm1(-self.rate * value)

    def icdf(self, value: Tensor) -> Tensor:
        return -torch.log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        return 1.0 - torch.log(self.rate)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (-self.rate,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return -torch.log(-x)


class Laplace(LocationScale):
    """An exponential number to either side of `loc`."""

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Tensor:
        return 2**0.5 * self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        centred = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device) - 0.5  # [-1/2, 1/2)
        eps = torch.finfo(self.loc.dtype).eps
        return self.loc - self.scale * centred.sign() * torch.log1p(-(2 * centred.abs()).clamp(max=1 - eps))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return -torch.log(2 * self.scale) - torch.abs(value - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * torch.expm1(-distance.abs() / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        centred = value - 0.5
        return self.loc - self.scale * centred.sign() * torch.log1p(-2 * centred.abs())

    def entropy(self) -> Tensor:
        return 1 + torch.log(2 * self.scale)


class Weibull(TransformedDistribution):
    """scale * E**(1 / concentration) with E exponential of rate 1."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(torch.ones_like(self.scale), validate_args=validate_args)
        parts = [PowerTransform(exponent=self.concentration_reciprocal), AffineTransform(loc=0, scale=self.scale)]
        super().__init__(base, parts, validate_args=validate_args)

    def _moment(self, k: int) -> Tensor:
        return torch.exp(torch.lgamma(1 + k * self.concentration_reciprocal))

    @property
    def mean(self) -> Tensor:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Tensor:
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (self._moment(2) - self._moment(1).pow(2))

    def entropy(self) -> Tensor:
        away = euler_constant * (1 - self.concentration_reciprocal)
        return away + torch.log(self.scale * self.concentration_reciprocal) + 1


class Pareto(TransformedDistribution):
    """scale * exp(E) with E exponential of rate alpha."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        a = self.alpha.clamp(min=1)  # infinite for alpha <= 1
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = self.alpha.clamp(min=2)  # infinite for alpha <= 2
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class GeneralizedPareto(Distribution):
    """What lies over a high threshold `loc`. The tail is heavy for a positive, bounded for a negative concentration."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        is_single = not any(isinstance(value, Tensor) for value in (loc, scale, concentration))
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(Size() if is_single else self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        upper = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, upper, math.inf))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        z, below, above = self._place(value)
        is_even = (k == -1) & (z == 1)  # the end of a uniform density: 0 times infinity
        log_prob = -torch.where(is_even, 0.0, (1 + k) * _log1p_over(k, z)) - self.scale.log()
        return torch.where(below | above, -math.inf, log_prob)

    def _place(self, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return how many scales a value lies above loc, 0 outside the support, and whether it lies below or above."""
        z = (value - self.loc) / self.scale
        below, above = z < 0, (z > 0) & (self.concentration * z < -1)
        return torch.where(below | above, 0.0, z), below, above

    def log_survival_function(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z, _, above = self._place(value)
        return torch.where(above, -math.inf, -_log1p_over(self.concentration, z))

    def log_cdf(self, value: Tensor) -> Tensor:
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return -torch.expm1(self.log_survival_function(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * _expm1_over(self.concentration, -torch.log1p(-value))

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        return torch.where(k < 1, self.loc + self.scale / (1 - torch.where(k < 1, k, 0.0)), math.inf)

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        held = torch.where(k < 0.5, k, 0.0)
        return torch.where(k < 0.5, self.scale**2 / ((1 - held) ** 2 * (1 - 2 * held)), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        return torch.log(self.scale) + self.concentration + 1


def _log1p_over(k: Tensor, z: Tensor) -> Tensor:
    """log(1 + k z) / k, which is smooth at k = 0."""
    t = k * z
    is_small = t.detach().abs() < 1e-3
    far = torch.where(is_small, 1.0, k)
    series = z * (1 - t * (1 / 2 - t * (1 / 3 - t * (1 / 4 - t / 5))))
    return torch.where(is_small, series, torch.log1p(torch.where(is_small, 0.0, t)) / far)


def _expm1_over(k: Tensor, z: Tensor) -> Tensor:
    """(exp(k z) - 1) / k, which is smooth at k = 0."""
    t = k * z
    is_small = t.detach().abs() < 1e-3
    far = torch.where(is_small, 1.0, k)
    series = z * (1 + t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t / 120))))
    return torch.where(is_small, series, torch.expm1(torch.where(is_small, 0.0, t)) / far)


class Gumbel(TransformedDistribution):
    """loc - scale * log(E) with E exponential of rate 1: the largest of many numbers."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        finfo = torch.finfo(self.loc.dtype)
        is_single = not isinstance(loc, Tensor) and not isinstance(scale, Tensor)
        bounds: dict[str, Any] = {"low": finfo.tiny, "high": 1 - finfo.eps}
        if not is_single:
            bounds = {name: torch.full_like(self.loc, bound) for name, bound in bounds.items()}
        minus_log = [ExpTransform().inv, AffineTransform(loc=0, scale=-torch.ones_like(self.scale))]
        parts = [*minus_log, ExpTransform().inv, AffineTransform(loc=self.loc, scale=-self.scale)]
        super().__init__(Uniform(**bounds, validate_args=validate_args), parts, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        return self.stddev.pow(2)

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)
