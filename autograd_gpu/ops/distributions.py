"""Random numbers of other distributions than the uniform and the normal, each by inversion of uniform ones.

So an element takes the same numbers of its generator's stream whatever comes out, and every device gives the same.
"""

from __future__ import annotations

import math

from .. import dtypes
from ..op import Op
from ..tensor import Tensor
from .bounds import refuse_unless
from .cast import Number, as_number, broadcast_together, cast
from .inplace import copy_
from .public import public
from .random import Generator, check_deviation, checked_probability, rand, randint, randn
from .unary import exp, floor, log1p, tan


class Inverted(Op):
    """y = the number of a discrete distribution that belongs to a uniform one; flat in what it is drawn for."""

    differentiable = False

    def forward(ctx, u, *parameters, kernel):
        return getattr(ctx.backend, kernel)(u, *parameters)


@public(method=False)
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return a number of the Poisson distribution for each of input's rates, in their dtype."""
    if not input.is_floating_point():
        raise NotImplementedError(f'"poisson_cpu" not implemented for {input.dtype}. Use x.float().')
    rate = cast(input.detach(), dtypes.float64)
    refuse_unless(rate >= 0, "invalid Poisson rate, expected rate to be non-negative")
    u = rand(input.shape, generator=generator, dtype=dtypes.float64, device=input.device)
    return cast(Inverted.apply(u, rate, kernel="poisson_from"), input.dtype)


@public(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Return the successes in `count` trials of probability `prob`, broadcast, in their dtype."""
    if not count.is_floating_point() or count.dtype is not prob.dtype:
        raise ValueError(f"binomial only supports floating-point dtypes, the same for both, got: {count.dtype}")
    trials, chance = broadcast_together(count.detach(), prob.detach())
    u = rand(trials.shape, generator=generator, dtype=dtypes.float64, device=count.device)
    drawn = Inverted.apply(
        u, cast(trials, dtypes.float64).clamp(min=0), cast(chance, dtypes.float64).clamp(0, 1), kernel="binomial_from"
    )
    return cast(drawn, count.dtype)


def _uniform_for(self: Tensor, name: str, generator: Generator | None) -> Tensor:
    if not self.is_floating_point():
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {self.dtype}"
        )
    return rand(self.shape, generator=generator, dtype=_wide(self), device=self.device)


def _wide(x: Tensor) -> dtypes.DType:
    return dtypes.float64 if x.dtype is dtypes.float64 else dtypes.float32


@public(function=False)
def exponential_(self: Tensor, lambd: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers of the exponential distribution of rate `lambd`."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return copy_(self, log1p(-_uniform_for(self, "Exponential", generator)) * (-1 / lambd))


@public(function=False)
def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers of the Cauchy distribution around `median`, `sigma` wide."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return copy_(self, tan((_uniform_for(self, "Cauchy", generator) - 0.5) * math.pi) * sigma + median)


@public(function=False)
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the numbers 1, 2, ... of the first success in trials of probability p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    unit = rand(self.shape, generator=generator, dtype=dtypes.float64, device=self.device)
    return copy_(self, floor(log1p(-unit) / math.log1p(-p)) + 1)


@public(function=False)
def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers whose logarithms are normal with this mean and standard deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    if not self.is_floating_point():
        raise NotImplementedError(f'"log_normal_" not implemented for {self.dtype}')
    drawn = randn(self.shape, generator=generator, dtype=_wide(self), device=self.device)
    return copy_(self, exp(drawn * std + mean))


@public(function=False)
def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation."""
    check_deviation(std)
    drawn = randn(self.shape, generator=generator, dtype=self.dtype, device=self.device)
    return copy_(self, drawn * std + mean)


@public(function=False)
def uniform_(
    self: Tensor, from_: float = 0, to: float = 1, *, generator: Generator | None = None, **bounds: float
) -> Tensor:
    """Fill with uniform numbers from [from, to)."""
    low, to = as_number(bounds.get("from", from_), "uniform_", "from"), as_number(to, "uniform_", "to")
    if self.is_floating_point():
        largest = dtypes.finfo(self.dtype).max
        for name, bound in (("from", low), ("to", to)):
            if not -largest <= bound <= largest:
                raise RuntimeError(f"{name} is out of bounds for {self.dtype}: uniform_ got {bound}")
        if low > to:
            raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
        if to - low > largest:
            raise RuntimeError(
                f"uniform_ expects to-from <= std::numeric_limits<{self.dtype}>::max(), but found to={to} and "
                f"from={low} which result in to-from to exceed the limit"
            )
    drawn = rand(self.shape, generator=generator, dtype=self.dtype, device=self.device)
    return copy_(self, drawn * (to - low) + low)


@public(function=False)
def bernoulli_(self: Tensor, p: Number | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    drawn = rand(self.shape, generator=generator, device=self.device)
    return copy_(self, drawn < checked_probability(p))


def _largest_drawn(dtype: dtypes.DType) -> int:
    if dtype.is_floating_point:
        return 2 ** round(1 - math.log2(dtypes.finfo(dtype).eps))
    return 1 if dtype is dtypes.bool else dtypes.iinfo(dtype).max


@public(function=False)
def random_(
    self: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill with integers from [from, to); ``random_(to)`` starts at 0, and ``random_()`` goes to the largest that the
    dtype holds, with all before it."""
    if to is None:
        low, high = 0, 1 + _largest_drawn(self.dtype) if from_ is None else from_
    else:
        low, high = from_ or 0, to
    if not self.is_floating_point() and not (dtypes.holds(low, self.dtype) and dtypes.holds(high - 1, self.dtype)):
        raise RuntimeError(f"from={low} or to - 1={high - 1} is out of bounds for {self.dtype}")
    return copy_(self, randint(low, high, self.shape, generator=generator, device=self.device))
