"""Rows of the op table: pools over sliding and over adaptive windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op_case import INF, NAN, Draw, OpCase, call
from ..sliding import SIZES, Numbers, patches, per_dim

Array = Any


def pooled(
    x: Array, dims: int, kernel: Numbers, stride: Any, padding: int, dilation: int, ceil_mode: bool, fill: float
) -> Array:
    """(N, C, *output, places): the windows of a pool; one that hangs over with `ceil_mode` starts on x or its left."""
    kernel = per_dim(kernel, dims)
    steps = kernel if stride is None else per_dim(stride, dims)
    sides = []
    for n, k, s in zip(x.shape[2:], kernel, steps):
        room = n + 2 * padding - dilation * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        count -= ceil_mode and (count - 1) * s >= n + padding
        reach = (count - 1) * s + dilation * (k - 1) + 1
        sides.append((padding, max(reach - n - padding, 0 if ceil_mode else padding)))
    seen = patches(x, kernel, steps, sides, dilation, fill)
    return seen.reshape(*seen.shape[: 2 + dims], math.prod(kernel))


def max_pool(dims: int) -> Any:
    def reference(
        x: Array, kernel_size: Numbers, stride: Any = None, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
    ) -> Array:
        if x.ndim == dims + 1:
            return reference(x[None], kernel_size, stride, padding, dilation, ceil_mode)[0]
        return pooled(x, dims, kernel_size, stride, padding, dilation, ceil_mode, -INF).max(-1)

    return reference


def avg_pool(dims: int) -> Any:
    def reference(
        x: Array,
        kernel_size: Numbers,
        stride: Any = None,
        padding: int = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Array:
        if x.ndim == dims + 1:
            return reference(x[None], kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)[0]
        total = pooled(x, dims, kernel_size, stride, padding, 1, ceil_mode, 0.0).sum(-1)
        if divisor_override is not None:
            return total / divisor_override
        # What a window counts: x, and its padding where that counts; never what lies beyond.
        counted = np.pad(
            np.ones_like(x), [(0, 0), (0, 0)] + [(padding, padding)] * dims, constant_values=count_include_pad
        )
        beyond = [(0, max(per_dim(kernel_size, dims)))] * dims
        seen = patches(counted, kernel_size, kernel_size if stride is None else stride, beyond, 1, 0.0)
        inside = seen[(..., *(slice(0, n) for n in total.shape[2:]), *(slice(None),) * dims)]
        return total / inside.sum(tuple(range(-dims, 0)))

    return reference


def adaptive(dims: int, reduce: Any) -> Any:
    def reference(x: Array, output_size: Any) -> Array:
        sizes = (output_size,) * dims if isinstance(output_size, int) else output_size
        sizes = [own if size is None else size for size, own in zip(sizes, x.shape[-dims:])]
        y = np.zeros((*x.shape[:-dims], *sizes))
        for at in np.ndindex(*sizes):
            box = tuple(slice(i * n // c, -(-(i + 1) * n // c)) for i, n, c in zip(at, x.shape[-dims:], sizes))
            y[(..., *at)] = reduce(x[(..., *box)], axis=tuple(range(-dims, 0)))
        return y

    return reference


def lp_pool(dims: int) -> Any:
    def reference(
        x: Array, norm_type: float, kernel_size: Numbers, stride: Any = None, ceil_mode: bool = False
    ) -> Array:
        return pooled(x**norm_type, dims, kernel_size, stride, 0, 1, ceil_mode, 0.0).sum(-1) ** (1 / norm_type)

    return reference


def max_pool_case(dims: int) -> OpCase:
    size = SIZES[dims]
    return OpCase(
        f"nn.functional.max_pool{dims}d",
        max_pool(dims),
        lambda t: [
            call(t.apart(1, 2, *size), 2),
            call(t.apart(1, 2, *size), 3, stride=2, padding=1),
            call(t.apart(2, *size), 2, stride=2, ceil_mode=True),
            call(t.apart(1, 1, *size), 2, 1, 1, dilation=2),
        ],
        lambda t: [
            call(t(0, 2, *size), 2),
            call(np.zeros_like(t(1, 1, *size)), 2),
            call(np.full_like(t(1, 1, *size), -INF), 3, 1, 1),
            call(np.where(t.mask(1, 2, *size), t(1, 2, *size), np.full_like(t(1), NAN)), 2),
        ],
    )


def avg_pool_case(dims: int) -> OpCase:
    size = SIZES[dims]
    more = [{"divisor_override": 3}] if dims > 1 else []
    return OpCase(
        f"nn.functional.avg_pool{dims}d",
        avg_pool(dims),
        lambda t: [
            call(t(1, 2, *size), 2),
            call(t(1, 2, *size), 3, stride=2, padding=1),
            call(t(1, 2, *size), 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
            call(t(2, *size), 2, stride=2, ceil_mode=True),
            *(call(t(1, 1, *size), 2, **option) for option in more),
        ],
        lambda t: [call(t(0, 2, *size), 2), call(t(1, 1, *size), size), call(t(1, 1, *(1,) * dims), 1)],
        tolerance=4,
    )


def with_places(dims: int) -> Any:
    """Of distinct values the place of each is where it is found."""

    def reference(x: Array, *args: Any, **kwargs: Any) -> tuple[Array, Array]:
        y = max_pool(dims)(x, *args, **kwargs)
        return y, places_of(x, y, dims)

    return reference


def adaptive_with_places(dims: int) -> Any:
    def reference(x: Array, output_size: Any) -> tuple[Array, Array]:
        y = adaptive(dims, np.max)(x, output_size)
        return y, places_of(x, y, dims)

    return reference


def places_of(x: Array, y: Array, dims: int) -> Array:
    planes = x.reshape(math.prod(x.shape[:-dims]), math.prod(x.shape[-dims:]))
    wanted = y.reshape(len(planes), math.prod(y.shape[-dims:]))
    places = [[list(plane).index(v) for v in row] for plane, row in zip(planes, wanted)]
    return np.array(places, np.int64).reshape(y.shape)


def max_unpool(dims: int) -> Any:
    def reference(x: Array, indices: Array, kernel_size: int, stride: int, output_size: Any = None) -> Array:
        size = output_size or [(n - 1) * stride + kernel_size for n in x.shape[-dims:]]
        y = np.zeros((math.prod(x.shape[:-dims]), math.prod(size)))
        np.put_along_axis(y, *(z.reshape(len(y), math.prod(x.shape[-dims:])) for z in (indices, x)), 1)
        return y.reshape(*x.shape[:-dims], *size)

    return reference


def fractional(dims: int) -> Any:
    def reference(
        x: Array, kernel_size: Numbers, output_size: Numbers, return_indices: bool, _random_samples: Array
    ) -> tuple[Array, Array]:
        kernel, count = per_dim(kernel_size, dims), per_dim(output_size, dims)
        samples = _random_samples[..., ::-1] if dims == 2 else _random_samples  # (T,) W, H
        y = np.zeros((*x.shape[:2], *count))
        for at in np.ndindex(y.shape):
            box = []
            for i, n, k, o, u in zip(at[2:], x.shape[2:], kernel, count, samples[at[:2]]):
                alpha = (n - k) / (o - 1) if o > 1 else 0
                start = n - k if i == o - 1 else int((i + u) * alpha) - int(u * alpha)
                box.append(slice(start, start + k))
            y[at] = x[(*at[:2], *box)].max()
        return y, places_of(x, y, dims)

    return reference


def unpool_samples(dims: int) -> Any:
    size, pooled_size = SIZES[dims], [n // 2 for n in SIZES[dims]]

    def places(t: Draw, planes: int) -> Array:
        """Different ones in each plane, as of windows of two elements side by side."""
        corners = np.ravel_multi_index(np.meshgrid(*(np.arange(n) * 2 for n in pooled_size), indexing="ij"), size)
        return np.stack([corners + (plane + t.index(1)) % 2 for plane in range(planes)])

    return lambda t: [
        call(t(1, 2, *pooled_size), places(t, 2)[None], 2, 2, output_size=size),
        call(t(2, *pooled_size), places(t, 2), 2, 2, output_size=size),
    ]


FRACTIONED = {2: (5, 6), 3: (4, 4, 5)}

POOLS = [
    *(max_pool_case(dims) for dims in (1, 2, 3)),
    *(avg_pool_case(dims) for dims in (1, 2, 3)),
    *(
        OpCase(
            f"nn.functional.adaptive_{name}_pool{dims}d",
            adaptive(dims, reduce),
            lambda t, size=SIZES[dims]: [
                call(t.apart(1, 2, *size), 1),
                call(t.apart(1, 2, *size), 2),
                call(t.apart(2, *size), (3,) * len(size)),
            ],
            lambda t, size=SIZES[dims]: [call(t(0, 2, *size), 2), call(t(1, 2, *size), size)],
            tolerance=4,
        )
        for name, reduce in (("avg", np.mean), ("max", np.max))
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.lp_pool{dims}d",
            lp_pool(dims),
            lambda t, size=SIZES[dims]: [
                call(t.between(0.5, 2, 1, 2, *size), 2, 2),
                call(t.between(0.5, 2, 1, 2, *size), 3.0, 2, 1),
            ],
            lambda t, size=SIZES[dims]: [call(t.between(0.5, 2, 0, 2, *size), 2, 2)],
            tolerance=8,
        )
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.max_pool{dims}d_with_indices",
            with_places(dims),
            lambda t, size=SIZES[dims]: [
                call(t.apart(1, 2, *size), 2),
                call(t.apart(2, *size), 3, stride=2, padding=1),
            ],
            lambda t, size=SIZES[dims]: [call(t(0, 2, *size), 2)],
        )
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.adaptive_max_pool{dims}d_with_indices",
            adaptive_with_places(dims),
            lambda t, size=SIZES[dims]: [call(t.apart(1, 2, *size), 2), call(t.apart(2, *size), 1)],
            lambda t, size=SIZES[dims]: [call(t(0, 2, *size), 2)],
        )
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.max_unpool{dims}d",
            max_unpool(dims),
            unpool_samples(dims),
            lambda t, dims=dims: [call(t(0, 2, *(2,) * dims), t.index(2, 0, 2, *(2,) * dims), 2, 2)],
        )
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.fractional_max_pool{dims}d{suffix}",
            fractional(dims),
            lambda t, dims=dims: [
                call(
                    t.apart(1, 2, *FRACTIONED[dims]),
                    2,
                    2,
                    return_indices=True,
                    _random_samples=t.between(0, 0.9, 1, 2, dims),
                ),
                call(
                    t.apart(1, 1, *FRACTIONED[dims]),
                    1,
                    (3, 2, 1)[:dims],
                    return_indices=True,
                    _random_samples=t.between(0, 0.9, 1, 1, dims),
                ),
            ],
            lambda t, dims=dims: [
                call(
                    t(0, 2, *FRACTIONED[dims]), 2, 2, return_indices=True, _random_samples=t.between(0, 0.9, 0, 2, dims)
                )
            ],
            dtypes=("float64", "float32"),  # in 16 bits PyTorch's steps are those of rounded samples
        )
        for dims in (2, 3)
        for suffix in ("", "_with_indices")
    ),
]
