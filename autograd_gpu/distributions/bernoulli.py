"""Trials of one probability: a single one, the failures before the first success, and Bernoulli's on the continuum."""

from __future__ import annotations

import math
from typing import Any

import autograd_gpu as torch
from autograd_gpu import Size, Tensor
from autograd_gpu.nn.functional import binary_cross_entropy_with_logits

from . import constraints
from .distribution import Distribution
from .exponential_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs, one_of, probs_to_logits


class ProbsOrLogits(Distribution):
    """What is given by `probs` or by `logits`, either of which is made from the other."""

    _param: Tensor  # the one that is given

    @property
    def _batched(self) -> dict[str, Any]:
        return {"_param": constraints.real, **self.arg_constraints}

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        return self._param.size()


class _OfTrials(ProbsOrLogits):
    """What is given by `probs` or by `logits` alone."""

    def _take(self, probs: Any, logits: Any) -> Size:
        given = one_of(probs, logits)
        (self._param,) = broadcast_all(given)
        vars(self)["logits" if probs is None else "probs"] = self._param
        return self._param.size() if isinstance(given, Tensor) else Size()


class Bernoulli(_OfTrials, ExponentialFamily):
    """1 with probability `probs`, else 0."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return torch.where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = torch.arange(2, dtype=self._param.dtype, device=self._param.device)
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (torch.logit(self.probs),)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.log1p(torch.exp(x))


class Geometric(_OfTrials):
    """The number of failures before the first success."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to be positive but found invalid values:\n{value[value <= 0]}"
            )

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            u = torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device)
            return (u.clamp(min=torch.finfo(u.dtype).tiny).log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        return torch.where(value == 0, 0.0, torch.special.xlog1py(value, -probs)) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class ContinuousBernoulli(_OfTrials, ExponentialFamily):
    """The density C(p) p**x (1 - p)**(1 - x) on [0, 1] (Loaiza-Ganem & Cunningham 2019).

    Within `lims` of p, around 1/2, where quotients of differences of nothing stand, series are taken.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        shape = self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and validate_args and not constraints.unit_interval.check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return p, moved away from 1/2 where it is near; p - 1/2 where it is near, else 0; and where it is not."""
        is_far = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return torch.where(is_far, self.probs, self._lims[0]), torch.where(is_far, 0.0, self.probs - 0.5), is_far

    def _cont_bern_log_norm(self) -> Tensor:
        p, x, is_far = self._parts()
        low, high = torch.where(p <= 0.5, p, 0.0), torch.where(p >= 0.5, p, 1.0)
        width = torch.where(p <= 0.5, torch.log1p(-2.0 * low), torch.log(2.0 * high - 1.0))
        log_norm = torch.log(torch.abs(torch.log1p(-p) - torch.log(p))) - width
        return torch.where(is_far, log_norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x**2) * x**2)

    @property
    def mean(self) -> Tensor:
        p, x, is_far = self._parts()
        mean = p / (2.0 * p - 1.0) + 1.0 / (torch.log1p(-p) - torch.log(p))
        return torch.where(is_far, mean, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x**2) * x)

    @property
    def variance(self) -> Tensor:
        p, x, is_far = self._parts()
        variance = p * (p - 1.0) / (1.0 - 2.0 * p) ** 2 + 1.0 / (torch.log1p(-p) - torch.log(p)) ** 2
        return torch.where(is_far, variance, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x**2) * x**2)

    @property
    def stddev(self) -> Tensor:
        return torch.sqrt(self.variance)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device)
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        p, _, is_far = self._parts()
        share = (torch.pow(p, value) * torch.pow(1.0 - p, 1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        share = torch.where(is_far, share, value)
        return torch.where(value <= 0.0, 0.0, torch.where(value >= 1.0, 1.0, share))

    def icdf(self, value: Tensor) -> Tensor:
        p, _, is_far = self._parts()
        far = (torch.log1p(-p + value * (2.0 * p - 1.0)) - torch.log1p(-p)) / (torch.log(p) - torch.log1p(-p))
        return torch.where(is_far, far, value)

    def entropy(self) -> Tensor:
        log_failure = torch.log1p(-self.probs)
        return self.mean * (log_failure - torch.log(self.probs)) - self._cont_bern_log_norm() - log_failure

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (torch.logit(self.probs),)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """log(expm1(x) / x); near 0 by its series."""
        is_far = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        far = torch.where(is_far, x, self._lims[0] - 0.5)
        log_norm = torch.log(torch.abs(torch.expm1(far))) - torch.log(torch.abs(far))
        return torch.where(is_far, log_norm, 0.5 * x + x**2 / 24.0 - x**4 / 2880.0)
