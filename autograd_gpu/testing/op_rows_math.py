"""Rows of the op table: mathematics beyond what a training step needs, and the many ways to arrange elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from .op_case import (
    ALL,
    FLOATS,
    INF,
    NAN,
    NUMBERS,
    OpCase,
    binary,
    call,
    shaped,
    step,
    unary,
)

Array = Any
PRECISE = ("float64", "float32")


def where_zero(x: Array, there: Array, elsewhere: Array) -> Array:
    return np.where(x == 0, there, elsewhere)


ELEMENTWISE = [
    unary("frac", lambda x: x - np.trunc(x), lambda t: [call(t.apart(3, 5))]),
    unary("sinc", np.sinc, lambda t: [call(t.between(0.3, 2, 3, 5))], tolerance=2),
    OpCase(
        "logit",
        lambda x, eps=None: np.log(y / (1 - y)) if (y := x if eps is None else np.clip(x, eps, 1 - eps)).size else y,
        lambda t: [call(t.between(0.1, 0.9, 3, 4)), call(t.between(0.3, 0.6, 3, 4), eps=0.2)],
        lambda t: [call(t(0, 3)), call(t.of(0.0, 1.0, 0.5))],
        tolerance=4,
    ),
    unary("deg2rad", np.deg2rad),
    unary("rad2deg", np.rad2deg),
    unary("positive", np.positive),
    step("fix", np.trunc),
    OpCase(
        "nan_to_num",
        lambda x, nan=0.0, posinf=1e4, neginf=-1e4: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
        lambda t: [call(t(3, 4), posinf=1e4, neginf=-1e4)],
        lambda t: [call(t.special, nan=2.0, posinf=3.0, neginf=-3.0), call(t(0, 3))],
    ),
    unary("signbit", np.signbit, dtypes=(*FLOATS, "int64")),
    unary("isposinf", np.isposinf),
    unary("isneginf", np.isneginf),
    unary("isreal", np.isreal, dtypes=ALL),
    OpCase(
        "clamp_min",
        np.maximum,
        lambda t: [call(t.apart(3, 4), 1), call(t.apart(3, 4), t.of(0.0))],
        lambda t: [call(t(0, 3), 1), call(t.of(1.0, 2.0), t.of(2.0))],
    ),
    OpCase(
        "clamp_max",
        np.minimum,
        lambda t: [call(t.apart(3, 4), 1), call(t.apart(3, 4), t.of(0.0))],
        lambda t: [call(t(0, 3), 1), call(t.of(1.0, 2.0), t.of(2.0))],
    ),
    binary("rsub", lambda x, y: y - x, lambda t: [call(t(3, 4), t(4)), call(t(2, 3), 2)], dtypes=FLOATS),
    binary(
        "float_power",
        np.float_power,
        lambda t: [call(t.between(0.5, 2, 3, 4), t(4)), call(t(3, 4), 3)],
        dtypes=FLOATS,
        result="float64",
    ),
    binary("fmax", np.fmax, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, NAN))], dtypes=FLOATS),
    binary("fmin", np.fmin, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, NAN))], dtypes=FLOATS),
    OpCase(
        "hypot",
        np.hypot,
        lambda t: [call(t(3, 4), t(4)), call(t(2, 1), t(3))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(INF, -INF, 1e4), t.of(NAN, 1.0, 1e4))],
        tolerance=2,
    ),
    OpCase(
        "logaddexp",
        np.logaddexp,
        lambda t: [call(t(3, 4), t(4)), call(t(2, 1), t(3))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(1000.0, -INF, 1.0, 0.0), t.of(1000.0, -INF, NAN, INF))],
        tolerance=2,
    ),
    OpCase(
        "logaddexp2",
        np.logaddexp2,
        lambda t: [call(t(3, 4), t(4))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(1000.0, -INF, 1.0), t.of(1000.0, -INF, NAN))],
        tolerance=2,
    ),
    OpCase(
        "xlogy",
        lambda x, y: where_zero(x, np.where(np.isnan(y), NAN, 0.0), x * np.log(y)),
        lambda t: [call(t(3, 4), t.between(0.5, 2, 4)), call(2.0, t.between(0.5, 2, 4))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(0.0, 0.0, 0.0, 1.0), t.of(0.0, NAN, -1.0, 0.0))],
        tolerance=2,
    ),
    binary(
        "heaviside",
        np.heaviside,
        lambda t: [call(t(3, 4), t(4)), call(t.of(0.0, 1.0), t.of(3.0, 4.0))],
        order=0,
        dtypes=FLOATS,
    ),
    binary("ldexp", lambda x, y: x * 2**y, lambda t: [call(t(3, 4), t.of(1.0, 2.0, 0.0, 3.0))], dtypes=FLOATS),
    OpCase(
        "lerp",
        lambda x, y, w: x + w * (y - x),
        lambda t: [call(t(3, 4), t(4), 0.25), call(t(3, 4), t(3, 4), t(4))],
        lambda t: [call(t(0, 3), t(3), 0.5)],
        tolerance=4,
    ),
    OpCase(
        "addcdiv",
        lambda x, y, z, value=1: x + value * y / z,
        lambda t: [call(t(3, 4), t(3, 4), t.between(0.5, 2, 4), value=0.5), call(t(2, 1), t(3), t.between(1, 2))],
        lambda t: [call(t(0, 3), t(3), t(3))],
        tolerance=4,
    ),
]
SHIFTS = (("bitwise_left_shift", lambda x, y: x * 2**y), ("bitwise_right_shift", lambda x, y: x // 2**y))
# Shifts by negative numbers mean nothing, so these have no samples where both operands are drawn alike.
ELEMENTWISE += [
    OpCase(
        name,
        reference,
        lambda t: [call(t(3, 4), 2), call(t(3, 1), t.index(4, 4).astype(t.dtype))],
        lambda t: [call(t(0, 3), 1)],
        dtypes=("int64", "int32"),
    )
    for name, reference in (
        ("bitwise_left_shift", lambda x, y: x * 2**y),
        ("bitwise_right_shift", lambda x, y: x // 2**y),
    )
]


def running(combine: Any) -> Any:
    return lambda x, dim: combine.accumulate(x, axis=dim) if x.ndim else x


def extreme_so_far(x: Array, dim: int, largest: bool = True) -> tuple[Array, Array]:
    """The last of equals, and the last NaN."""
    lines = np.moveaxis(x, dim, -1)
    index = np.zeros(lines.shape, np.int64)
    for place in np.ndindex(lines.shape[:-1]):
        best = 0
        for i, value in enumerate(lines[place]):
            old = lines[place][best]
            if np.isnan(value) or (not np.isnan(old) and (value >= old if largest else value <= old)):
                best = i
            index[(*place, i)] = best
    index = np.moveaxis(index, -1, dim)
    return np.take_along_axis(x, index, dim), index


SCANS = [
    OpCase(
        "cumprod",
        running(np.multiply),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 5), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t(), dim=0), call(t.of(0.0, 3.0, 0.0, 2.0), dim=0)],
        tolerance=8,
    ),
    OpCase(
        "logcumsumexp",
        running(np.logaddexp),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 5), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t.of(-INF, -INF, 1.0, 1000.0), dim=0)],
        tolerance=8,
    ),
    *(
        OpCase(
            name,
            lambda x, dim, largest=largest: extreme_so_far(x, dim, largest),
            lambda t: [call(t.apart(3, 4), dim=0), call(t.apart(2, 5), dim=1)],
            lambda t: [call(t(0, 3), dim=0), call(t.of(1.0, 3.0, 3.0, NAN, 5.0, 2.0), dim=0)],
            dtypes=(*FLOATS, "int64"),
        )
        for name, largest in (("cummax", True), ("cummin", False))
    ),
    OpCase(
        "diff",
        lambda x, n=1, dim=-1: np.diff(x, n=n, axis=dim),
        lambda t: [call(t(3, 4)), call(t(3, 4), n=2, dim=1), call(t(3, 4), dim=0)],
        lambda t: [call(t(3, 0)), call(t(1)), call(t(3), n=0)],
        dtypes=(*FLOATS, "int64", "bool"),
        tolerance=2,
    ),
]


def median(x: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        flat = np.sort(x, axis=None)
        return flat[-1] if np.isnan(x).any() else flat[(x.size - 1) // 2]
    return kth(x, (x.shape[dim] + 1) // 2, dim, keepdim)


def nanmedian(x: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        kept = np.sort(x[~np.isnan(x)])
        return kept[(kept.size - 1) // 2] if kept.size else np.float64(NAN)
    return kth(x, (x.shape[dim] + 1) // 2, dim, keepdim)


def kth(x: Array, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    index = np.argsort(x, axis=dim, kind="stable").take([k - 1], axis=dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def mode(x: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    def of_line(line: Array) -> Array:
        values, counts = np.unique(line, return_counts=True)
        return np.flatnonzero(line == values[np.argmax(counts)])[-1]

    index = np.expand_dims(np.apply_along_axis(of_line, dim, x), dim)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def histc(x: Array, bins: int, min: float, max: float) -> Array:
    return np.histogram(x, bins, (min, max))[0].astype(np.float64)


ORDER_STATISTICS = [
    *(
        OpCase(
            name,
            reference,
            lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0), call(t.apart(3, 5), dim=1, keepdim=True)],
            lambda t: [
                call(t.of(2.0, NAN, 1.0)),
                call(t.of(2.0, 2.0, 1.0, 2.0)),
                call(t.of(NAN)),
                call(t(3, 0), dim=0),
                call(t(1, 1), dim=1),
            ],
        )
        for name, reference in (("median", median), ("nanmedian", nanmedian))
    ),
    OpCase(
        "kthvalue",
        kth,
        lambda t: [call(t.apart(3, 4), 2), call(t.apart(3, 4), 1, dim=0, keepdim=True)],
        lambda t: [call(t(0, 3), 1), call(t(1), 1)],
    ),
    OpCase(
        "mode",
        mode,
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0)],  # any tie would be a kink
        lambda t: [
            call(t(1, 1)),
            call(t.of([1.0, 2.0, 2.0, 3.0], [3.0, 3.0, 1.0, 1.0]), dim=1),
            call(t.of(5.0, 4.0, 4.0, 5.0), dim=0, keepdim=True),
        ],
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase("msort", lambda x: np.sort(x, 0), lambda t: [call(t.apart(3, 4))], lambda t: [call(t(0, 3)), call(t(1))]),
    OpCase(
        "unique",
        lambda x, return_inverse=False, return_counts=False, dim=None: (
            y
            if not isinstance(y := np.unique(x, False, return_inverse, return_counts, dim), tuple)
            else (
                y[0],
                *(
                    part.reshape(x.shape if dim is None and part.size == x.size and k == 0 else -1)
                    for k, part in enumerate(y[1:])
                ),
            )
        ),
        lambda t: [call(t.of(3.0, 1.0, 3.0)), call(t.of(2.0, 1.0, 2.0), return_inverse=True, return_counts=True)],
        lambda t: [call(t(0)), call(t.of([1.0, 0.0], [0.0, 5.0], [1.0, 0.0]), dim=0)],
        order=0,
        dtypes=(*FLOATS, "int64", "bool"),
    ),
    OpCase(
        "unique_consecutive",
        lambda x, return_counts=False: x[np.concatenate(([True], x[1:] != x[:-1]))[: x.size]],
        lambda t: [call(t.of(1.0, 1.0, 2.0, 1.0))],
        lambda t: [call(t(0)), call(t(1))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "searchsorted",
        lambda sequence, x, right=False: np.searchsorted(sequence, x, "right" if right else "left"),
        lambda t: [
            call(t.of(1.0, 3.0, 3.0, 5.0), t.of([0.0, 3.0], [4.0, 6.0])),
            call(t.of(1.0, 3.0, 3.0, 5.0), t.of(0.0, 1.0, 3.0, 5.0, 6.0), right=True),
        ],
        lambda t: [call(t(0), t(3)), call(t.of(1.0, 2.0), t(0))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "bucketize",
        lambda x, boundaries, right=False: np.searchsorted(boundaries, x, "right" if right else "left"),
        lambda t: [
            call(t.of([0.0, 3.0], [4.0, 6.0]), t.of(1.0, 3.0, 5.0)),
            call(t.of(3.0), t.of(1.0, 3.0), right=True),
        ],
        lambda t: [call(t(0), t.of(1.0, 2.0))],
        order=0,
        dtypes=(*FLOATS, "int64"),
    ),
    OpCase(
        "isin",
        np.isin,
        lambda t: [call(t.of([1.0, 2.0], [3.0, 4.0]), t.of(2.0, 3.0)), call(t.of(1.0, 2.0), t.of(5.0), invert=True)],
        lambda t: [call(t(0, 2), t(3)), call(t(3), t(0))],
        order=0,
        dtypes=NUMBERS,
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, correction=1, keepdim=False, power=power: (
                np.var(x, axis=dim, ddof=correction, keepdims=keepdim) ** power,
                np.mean(x, axis=dim, keepdims=keepdim),
            ),
            lambda t: [call(t(2, 3, 4)), call(t(2, 3), dim=1, correction=0, keepdim=True)],
            lambda t: [call(t(0, 3), dim=1)],
            tolerance=4,
        )
        for name, power in (("var_mean", 1), ("std_mean", 0.5))
    ),
    OpCase(
        "aminmax",
        lambda x, dim=None, keepdim=False: (
            np.min(x, axis=dim, keepdims=keepdim),
            np.max(x, axis=dim, keepdims=keepdim),
        ),
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(3, 0), dim=0), call(t.special)],
        dtypes=NUMBERS,
    ),
    OpCase(
        "nansum",
        lambda x, dim=None, keepdim=False: np.nansum(x, axis=dim, keepdims=keepdim),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(1.0, NAN, 2.0))],
        tolerance=2,
    ),
    OpCase(
        "nanmean",
        lambda x, dim=None, keepdim=False: (
            np.nansum(x, axis=dim, keepdims=keepdim) / np.sum(~np.isnan(x), axis=dim, keepdims=keepdim)
        ),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(1.0, NAN, 2.0))],
        tolerance=2,
    ),
    OpCase(
        "count_nonzero",
        lambda x, dim=None: np.count_nonzero(x, axis=dim),
        lambda t: [call(t(3, 4)), call(t.of(0.0, 1.0, 0.0), dim=0), call(t(2, 3, 4), dim=(0, 2))],
        lambda t: [call(t(0, 3), dim=1)],
        dtypes=ALL,
    ),
    OpCase(
        "bincount",
        lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
        lambda t: [
            call(t.index(4, 9)),
            call(t.index(4, 9), minlength=7),
            call(np.array([2, 0, 2]), t.of(1.0, 2.0, 3.0)),
        ],
        lambda t: [call(t.index(4, 0), minlength=3)],
        order=0,
        dtypes=("float64",),
    ),
    OpCase(
        "histc",
        histc,
        lambda t: [call(t(20), 5, -2, 2)],
        lambda t: [call(t(0), 3, 0, 1), call(t.of(0.0, 1.0, 1.0, 5.0, -3.0), 2, 0, 1)],
        order=0,
    ),
]


def at_least(ndim: int) -> Any:
    return {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[ndim]


def joined(name: str, reference: Any) -> OpCase:
    return shaped(
        name,
        reference,
        lambda t: call([t(2, 3), t(2, 3)]),
        lambda t: call([t(3), t(3)]),
        lambda t: call([t(0, 3), t(0, 3)]),
    )


def block_diag(*blocks: Array) -> Array:
    y = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)), blocks[0].dtype)
    row = column = 0
    for block in blocks:
        y[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return y


def diag_embed(x: Array, offset: int = 0) -> Array:
    size = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], size, size), x.dtype)
    for i in range(x.shape[-1]):
        y[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return y


def with_part(x: Array, index: Any, part: Array) -> Array:
    y = x.copy()
    y[index] = part
    return y


def windows(x: Array, dim: int, size: int, step: int) -> Array:
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)
    return seen[(slice(None),) * (dim % x.ndim) + (slice(None, None, step),)]


ARRANGED = [
    joined("hstack", np.hstack),
    joined("vstack", np.vstack),
    joined("row_stack", np.vstack),
    joined("dstack", np.dstack),
    joined("column_stack", np.column_stack),
    *(
        shaped(f"atleast_{n}d", at_least(n), lambda t: call(t()), lambda t: call(t(3)), lambda t: call(t(0)))
        for n in (1, 2, 3)
    ),
    shaped("block_diag", block_diag, lambda t: call(t(2, 3), t(1, 2)), lambda t: call(t(0, 3), t(2, 0))),
    shaped(
        "cartesian_prod",
        lambda x, y: np.stack([g.reshape(-1) for g in np.meshgrid(x, y, indexing="ij")], 1),
        lambda t: call(t(3), t(2)),
        lambda t: call(t(0), t(2)),
    ),
    shaped(
        "meshgrid",
        lambda *xs, indexing: tuple(np.meshgrid(*xs, indexing=indexing)),
        lambda t: call(t(3), t(2), indexing="ij"),
        lambda t: call(t(3), t(2), indexing="xy"),
        lambda t: call(t(0), t(2), indexing="ij"),
    ),
    shaped(
        "tensor_split",
        lambda x, cuts, dim=0: tuple(np.array_split(x, cuts, dim)),
        lambda t: call(t(5, 2), 3),
        lambda t: call(t(2, 5), [1, 3], dim=1),
        lambda t: call(t(0, 2), 2),
    ),
    shaped(
        "split_with_sizes",
        lambda x, sizes, dim=0: tuple(np.split(x, np.cumsum(sizes)[:-1], dim)),
        lambda t: call(t(5, 2), [1, 4]),
        lambda t: call(t(5, 0), [2, 3]),
    ),
    shaped("hsplit", lambda x, n: tuple(np.hsplit(x, n)), lambda t: call(t(2, 4), 2), lambda t: call(t(0, 4), 2)),
    shaped("vsplit", lambda x, n: tuple(np.vsplit(x, n)), lambda t: call(t(4, 2), 2), lambda t: call(t(4, 0), 2)),
    shaped("dsplit", lambda x, n: tuple(np.dsplit(x, n)), lambda t: call(t(1, 2, 4), 2), lambda t: call(t(0, 1, 4), 2)),
    shaped("fliplr", np.fliplr, lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped("flipud", np.flipud, lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped(
        "roll",
        np.roll,
        lambda t: call(t(3, 4), 5),
        lambda t: call(t(3, 4), (1, -1), (0, 1)),
        lambda t: call(t(0, 3), 1, 0),
    ),
    *(
        shaped("rot90", np.rot90, lambda t, k=k: call(t(2, 3), k), lambda t: call(t(0, 3), 1), variant=f"k={k}")
        for k in (0, 1, 2, 3)
    ),
    shaped("adjoint", lambda x: np.swapaxes(x, -1, -2), lambda t: call(t(2, 3)), lambda t: call(t(0, 3))),
    shaped("moveaxis", np.moveaxis, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped(
        "repeat_interleave",
        lambda x, repeats, dim=None: np.repeat(x, repeats, dim),
        lambda t: call(t(2, 3), 2),
        lambda t: call(t(2, 3), 2, dim=1),
        lambda t: call(t(3, 2), np.array([2, 0, 1]), dim=0),
        lambda t: call(t(0, 3), 2, dim=0),
    ),
    shaped(
        "Tensor.unfold",
        windows,
        lambda t: call(t(5), 0, 2, 1),
        lambda t: call(t(2, 7), 1, 3, 2),
        lambda t: call(t(5, 2), 0, 2, 3),
        lambda t: call(t(0, 3), 1, 2, 1),
    ),
    shaped(
        "diag",
        np.diag,
        lambda t: call(t(3), 1),
        lambda t: call(t(3, 4), -1),
        lambda t: call(t(3)),
        lambda t: call(t(0)),
    ),
    shaped(
        "diag_embed",
        diag_embed,
        lambda t: call(t(2, 3)),
        lambda t: call(t(3), 1),
        lambda t: call(t(2, 3), -1),
        lambda t: call(t(2, 0), 1),
    ),
    shaped("diagflat", np.diagflat, lambda t: call(t(2, 2)), lambda t: call(t(1), 1), lambda t: call(t(0))),
    shaped("trace", np.trace, lambda t: call(t(3, 4)), lambda t: call(t(0, 3)), dtypes=(*FLOATS, "int64")),
    shaped(
        "slice_scatter",
        lambda x, part, dim, start, end, step=1: with_part(x, (slice(None),) * dim + (slice(start, end, step),), part),
        lambda t: call(t(5, 3), t(2, 3), 0, 1, 3),
        lambda t: call(t(2, 5), t(2, 3), 1, 0, 5, 2),
        lambda t: call(t(3, 2), t(0, 2), 0, 1, 1),
    ),
    shaped(
        "select_scatter",
        lambda x, part, dim, index: with_part(x, (slice(None),) * dim + (index,), part),
        lambda t: call(t(3, 2), t(2), 0, 1),
        lambda t: call(t(3, 2), t(3), 1, -1),
        lambda t: call(t(3, 0), t(0), 0, 1),
    ),
    shaped(
        "diagonal_scatter",
        lambda x, part: with_part(x, (np.arange(len(part)), np.arange(len(part))), part),
        lambda t: call(t(3, 4), t(3)),
        lambda t: call(t(0, 4), t(0)),
    ),
    shaped(
        "Tensor.sum_to_size",
        lambda x, *shape: x.sum(
            tuple(range(x.ndim - len(shape)))
            + tuple(
                d + x.ndim - len(shape) for d, n in enumerate(shape) if n == 1 and x.shape[d + x.ndim - len(shape)] != 1
            )
        ).reshape(shape),
        lambda t: call(t(2, 3, 4), 3, 1),
        lambda t: call(t(3, 4), 3, 4),
        lambda t: call(t(0, 3), 1, 3),
        dtypes=FLOATS,
    ),
]


def put_flat(x: Array, index: Array, values: Array, accumulate: bool = False) -> Array:
    y = x.copy().reshape(-1)
    if accumulate:
        np.add.at(y, index.reshape(-1), values.reshape(-1))
    else:
        y[index.reshape(-1)] = values.reshape(-1)
    return y.reshape(x.shape)


def scatter_reduce(x: Array, dim: int, index: Array, values: Array, reduce: str, include_self: bool = True) -> Array:
    found: dict[tuple, list] = {place: [x[place]] if include_self else [] for place in np.ndindex(x.shape)}
    for place in np.ndindex(index.shape):
        target = list(place)
        target[dim] = index[place]
        found[tuple(target)].append(values[place])
    combine = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[reduce]
    y = x.copy()
    for place, reached in found.items():
        if reached:
            y[place] = combine(reached)
    return y


def index_added(x: Array, dim: int, index: Array, source: Array, alpha: float = 1) -> Array:
    y = np.moveaxis(x.copy(), dim, 0)
    np.add.at(y, index, alpha * np.moveaxis(source, dim, 0))
    return np.moveaxis(y, 0, dim)


WRITES_BY_INDEX = [
    OpCase(
        "index_add",
        index_added,
        lambda t: [
            call(t(3, 4), 0, np.array([0, 2, 0, 1]), t(4, 4)),
            call(t(3, 4), 1, np.array([1, 1]), t(3, 2), alpha=2),
        ],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4))],
        tolerance=4,
    ),
    OpCase(
        "index_copy",
        lambda x, dim, index, source: with_part(x, (slice(None),) * dim + (index,), source),
        lambda t: [call(t(3, 4), 0, np.array([2, 0]), t(2, 4)), call(t(3, 4), 1, np.array([3, 0]), t(3, 2))],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4))],
    ),
    OpCase(
        "index_fill",
        lambda x, dim, index, value: with_part(x, (slice(None),) * dim + (index,), value),
        lambda t: [call(t(3, 4), 0, np.array([2, 0]), 1.5), call(t(3, 4), 1, np.array([3, 0]), t())],
        lambda t: [call(t(3, 4), 0, np.zeros(0, np.int64), 1.5)],
    ),
    OpCase(
        "index_put",
        lambda x, index, values, accumulate=False: put_flat(
            x, np.arange(x.size).reshape(x.shape)[index], np.broadcast_to(values, x[index].shape), accumulate
        ),
        lambda t: [
            call(t(3, 4), (np.array([0, 2]), np.array([1, 1])), t(2)),
            call(t(3, 4), (np.array([0, 0]),), t(4), accumulate=True),
            call(t(3, 4), (t.mask(3, 4),), t()),
        ],
        lambda t: [call(t(3, 4), (np.zeros(0, np.int64),), t(0, 4))],
    ),
    *(
        OpCase(
            "scatter_reduce",
            scatter_reduce,
            lambda t, reduce=reduce: [
                call(
                    t.apart(3, 4), 1, np.array([[0, 1, 1], [2, 2, 2], [3, 0, 0]]), t.apart(3, 3) + t.of(0.125), reduce
                ),
                call(t.apart(3, 4), 0, np.array([[0, 1, 1, 0]]), 2 * t.apart(1, 4), reduce, include_self=False),
            ],
            lambda t, reduce=reduce: [
                call(t(3, 4), 0, np.zeros((0, 4), np.int64), t(0, 4), reduce),
                call(t.of(2.0, 0.0), 0, np.array([0, 0, 1]), t.of(2.0, 2.0, 0.0), reduce),
            ],
            tolerance=4,
            variant=reduce,
        )
        for reduce in ("sum", "prod", "mean", "amax", "amin")
    ),
    *(
        OpCase(
            "index_reduce",
            lambda x, dim, index, source, reduce, include_self=True: scatter_reduce(
                x,
                dim,
                np.broadcast_to(index.reshape([-1 if d == dim else 1 for d in range(x.ndim)]), source.shape),
                source,
                reduce,
                include_self,
            ),
            lambda t, reduce=reduce: [
                call(t.apart(3, 4), 0, np.array([2, 0, 2]), 2 * t.apart(3, 4) + t.of(0.125), reduce),
                call(t.apart(2, 4), 1, np.array([3, 1]), 2 * t.apart(2, 2), reduce, include_self=False),
            ],
            lambda t, reduce=reduce: [call(t(3, 4), 0, np.zeros(0, np.int64), t(0, 4), reduce)],
            tolerance=4,
            variant=reduce,
        )
        for reduce in ("prod", "mean", "amax", "amin")
    ),
    OpCase(
        "take",
        lambda x, index: np.take(x, index),
        lambda t: [call(t(3, 4), np.array([[0, 5], [-1, 5]]))],
        lambda t: [call(t(3, 4), np.zeros((0,), np.int64))],
    ),
    OpCase(
        "put",
        put_flat,
        lambda t: [
            call(t(3, 4), np.array([0, 5, -1]), t(3)),
            call(t(3, 4), np.array([0, 5, 5]), t(3), accumulate=True),
        ],
        lambda t: [call(t(3, 4), np.zeros((0,), np.int64), t(0))],
    ),
    OpCase(
        "take_along_dim",
        lambda x, index, dim: np.take_along_axis(x, index, dim),
        lambda t: [call(t(3, 4), t.index(4, 3, 2), 1), call(t(3, 4), t.index(3, 1, 4), 0)],
        lambda t: [call(t(3, 4), np.zeros((3, 0), np.int64), 1)],
    ),
    OpCase(
        "masked_scatter",
        lambda x, mask, source: with_part(x, mask, source.reshape(-1)[: mask.sum()]),
        lambda t: [call(t(3, 4), t.mask(3, 4), t(3, 4))],
        lambda t: [call(t(0, 3), t.mask(0, 3), t(0)), call(t(2), np.array([False, False]), t(2))],
    ),
    OpCase(
        "nonzero_static",
        lambda x, size, fill_value=-1: np.concatenate(
            (np.argwhere(x), np.full((size, x.ndim), fill_value, np.int64))
        )[:size],
        lambda t: [
            call(t.of(0.0, 1.0, 0.0, 3.0), size=1),
            call(t.of([0.0, 1.0], [2.0, 3.0]), size=5, fill_value=7),
        ],
        lambda t: [call(t(0, 3), size=2), call(t(2), size=0)],
        dtypes=(*FLOATS, "int64", "bool"),
    ),
    OpCase(
        "argwhere",
        np.argwhere,
        lambda t: [call(t.of(0.0, 1.0, 0.0, 3.0))],
        lambda t: [call(t(0, 3))],
        dtypes=(*FLOATS, "int64", "bool"),
    ),
]

MATH = [*ELEMENTWISE, *SCANS, *ORDER_STATISTICS, *ARRANGED, *WRITES_BY_INDEX]
