"""Rows of the op table: convolutions, and the columns that they are made of."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..op_case import Call, Draw, OpCase, call
from ..sliding import SIZES, Numbers, patches, per_dim

Array = Any


KERNELS = {1: (3,), 2: (2, 3), 3: (2, 1, 2)}


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


COLUMNS = [
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
    OpCase(
        "nn.functional.conv_tbc",
        lambda x, weight, bias, pad=0: conv(
            x.transpose(1, 2, 0), weight.transpose(2, 1, 0), bias, padding=pad
        ).transpose(2, 0, 1),
        lambda t: [call(t(5, 2, 3), t(2, 3, 4), t(4)), call(t(4, 1, 2), t(3, 2, 2), t(2), pad=1)],
        lambda t: [call(t(5, 0, 3), t(2, 3, 4), t(4)), call(t(1, 1, 1), t(1, 1, 1), t(1))],
        tolerance=16,
    ),
]
