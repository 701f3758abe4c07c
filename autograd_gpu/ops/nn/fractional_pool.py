"""Max pools whose windows start at pseudo-random steps of about the wanted fraction (Graham 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ...tensor import Tensor
from ..cast import cast, in_full
from ..creation import arange, tensor
from ..index import gather
from ..pieces import cat
from ..random import rand
from ..reduce import max
from ..shape import broadcast_to, reshape, unsqueeze
from ..unary import floor
from .sliding_windows import per_dim

Ratio = float | Sequence[float] | None


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the largest of `output_size` (or output_ratio times as many) windows over input (N, C, H, W) or (C, H, W).

    Where a channel's windows lie depends on two numbers from [0, 1), drawn or given as (N, C, 2). With
    `return_indices`, where in H x W the largest are too.
    """
    y, indices = fractional_max_pool2d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return (y, indices) if return_indices else y


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the largest of `output_size` windows over input (N, C, T, H, W) or (C, T, H, W), as
    fractional_max_pool2d."""
    y, indices = fractional_max_pool3d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return (y, indices) if return_indices else y


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return `fractional_max_pool2d` with the indices."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: Ratio = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return `fractional_max_pool3d` with the indices."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def _pool(
    dims: int, x: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Tensor | None
) -> tuple[Tensor, Tensor]:
    name = f"fractional_max_pool{dims}d"
    if x.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"{name}: Expected {dims + 1}D or {dims + 2}D tensor, but got: {list(x.shape)}")
    kernel = per_dim(kernel_size, dims, "kernel_size")
    size = x._array.shape[-dims:]
    wanted = _wanted(name, dims, size, output_size, output_ratio)
    for word, n, k, o in zip(("time", "height", "width")[3 - dims :], size, kernel, wanted):
        if o + k - 1 > n - (dims == 3):  # PyTorch wants one more in three dimensions
            raise RuntimeError(f"{name}(): pool {word} {k} too large relative to input {word} {n}")
    lead = (*x._array.shape[:-dims], *(1,) * (dims + 2 - x.ndim))
    batch, channels = (1, lead[0]) if x.ndim == dims + 1 else lead
    if samples is None:
        samples = rand(batch, channels, dims, dtype=x.dtype, device=x.device)
    _check_samples(x, samples, channels, dims)
    planes = reshape(x, (batch * channels, math.prod(size)))
    place = _places(reshape(samples, (batch * channels, dims)), size, kernel, wanted)  # (planes, outputs, kernel)
    flat = (batch * channels, math.prod(wanted) * math.prod(kernel))
    seen = reshape(gather(planes, 1, reshape(place, flat)), place._array.shape)
    y, best = max(seen, -1)
    index = reshape(gather(place, 2, unsqueeze(best, -1)), y._array.shape)
    shape = (*x._array.shape[:-dims], *wanted)
    return reshape(y, shape), reshape(index, shape)


def _check_samples(x: Tensor, samples: Tensor, channels: int, dims: int) -> None:
    if samples.dtype is not x.dtype:
        raise RuntimeError(
            f"Expect _random_samples to have the same dtype as input, but got {samples.dtype} and {x.dtype}"
        )
    if samples.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {samples.ndim}")
    for dim, wanted in ((1, channels), (2, dims)):
        if samples._array.shape[dim] != wanted:
            raise RuntimeError(
                f"Expect _random_samples.size({dim}) equals to {wanted}; got {samples._array.shape[dim]}."
            )


def _wanted(name: str, dims: int, size: Sequence[int], output_size: Any, ratio: Any) -> tuple[int, ...]:
    if output_size is not None:
        return per_dim(output_size, dims, "output_size")
    if ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    ratios = tuple(ratio) if isinstance(ratio, (tuple, list)) else (ratio,) * dims
    if len(ratios) != dims:
        raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
    return tuple(int(n * r) for n, r in zip(size, ratios))


def _places(samples: Tensor, size: Sequence[int], kernel: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """Return the numbers in its plane of the elements that each output sees: (planes, outputs, kernel)."""
    planes, dims = samples._array.shape
    total: Any = 0
    for d, (n, k, o) in enumerate(zip(size, kernel, wanted)):
        # PyTorch has the samples of a channel in the order (T,) W, H.
        sample = samples[:, {2: (1, 0), 3: (0, 1, 2)}[dims][d]]
        starts = _starts(in_full(sample), n, k, o)
        shape = [planes, *(o if e == d else 1 for e in range(dims)), *(1,) * dims]
        steps = reshape(arange(k, device=samples.device), [1, *(1,) * dims, *(k if e == d else 1 for e in range(dims))])
        total = (reshape(starts, shape) + steps) * math.prod(size[d + 1 :]) + total
    whole = broadcast_to(total, (planes, *wanted, *kernel))
    return reshape(whole, (planes, math.prod(wanted), math.prod(kernel)))


def _starts(sample: Tensor, size: int, kernel: int, count: int) -> Tensor:
    """Return where each of the windows starts, (planes, count): steps of alpha, rounded after a random beginning, and a
    last window that ends with the input."""
    planes = sample._array.shape[0]
    last = tensor([[size - kernel]], device=sample.device)
    last = broadcast_to(last, (planes, 1))
    if count == 1:
        return last
    alpha = (size - kernel) / (count - 1)
    column = reshape(sample, (planes, 1))
    number = cast(arange(count - 1, device=sample.device), column.dtype)
    starts = cast(floor((number + column) * alpha) - floor(column * alpha), dtypes.int64)
    return cat([starts, last], 1)
