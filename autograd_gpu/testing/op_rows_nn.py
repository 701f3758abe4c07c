"""Rows of the op table: convolutions, pools, normalisation of channels, padding, resizing, with references in NumPy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .op_case import INF, NAN, Call, Draw, OpCase, call

Array = Any
Numbers = int | Sequence[int]

# ---------------------------------------------------------------------------------------------- sliding windows


def per_dim(value: Numbers, dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value)


def patches(x: Array, kernel: Numbers, stride: Numbers, padding: Any, dilation: Numbers, fill: float) -> Array:
    """(N, C, *output, *kernel): every window of x (N, C, *size); padding a number or (before, after) a dimension."""
    dims = x.ndim - 2
    kernel, stride, dilation = (per_dim(value, dims) for value in (kernel, stride, dilation))
    sides = [(p, p) for p in per_dim(padding, dims)] if isinstance(padding, int) else padding
    x = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    steps = tuple(slice(None, None, s) for s in stride)
    return seen[(slice(None), slice(None), *steps, *(slice(None, None, d) for d in dilation))]


def conv(
    x: Array,
    weight: Array,
    bias: Array = None,
    stride: Numbers = 1,
    padding: Any = 0,
    dilation: Numbers = 1,
    groups: int = 1,
) -> Array:
    dims = weight.ndim - 2
    if x.ndim == dims + 1:
        return conv(x[None], weight, bias, stride, padding, dilation, groups)[0]
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(weight.shape[2:], per_dim(dilation, dims))]
        padding = [(p // 2, p - p // 2) for p in total]
    padding = 0 if padding == "valid" else padding
    seen = patches(x, weight.shape[2:], stride, padding, dilation, 0.0)
    out, kept = weight.shape[0] // groups, weight.shape[1]
    seen_dims, weight_dims = list(range(1 + dims, 2 + 2 * dims)), list(range(1, dims + 2))  # (C, *kernel) of each
    pieces = []
    for g in range(groups):
        of_group = np.moveaxis(seen[:, g * kept : (g + 1) * kept], 1, 1 + dims)  # (N, *output, C, *kernel)
        pieces.append(np.tensordot(of_group, weight[g * out : (g + 1) * out], (seen_dims, weight_dims)))
    y = np.moveaxis(np.concatenate(pieces, -1), -1, 1)
    return y if bias is None else y + bias.reshape(-1, *(1,) * dims)


def conv_transpose(
    x: Array,
    weight: Array,
    bias: Array = None,
    stride: Numbers = 1,
    padding: Numbers = 0,
    output_padding: Numbers = 0,
    groups: int = 1,
    dilation: Numbers = 1,
) -> Array:
    """Every element of x lays its multiple of the kernel down, one after the other."""
    dims = weight.ndim - 2
    if x.ndim == dims + 1:
        return conv_transpose(x[None], weight, bias, stride, padding, output_padding, groups, dilation)[0]
    step, pad, more, spread = (per_dim(v, dims) for v in (stride, padding, output_padding, dilation))
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], spread)]
    full = [(n - 1) * s + r + m for n, s, r, m in zip(x.shape[2:], step, reach, more)]
    out, kept = weight.shape[1], x.shape[1] // groups
    y = np.zeros((x.shape[0], out * groups, *full))
    for g, at in itertools.product(range(groups), np.ndindex(*x.shape[2:])):
        laid = np.tensordot(
            x[(slice(None), slice(g * kept, (g + 1) * kept), *at)], weight[g * kept : (g + 1) * kept], 1
        )
        place = tuple(slice(i * s, i * s + r, d) for i, s, r, d in zip(at, step, reach, spread))
        y[(slice(None), slice(g * out, (g + 1) * out), *place)] += laid
    y = y[(..., *(slice(p, n - p) for p, n in zip(pad, full)))]
    return y if bias is None else y + bias.reshape(-1, *(1,) * dims)


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


SIZES = {1: (7,), 2: (5, 6), 3: (3, 4, 3)}
KERNELS = {1: (3,), 2: (2, 3), 3: (2, 1, 2)}


def conv_samples(dims: int) -> Any:
    size, kernel = SIZES[dims], KERNELS[dims]

    def samples(t: Draw) -> list[Call]:
        options = [
            {},
            {"stride": 2, "padding": 1},
            {"padding": "same"},
            {"padding": "valid", "dilation": 2 if dims < 3 else 1},
        ]
        calls = [call(t(2, 2, *size), t(3, 2, *kernel), t(3), **option) for option in options]
        calls.append(call(t(1, 4, *size), t(4, 2, *kernel), groups=2))
        return [*calls, call(t(2, *size), t(3, 2, *kernel), t(3))]

    return samples


def conv_edges(dims: int) -> Any:
    size, kernel = SIZES[dims], KERNELS[dims]
    return lambda t: [
        call(t(0, 2, *size), t(3, 2, *kernel), t(3)),
        call(t(1, 3, *size), t(3, 1, *kernel), groups=3),
        call(t(1, 1, *(1,) * dims), t(1, 1, *(1,) * dims)),
        call(t(3, 5, *size), t(33, 5, *kernel), t(33), padding=2),
    ]


def transposed_samples(dims: int) -> Any:
    size, kernel = {1: (4,), 2: (3, 2), 3: (2, 2, 1)}[dims], KERNELS[dims]
    return lambda t: [
        call(t(2, 2, *size), t(2, 3, *kernel), t(3)),
        call(t(2, 2, *size), t(2, 3, *kernel), t(3), stride=2, padding=1 if dims < 3 else 0, output_padding=1),
        call(t(1, 4, *size), t(4, 2, *kernel), groups=2, dilation=2),
        call(t(2, *size), t(2, 3, *kernel), t(3)),
    ]


def transposed_edges(dims: int) -> Any:
    size, kernel = SIZES[dims], KERNELS[dims]
    return lambda t: [
        call(t(0, 2, *size), t(2, 3, *kernel), t(3)),
        call(t(1, 1, *(1,) * dims), t(1, 1, *(1,) * dims)),
        call(t(1, 2, *size), t(2, 1, *kernel), None, 1, 0, 1, 1, 2),
    ]


CONVOLUTIONS = [
    *(
        OpCase(f"nn.functional.conv{dims}d", conv, conv_samples(dims), conv_edges(dims), tolerance=16, eps=1e-5)
        for dims in (1, 2, 3)
    ),
    *(
        OpCase(
            f"nn.functional.conv_transpose{dims}d",
            conv_transpose,
            transposed_samples(dims),
            transposed_edges(dims),
            tolerance=16,
            eps=1e-5,
        )
        for dims in (1, 2, 3)
    ),
]


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
]


# ---------------------------------------------------------------------------------------------- normalisation


def _per_channel(vector: Array, x: Array) -> Array:
    return vector.reshape(1, -1, *(1,) * (x.ndim - 2))


def _scaled(y: Array, weight: Array, bias: Array) -> Array:
    y = y if weight is None else y * _per_channel(weight, y)
    return y if bias is None else y + _per_channel(bias, y)


def batch_norm(
    x: Array,
    mean: Array,
    var: Array,
    weight: Array = None,
    bias: Array = None,
    training: bool = False,
    eps: float = 1e-5,
) -> Array:
    if training:
        dims = (0, *range(2, x.ndim))
        mean, var = x.mean(dims), x.var(dims)
    return _scaled((x - _per_channel(mean, x)) / np.sqrt(_per_channel(var, x) + eps), weight, bias)


def group_norm(x: Array, num_groups: int, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:
    rows = x.reshape(x.shape[0], num_groups, math.prod(x.shape[1:]) // max(num_groups, 1))
    normalised = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + eps)
    return _scaled(normalised.reshape(x.shape), weight, bias)


def instance_norm(x: Array, weight: Array = None, bias: Array = None, eps: float = 1e-5) -> Array:
    return group_norm(x, x.shape[1], weight, bias, eps)


NORMS = [
    OpCase(
        "nn.functional.batch_norm",
        batch_norm,
        lambda t: [
            call(t(4, 3), None, None, t(3), t(3), training=True),
            call(t(2, 3, 4), None, None, t(3), training=True, eps=0.1),
        ],
        lambda t: [
            call(t(2, 1, 3), None, None, training=True),
            call(t(2, 3, 0), None, None, training=True),
            call(t(40, 3, 5), None, None, t(3), t(3), training=True),
        ],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.batch_norm",
        batch_norm,
        lambda t: [call(t(2, 2, 3, 2), t(2), t.between(0.5, 2, 2), t(2), t(2))],
        lambda t: [call(t(0, 3), t(3), t.between(0.5, 2, 3))],
        tolerance=16,
        variant="running",
    ),
    OpCase(
        "nn.functional.group_norm",
        group_norm,
        lambda t: [call(t(2, 4, 3), 2, t(4), t(4)), call(t(2, 4), 2, eps=0.1), call(t(2, 3, 2, 2), 1, t(3))],
        lambda t: [call(t(0, 4, 3), 2, t(4), t(4)), call(t(3, 6, 9), 3, t(6), t(6))],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.instance_norm",
        instance_norm,
        lambda t: [call(t(2, 3, 4)), call(t(2, 3, 2, 3), weight=t(3), bias=t(3), eps=0.1)],
        lambda t: [call(t(3, 2, 40), weight=t(2)), call(t(0, 2, 3))],
        tolerance=16,
    ),
]


# ---------------------------------------------------------------------------------------------- padding and resizing


def pad(x: Array, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Array:
    sides = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    inner = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, sides))
    sides = [(max(b, 0), max(a, 0)) for b, a in sides]
    names = {"replicate": "edge", "circular": "wrap"}
    return np.pad(
        x[inner], sides, mode=names.get(mode, mode), **({"constant_values": value} if mode == "constant" else {})
    )


def interpolate(
    x: Array, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Array:
    """A dimension at a time, as a product with the matrix of weights."""
    dims = x.ndim - 2
    for d, n in enumerate(x.shape[2:]):
        count = per_dim(size, dims)[d] if scale_factor is None else int(n * scale_factor)
        step = n / count if scale_factor is None else 1 / scale_factor
        weights = np.zeros((count, n))
        for o in range(count):
            at = (o * (n - 1) / max(count - 1, 1)) if align_corners else (o + 0.5) * step - 0.5
            if mode == "nearest" or mode == "nearest-exact":
                weights[o, min(int((o if mode == "nearest" else o + 0.5) * step), n - 1)] = 1
                continue
            left = math.floor(at if mode == "bicubic" else max(at, 0))
            for i in range(left - 1, left + 3):
                weights[o, min(max(i, 0), n - 1)] += _weight(abs((at if mode == "bicubic" else max(at, 0)) - i), mode)
        x = np.moveaxis(np.moveaxis(x, 2 + d, -1) @ weights.T, -1, 2 + d)
    return x


def _weight(distance: float, mode: str, a: float = -0.75) -> float:
    if mode != "bicubic":
        return max(1 - distance, 0)
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a if distance < 2 else 0


def pixel_shuffle(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    y = np.zeros((n, c // r**2, h * r, w * r), x.dtype)
    for i, j in itertools.product(range(r), range(r)):
        y[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return y


def pixel_unshuffle(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    y = np.zeros((n, c * r**2, h // r, w // r), x.dtype)
    for i, j in itertools.product(range(r), range(r)):
        y[:, i * r + j :: r * r] = x[:, :, i::r, j::r]
    return y


def unfold(x: Array, kernel_size: Numbers, dilation: int = 1, padding: int = 0, stride: int = 1) -> Array:
    seen = patches(x, kernel_size, stride, padding, dilation, 0.0)
    n, c, _, _, kh, kw = seen.shape
    return seen.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, math.prod(seen.shape[2:4]))


def fold(
    x: Array, output_size: Numbers, kernel_size: Numbers, dilation: int = 1, padding: int = 0, stride: int = 1
) -> Array:
    size, kernel = per_dim(output_size, 2), per_dim(kernel_size, 2)
    channels = x.shape[1] // math.prod(kernel)
    y = np.zeros((x.shape[0], channels, *(n + 2 * padding for n in size)))
    counts = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(size, kernel)]
    blocks = x.reshape(x.shape[0], channels, *kernel, *counts)
    for i, j in np.ndindex(*counts):
        rows = slice(i * stride, i * stride + dilation * (kernel[0] - 1) + 1, dilation)
        cols = slice(j * stride, j * stride + dilation * (kernel[1] - 1) + 1, dilation)
        y[:, :, rows, cols] += blocks[..., i, j]
    return y[:, :, padding : padding + size[0], padding : padding + size[1]]


PICTURES = [
    OpCase(
        "nn.functional.pad",
        pad,
        lambda t: [
            call(t(2, 3), (1, 2)),
            call(t(2, 3), (1, -1, 0, 2), value=1.5),
            *(call(t(2, 4, 3), (2, 1), mode=mode) for mode in ("reflect", "replicate", "circular")),
            call(t(1, 3, 4), (1, 2, 0, 1), "reflect"),
        ],
        lambda t: [
            call(t(0, 3), (1, 1)),
            call(t(2, 3), (-2, -1)),
            call(t(2, 3), (0, 0)),
            call(t(1, 2, 1), (3, 0), "replicate"),
        ],
    ),
    OpCase(
        "nn.functional.interpolate",
        interpolate,
        lambda t: [
            call(t(1, 2, 3), scale_factor=2),
            call(t(1, 1, 3, 4), (5, 2), mode="nearest-exact"),
            call(t(1, 2, 4), 7, mode="linear"),
            call(t(1, 1, 3, 4), scale_factor=2, mode="bilinear", align_corners=True),
            call(t(1, 1, 3, 4), scale_factor=1.5, mode="bilinear", align_corners=False),
            call(t(1, 1, 3, 4), (5, 3), mode="bicubic", align_corners=False),
            call(t(1, 1, 2, 3, 2), 3, mode="trilinear"),
        ],
        lambda t: [
            call(t(0, 2, 3), 4),
            call(t(1, 1, 1, 1), 3, mode="bilinear"),
            call(t(1, 2, 3), 1, mode="linear", align_corners=True),
        ],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.pixel_shuffle",
        pixel_shuffle,
        lambda t: [call(t(2, 8, 3, 2), 2)],
        lambda t: [call(t(0, 4, 3, 2), 2), call(t(1, 2, 3, 2), 1)],
    ),
    OpCase(
        "nn.functional.pixel_unshuffle",
        pixel_unshuffle,
        lambda t: [call(t(2, 2, 4, 6), 2)],
        lambda t: [call(t(0, 1, 4, 2), 2), call(t(1, 2, 3, 2), 1)],
    ),
    OpCase(
        "nn.functional.unfold",
        unfold,
        lambda t: [call(t(1, 2, 3, 4), 2), call(t(2, 1, 4, 5), (2, 3), 1, 1, 2), call(t(1, 1, 5, 5), 2, dilation=2)],
        lambda t: [call(t(0, 2, 3, 4), 2), call(t(1, 1, 1, 1), 1)],
    ),
    OpCase(
        "nn.functional.fold",
        fold,
        lambda t: [call(t(1, 8, 6), (3, 4), 2), call(t(2, 6, 9), (4, 5), (2, 3), 1, 1, 2)],
        lambda t: [call(t(0, 8, 6), (3, 4), 2), call(t(1, 1, 1), 1, 1)],
        tolerance=2,
    ),
]

# ---------------------------------------------------------------------------------------------- activations


def activation(name: str, reference: Any, kinks: Sequence[float], **options: Any) -> OpCase:
    """Smooth points a quarter off the multiples of a half; edges at the kinks themselves."""
    return OpCase(
        f"nn.functional.{name}",
        lambda x, *args, **kwargs: reference(x, *args, **kwargs),
        lambda t: [call(t.apart(4, 5), **options)],
        lambda t: [call(t(0, 3), **options), call(t.of(*kinks, 30.0, -30.0), **options), call(t(), **options)],
        tolerance=2,
    )


ACTIVATIONS = [
    activation(
        "celu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)), [0.0], alpha=1.5
    ),
    activation(
        "threshold", lambda x, threshold, value: np.where(x > threshold, x, value), [0.5], threshold=0.5, value=2.0
    ),
    activation("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), [-3.0, 3.0]),
    activation("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), [-3.0, 3.0]),
    activation("hardshrink", lambda x, lambd: np.where(np.abs(x) > lambd, x, 0), [-1.0, 1.0], lambd=1.0),
    activation("softshrink", lambda x, lambd: np.sign(x) * np.maximum(np.abs(x) - lambd, 0), [-1.0, 1.0], lambd=1.0),
    activation("tanhshrink", lambda x: x - np.tanh(x), [0.0]),
]

NN = [*CONVOLUTIONS, *POOLS, *NORMS, *PICTURES, *ACTIVATIONS]
