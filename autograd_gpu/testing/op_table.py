"""The table of operations: a row per public function, with its meaning in NumPy and samples of its arguments.

Knows names, references and samples; what is checked of each row is in `op_checks`. There is no way to skip a check: an
operation that needs one needs a narrower domain here, or a fix there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import references as ref
from .op_case import (
    ALL,
    FLOATS,
    INF,
    INTEGERS,
    NAN,
    NUMBERS,
    Call,
    Draw,
    OpCase,
    binary,
    call,
    comparison,
    in_place,
    numpy_dtype,
    reduction,
    shaped,
    step,
    unary,
)
from .op_rows_fused import FUSED
from .op_rows_linalg import LINALG
from .op_rows_math import MATH
from .op_rows_nn import NN
from .op_rows_shape import SHAPES_OF_VIEWS
from .op_rows_special import SPECIAL
from .op_rows_statistics import STATISTICAL

ARITHMETIC = [
    binary("add", lambda x, y, alpha=1: x + alpha * y),
    binary("add", lambda x, y, alpha=1: x + alpha * y, lambda t: [call(t(3, 4), t(4), alpha=3)], variant="alpha"),
    binary("sub", lambda x, y: x - y, lambda t: [call(t(3, 4), t(4)), call(t(2, 3), 2)], dtypes=FLOATS + INTEGERS[:2]),
    binary("mul", lambda x, y: x * y),
    binary("div", np.true_divide, lambda t: [call(t(3, 4), t.between(1, 4, 4)), call(t(2, 3), 4)]),
    OpCase(
        "div",
        lambda x, y, rounding_mode: (np.trunc if rounding_mode == "trunc" else np.floor)(x / y),
        lambda t: [call(t.apart(3, 4), t.of(2.0), rounding_mode=mode) for mode in ("trunc", "floor")],
        lambda t: [call(t(0, 2), t(2), rounding_mode="floor")],
        variant="rounding_mode",
    ),
    OpCase(
        "pow",
        np.power,
        lambda t: [
            call(t.between(0.5, 2, 3, 4), t(4)),
            call(t(3, 4), 3),
            call(t.between(0.5, 2, 5), 0.5),
            call(2.0, t(3)),
        ],
        lambda t: [
            call(t.of(0.0, 1.0, -2.0), 0),
            call(t.of(0.0, -0.0, -2.0), 2),
            call(t.of(0.0, 0.0, 2.0), t.of(0.0, 2.0, -1.0)),
            call(t(0, 3), 2),
        ],
        tolerance=2,
    ),
    unary("neg", np.negative, dtypes=FLOATS + INTEGERS[:2]),
    binary("maximum", np.maximum, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, 3.0))]),
    binary("minimum", np.minimum, lambda t: [call(t.apart(3, 4), t.of(0.0, 1.0, -1.0, 3.0))]),
    OpCase(
        "fmod",
        np.fmod,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0)), call(t.apart(5), 2)],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    OpCase(
        "remainder",
        np.mod,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0)), call(t.apart(5), 2)],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    OpCase(
        "floor_divide",
        np.floor_divide,
        lambda t: [call(t.apart(3, 4), t.of(2.0, 1.0, -3.0, 4.0))],
        lambda t: [call(t(0, 2), t(2)), call(t.of(-3.0, 3.0, 0.0), t.of(2.0, -2.0, 5.0))],
    ),
    binary("atan2", np.arctan2, lambda t: [call(t(3, 4), t.between(1, 2, 4))], dtypes=FLOATS),
    binary("copysign", np.copysign, lambda t: [call(t.apart(3, 4), t.apart(4)), call(t.apart(3), -1.0)], dtypes=FLOATS),
    OpCase(
        "addcmul",
        lambda x, y, z, value=1: x + value * y * z,
        lambda t: [call(t(3, 4), t(3, 4), t(4), value=0.5), call(t(2, 1), t(3), t())],
        lambda t: [call(t(0, 2), t(2), t(2))],
    ),
    OpCase(
        "clamp",
        lambda x, min=None, max=None: np.clip(x, min, max),
        lambda t: [call(t.apart(3, 5), -1, 1), call(t.apart(3, 5), min=0), call(t.apart(3, 5), max=t.of(0.0))],
        lambda t: [call(t.of(-1.0, 0.0, 1.0, NAN), -1, 1), call(t(0), 0, 1)],
    ),
    OpCase(
        "where",
        np.where,
        lambda t: [call(t.mask(3, 4), t(3, 4), t(4)), call(t.mask(3, 1), t(4), 0.0), call(t.mask(4), 1.5, t(3, 4))],
        lambda t: [call(t.mask(0, 3), t(3), t(1)), call(np.array([True, False]), t.of(NAN, NAN), t.of(1.0, 1.0))],
    ),
]

UNARY = [
    unary("abs", np.abs, lambda t: [call(t.between(0.2, 2, 3, 5))]),
    unary("exp", np.exp),
    unary("exp2", np.exp2),
    unary("expm1", np.expm1),
    unary("log", np.log, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log2", np.log2, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log10", np.log10, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("log1p", np.log1p, lambda t: [call(t.between(-0.5, 3, 3, 5))]),
    unary("sqrt", np.sqrt, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("reciprocal", lambda x: 1 / x, lambda t: [call(t.between(0.3, 3, 3, 5))]),
    unary("square", np.square),
    unary("sin", np.sin),
    unary("cos", np.cos),
    unary("tan", np.tan, lambda t: [call(t.between(-1, 1, 3, 5))]),
    unary("asin", np.arcsin, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("acos", np.arccos, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("atan", np.arctan),
    unary("sinh", np.sinh),
    unary("cosh", np.cosh),
    unary("tanh", np.tanh),
    unary("asinh", np.arcsinh),
    unary("acosh", np.arccosh, lambda t: [call(t.between(1.5, 3, 3, 5))]),
    unary("atanh", np.arctanh, lambda t: [call(t.between(-0.8, 0.8, 3, 5))]),
    unary("erf", ref.erf),
    unary("erfc", ref.erfc),
    unary("sigmoid", ref.sigmoid),
    unary("relu", lambda x: np.where(x < 0, 0.0, x), lambda t: [call(t.apart(3, 5))]),
    *(
        OpCase(
            "nn.functional.gelu",
            ref.gelu,
            lambda t, form=form: [call(t(3, 5), approximate=form), call(t.of(-6.0, -4.0, 4.0, 6.0), approximate=form)],
            lambda t, form=form: [
                # At minus infinity the formula is zero times infinity, and PyTorch's own two code paths disagree.
                call(t.of(0.0, -0.0, 20.0, -20.0, NAN), approximate=form),
                call(t(0, 3), approximate=form),
                call(t(), approximate=form),
            ],
            variant=form,
        )
        for form in ("none", "tanh")
    ),
    step("sign", lambda x: np.where(np.isnan(x), 0, np.sign(x))),
    step("floor", np.floor),
    step("ceil", np.ceil),
    step("round", np.rint),
    step("trunc", np.trunc),
]

TESTS = [
    comparison("eq", np.equal),
    comparison("ne", np.not_equal),
    comparison("lt", np.less),
    comparison("le", np.less_equal),
    comparison("gt", np.greater),
    comparison("ge", np.greater_equal),
    comparison("logical_and", np.logical_and, scalar=False),
    comparison("logical_or", np.logical_or, scalar=False),
    comparison("logical_xor", np.logical_xor, scalar=False),
    unary("logical_not", np.logical_not, dtypes=ALL),
    unary("isnan", np.isnan),
    unary("isinf", np.isinf),
    unary("isfinite", np.isfinite),
    binary("bitwise_and", np.bitwise_and, dtypes=(*INTEGERS, "bool")),
    binary("bitwise_or", np.bitwise_or, dtypes=(*INTEGERS, "bool")),
    binary("bitwise_xor", np.bitwise_xor, dtypes=(*INTEGERS, "bool")),
    unary("bitwise_not", np.invert, dtypes=(*INTEGERS, "bool")),
]

REDUCTIONS = [
    reduction("sum", np.sum, dtypes=ALL),
    reduction("mean", np.mean),
    reduction("amax", np.max, empty=False, dtypes=NUMBERS),
    reduction("amin", np.min, empty=False, dtypes=NUMBERS),
    reduction("any", np.any, dtypes=(*FLOATS, "int64", "bool")),
    reduction("all", np.all, dtypes=(*FLOATS, "int64", "bool")),
    OpCase(
        "prod",
        lambda x, dim=None, keepdim=False: np.prod(x, axis=dim, keepdims=keepdim),
        lambda t: [call(t(5)), call(t(2, 3), dim=1), call(t(2, 3, 2), dim=1, keepdim=True)],
        lambda t: [call(t(0)), call(t(2, 0), dim=1), call(t.of(0.0, 3.0, 0.0)), call(t.of(0.0, 3.0, 2.0))],
        tolerance=4,
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, correction=1, keepdim=False, power=power: (
                np.var(x, axis=dim, ddof=correction, keepdims=keepdim) ** power
            ),
            lambda t: [
                call(t(2, 3, 4)),
                call(t(2, 3, 4), dim=1),
                call(t(2, 3, 4), dim=(0, 2), correction=0, keepdim=True),
            ],
            lambda t: [
                call(t(1)),
                call(t(3, 0), dim=0),
                call(t(0, 3), dim=1, correction=0),
                call(t(3, 70) + t.of(90.0), dim=1),
            ],
            tolerance=4,
        )
        for name, power in (("var", 1), ("std", 0.5))
    ),
    *(
        OpCase(
            name,
            lambda x, largest=largest: (np.max if largest else np.min)(x),
            lambda t: [call(t.apart(3, 4)), call(t())],
            lambda t: [call(t.of(2.0, 1.0, 2.0, 2.0)), call(t(1, 1)), call(t.special)],
            dtypes=NUMBERS,
            variant="all",
        )
        for name, largest in (("max", True), ("min", False))
    ),
    *(
        OpCase(
            name,
            lambda x, dim, keepdim=False, largest=largest: ref.with_index(x, dim, keepdim, largest),
            lambda t: [call(t.apart(2, 3, 4), dim=1), call(t.apart(3, 4), dim=-1, keepdim=True)],
            lambda t: [
                call(t.of(2.0, 1.0, 2.0, 2.0), dim=0),
                call(t(3, 0), dim=0),
                call(t(2, 70), dim=1),
                call(t.special, dim=0),
            ],
            dtypes=NUMBERS,
            variant="dim",
        )
        for name, largest in (("max", True), ("min", False))
    ),
    *(
        OpCase(
            name,
            lambda x, dim=None, keepdim=False, find=find: find(x, axis=dim, keepdims=keepdim),
            lambda t: [call(t.apart(2, 3, 4), dim=1), call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, keepdim=True)],
            lambda t: [call(t.of(2.0, 1.0, 2.0, 2.0), dim=0), call(t(3, 0), dim=0), call(t.special)],
        )
        for name, find in (("argmax", np.argmax), ("argmin", np.argmin))
    ),
    OpCase(
        "logsumexp",
        ref.logsumexp,
        lambda t: [call(t(3, 4), dim=1), call(t(2, 3, 4), dim=0, keepdim=True)],
        lambda t: [call(t.of(1000.0, 1000.0, -1000.0), dim=0), call(t(0, 3), dim=1), call(t(2, 1), dim=1)],
    ),
    OpCase(
        "norm",
        lambda x, p=2, dim=None, keepdim=False: (np.abs(x) ** p).sum(axis=dim, keepdims=keepdim) ** (1 / p),
        lambda t: [call(t(3, 4)), call(t(3, 4), dim=1), call(t.apart(3, 4), p=1, dim=0, keepdim=True)],
        lambda t: [call(t(0)), call(t.of(0.0, 0.0)), call(t(2, 0), dim=1), call(t(1, 1))],
        tolerance=4,
    ),
    OpCase(
        "cumsum",
        lambda x, dim: np.cumsum(x, axis=dim),
        lambda t: [call(t(3, 4), dim=0), call(t(2, 3, 4), dim=-1), call(t(2, 3, 4), dim=1)],
        lambda t: [call(t(0, 3), dim=0), call(t(1), dim=0), call(t(300), dim=0)],
        dtypes=ALL,
        tolerance=8,
    ),
    OpCase(
        "sort",
        ref.sort,
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, descending=True)],
        lambda t: [call(t.of(2.0, 1.0, 2.0, NAN, 1.0), stable=True), call(t(0, 3)), call(t(1, 1))],
    ),
    OpCase(
        "argsort",
        lambda *args, **kwargs: ref.sort(*args, **kwargs)[1],
        lambda t: [call(t.apart(3, 4)), call(t.apart(3, 4), dim=0, descending=True)],
        lambda t: [call(t.of(2.0, 1.0, 2.0, 1.0), stable=True), call(t(0, 3))],
    ),
    OpCase(
        "topk",
        lambda x, k, dim=-1, largest=True: tuple(
            np.take(part, range(k), axis=dim) for part in ref.sort(x, dim, descending=largest)
        ),
        lambda t: [call(t.apart(3, 5), 2), call(t.apart(4, 3), 3, dim=0, largest=False)],
        lambda t: [call(t(0, 3), 1), call(t.apart(3), 0), call(t(1, 1), 1)],
    ),
]


SHAPES = [
    shaped(
        "reshape",
        lambda x, shape: x.reshape(shape),
        lambda t: call(t(2, 6), (3, 4)),
        lambda t: call(t(2, 3, 4), (-1, 3)),
        lambda t: call(t(0, 3), (3, 0)),
    ),
    shaped(
        "Tensor.view",
        lambda x, *shape: x.reshape(shape),
        # Splits, which a view of any layout can do; reshape's row has the joins.
        lambda t: call(t(6, 2), 2, -1, 2),
        lambda t: call(t(2, 3), 2, 1, 3),
        lambda t: call(t(0, 3), 3, 0),
    ),
    shaped(
        "flatten",
        lambda x, start, end: x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :]),
        lambda t: call(t(2, 3, 4), 1, 2),
        lambda t: call(t(2, 0, 3), 0, 1),
    ),
    shaped(
        "squeeze",
        lambda x, dim=None: x.squeeze(dim),
        lambda t: call(t(1, 3, 1)),
        lambda t: call(t(1, 3, 1), 0),
        lambda t: call(t(1, 3, 1), (0, 2)),
        lambda t: call(t(1, 0)),
    ),
    shaped("unsqueeze", np.expand_dims, lambda t: call(t(2, 3), 1), lambda t: call(t(3), -1), lambda t: call(t(0), 0)),
    shaped("transpose", np.swapaxes, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped("t", np.transpose, lambda t: call(t(2, 3)), lambda t: call(t(4)), lambda t: call(t(0, 3))),
    shaped("permute", np.transpose, lambda t: call(t(2, 3, 4), (2, 0, 1)), lambda t: call(t(0, 3), (1, 0))),
    shaped("movedim", np.moveaxis, lambda t: call(t(2, 3, 4), 0, 2), lambda t: call(t(0, 3), 0, 1)),
    shaped(
        "Tensor.expand",
        lambda x, *shape: np.broadcast_to(x, shape),
        lambda t: call(t(3, 1), 3, 4),
        lambda t: call(t(3), 2, 3),
        lambda t: call(t(1, 3), 0, 3),
    ),
    shaped("flip", np.flip, lambda t: call(t(2, 3), (0,)), lambda t: call(t(2, 3), (0, 1)), lambda t: call(t(0), (0,))),
    shaped("clone", np.copy, lambda t: call(t(2, 3)), lambda t: call(t()), lambda t: call(t(0, 3))),
    shaped(
        "diagonal",
        lambda x, offset=0: np.diagonal(x, offset),
        lambda t: call(t(3, 4)),
        lambda t: call(t(3, 4), offset=1),
        lambda t: call(t(0, 4)),
    ),
    shaped(
        "cat",
        lambda tensors, dim=0: np.concatenate(tensors, dim),
        lambda t: call([t(2, 3), t(1, 3), t(4, 3)]),
        lambda t: call([t(2, 3), t(2, 1)], dim=-1),
        lambda t: call([t(0, 3), t(2, 3), t(0, 3)]),
        dtypes=ALL,
    ),
    shaped(
        "stack",
        lambda tensors, dim=0: np.stack(tensors, dim),
        lambda t: call([t(2, 3), t(2, 3)]),
        lambda t: call([t(3), t(3), t(3)], dim=-1),
        lambda t: call([t(0, 3), t(0, 3)]),
    ),
    shaped(
        "split",
        lambda x, sizes, dim=0: tuple(
            np.split(x, range(sizes, x.shape[dim], sizes) if isinstance(sizes, int) else np.cumsum(sizes)[:-1], dim)
        ),
        lambda t: call(t(5, 2), 2),
        lambda t: call(t(2, 5), [1, 0, 4], dim=1),
        lambda t: call(t(3, 0), 2),
    ),
    shaped(
        "chunk",
        lambda x, chunks, dim=0: tuple(np.array_split(x, chunks, dim)),
        lambda t: call(t(6, 2), 3),
        lambda t: call(t(2, 0), 1),
    ),
    shaped(
        "unbind", lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)), lambda t: call(t(3, 2), 1), lambda t: call(t(2, 0), 0)
    ),
    shaped(
        "tril",
        np.tril,
        lambda t: call(t(3, 4)),
        lambda t: call(t(2, 3, 3), -1),
        lambda t: call(t(0, 3)),
    ),
    shaped(
        "triu",
        np.triu,
        lambda t: call(t(3, 4)),
        lambda t: call(t(2, 3, 3), 1),
        lambda t: call(t(0, 3)),
    ),
    shaped(
        "narrow",
        lambda x, dim, start, length: x.take(range(start, start + length), dim),
        lambda t: call(t(5, 2), 0, 1, 3),
        lambda t: call(t(5, 2), 0, 5, 0),
    ),
    shaped(
        "narrow_copy",
        lambda x, dim, start, length: x.take(range(start, start + length), dim),
        lambda t: call(t(5, 2), 0, 1, 3),
        lambda t: call(t(5, 2), 0, 5, 0),
    ),
    shaped(
        "unsafe_split",
        lambda x, size, dim=0: tuple(np.split(x, range(size, x.shape[dim], size), dim)),
        lambda t: call(t(5, 2), 2),
        lambda t: call(t(2, 4), 2, 1),
        lambda t: call(t(2, 0), 1),
    ),
    shaped(
        "unsafe_split_with_sizes",
        lambda x, sizes, dim=0: tuple(np.split(x, np.cumsum(sizes)[:-1], dim)),
        lambda t: call(t(5, 2), [1, 4]),
        lambda t: call(t(2, 0), [0, 2]),
    ),
    shaped(
        "unsafe_chunk",
        lambda x, chunks, dim=0: tuple(np.split(x, chunks, dim)),
        lambda t: call(t(4, 2), 2),
        lambda t: call(t(2, 0), 2),
    ),
    shaped(
        "select",
        lambda x, dim, index: x.take(index, dim),
        lambda t: call(t(3, 2), 0, -1),
        lambda t: call(t(3, 0), 0, 1),
    ),
    *(
        shaped(
            f"Tensor.{method}",
            lambda x, dtype=dtype: x.astype(numpy_dtype(dtype)),
            lambda t: call(t.apart(3, 4)),
            lambda t: call(t.apart()),
            lambda t: call(t(0, 3)),
            dtypes=ALL,
            result=dtype,
            # Steps that every dtype can take exactly; the second difference of a cast to fewer bits is noise.
            eps=0.5,
            order={"float64": 2, "float32": 1, "float16": 1, "bfloat16": 1}.get(dtype, 0),
        )
        for method, dtype in (
            ("double", "float64"),
            ("float", "float32"),
            ("half", "float16"),
            ("bfloat16", "bfloat16"),
            ("long", "int64"),
            ("int", "int32"),
            ("bool", "bool"),
        )
    ),
]


def item(variant: str, *samples: Callable[[Draw], Call]) -> OpCase:
    return shaped("Tensor.__getitem__", lambda x, index: x[index], *samples, variant=variant)


INDEXING = [
    item(
        "basic",
        lambda t: call(t(4, 3), 1),
        lambda t: call(t(4, 3), (slice(1, 3), slice(None, None, 2))),
        lambda t: call(t(2, 3, 4), (..., 0)),
        lambda t: call(t(4, 3), (None, -1)),
        lambda t: call(t(4, 3), slice(4, 4)),
    ),
    item(
        "integer arrays",
        lambda t: call(t(4, 3), t.index(4, 2, 3)),
        lambda t: call(t(4, 3), (t.index(4, 5), t.index(3, 5))),
        lambda t: call(t(4, 3, 2), (slice(None), t.index(3, 4))),
        lambda t: call(t(4, 3), np.array([0, 0, -1, 0])),
        lambda t: call(t(4, 3), np.zeros((0,), np.int64)),
    ),
    item(
        "masks",
        lambda t: call(t(4, 3), t.mask(4, 3)),
        lambda t: call(t(4, 3), t.mask(4)),
        lambda t: call(t(4, 3), np.zeros((4, 3), bool)),
    ),
    OpCase(
        "gather",
        lambda x, dim, index: np.take_along_axis(x, index, dim),
        lambda t: [call(t(3, 4), 1, t.index(4, 3, 2)), call(t(3, 4), 0, t.index(3, 5, 4))],
        lambda t: [call(t(3, 4), 1, t.index(4, 3, 0)), call(t(2, 3), 1, np.zeros((2, 3), np.int64))],
    ),
    OpCase(
        "index_select",
        lambda x, dim, index: np.take(x, index, dim),
        lambda t: [call(t(4, 3), 0, t.index(4, 6)), call(t(4, 3), 1, t.index(3, 2))],
        lambda t: [call(t(4, 3), 0, t.index(4, 0))],
    ),
    OpCase(
        "nonzero",
        lambda x: np.argwhere(x),
        lambda t: [call(t.of(0.0, 1.0, 0.0, 3.0)), call(t(3, 4) * (t(3, 4) > 0))],
        lambda t: [call(t(0, 3)), call(t.of(0.0, 0.0))],
        dtypes=ALL,
    ),
    OpCase(
        "masked_fill",
        lambda x, mask, value: np.where(mask, value, x).astype(x.dtype),
        lambda t: [call(t(3, 4), t.mask(3, 4), 2), call(t(3, 4), t.mask(4), 0)],
        lambda t: [call(t(0, 3), t.mask(3), 1)],
    ),
]

PRODUCTS = [
    OpCase(
        "matmul",
        np.matmul,
        lambda t: [
            call(t(3, 4), t(4, 2)),
            call(t(4), t(4)),
            call(t(3, 4), t(4)),
            call(t(4), t(4, 3)),
            call(t(2, 3, 4), t(4, 2)),
            call(t(2, 1, 3, 4), t(3, 4, 2)),
        ],
        lambda t: [
            call(t(3, 0), t(0, 2)),
            call(t(0, 3), t(3, 2)),
            call(t(0, 3, 4), t(0, 4, 2)),
            call(t(1, 1), t(1, 1)),
            call(t(17, 33), t(33, 19)),
            call(t(2, 70, 5), t(2, 5, 66)),
        ],
        dtypes=NUMBERS,
        tolerance=8,
    ),
    OpCase("mm", np.matmul, lambda t: [call(t(3, 4), t(4, 2))], lambda t: [call(t(3, 0), t(0, 2))], tolerance=4),
    OpCase(
        "bmm",
        np.matmul,
        lambda t: [call(t(2, 3, 4), t(2, 4, 2))],
        lambda t: [call(t(0, 3, 4), t(0, 4, 2))],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.bilinear",
        lambda x, y, weight, bias=None: np.einsum("...i,oij,...j->...o", x, weight, y) + (0 if bias is None else bias),
        lambda t: [
            call(t(3, 4), t(3, 2), t(5, 4, 2), t(5)),
            call(t(2), t(3), t(4, 2, 3)),
            call(t(2, 1, 2), t(2, 1, 2), t(1, 2, 2)),
        ],
        lambda t: [call(t(0, 4), t(0, 2), t(5, 4, 2), t(5))],
        tolerance=16,
    ),
    OpCase(
        "nn.functional.linear",
        lambda x, weight, bias=None: x @ weight.T + (0 if bias is None else bias),
        lambda t: [call(t(2, 3, 4), t(5, 4), t(5)), call(t(3, 4), t(5, 4)), call(t(4), t(5, 4), t(5))],
        lambda t: [call(t(0, 4), t(5, 4), t(5))],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.feed_forward",
        ref.feed_forward,
        lambda t: [
            call(t(2, 3, 4), t(6, 4), t(6), t(5, 6), t(5)),
            call(t(3, 4), t(6, 4), None, t(5, 6), None, approximate="tanh"),
        ],
        lambda t: [call(t(0, 4), t(5, 4), t(5), t(3, 5), t(3)), call(t(4), t(5, 4), t(5), t(3, 5), t(3))],
        tolerance=8,
    ),
]

ROWS = [
    *(
        OpCase(
            name,
            reference,
            lambda t: [call(t(3, 5), dim=-1), call(t(2, 3, 4), dim=1), call(t(5), dim=0)],
            lambda t: [
                call(t(1, 1), dim=0),
                call(t(0, 3), dim=1),
                call(t(3, 0), dim=1),
                call(t(2, 3) * t.of(1000.0), dim=1),
                call(t.of(0.0, -INF, 1.0), dim=0),
                call(t.of(2.0, 2.0, 2.0), dim=0),
                call(t(2, 130), dim=1),
                call(t(40, 3), dim=0),
            ],
        )
        for name, reference in (("softmax", ref.softmax), ("log_softmax", ref.log_softmax))
    ),
    OpCase(
        "nn.functional.cross_entropy",
        ref.cross_entropy,
        lambda t: [
            call(t(4, 5), t.index(5, 4)),
            call(t(4, 5), t.index(5, 4), reduction="sum"),
            call(t(2, 5, 3), t.index(5, 2, 3), reduction="none"),
            call(t(4, 5), np.array([1, -100, 4, 0])),
            call(t(4, 5), np.array([1, 2, 4, 0]), ignore_index=2),
            call(t(4, 5), t.index(5, 4), label_smoothing=0.1),
            call(t(5), np.array(3)),
        ],
        lambda t: [
            call(t(0, 5), t.index(5, 0)),
            call(t(3, 1), t.index(1, 3)),
            call(t(3, 5) * t.of(500.0), t.index(5, 3)),
            call(t(2, 5), np.array([-100, -100])),
            call(t(3, 130), t.index(130, 3)),
        ],
        tolerance=2,
    ),
    OpCase(
        "nn.functional.layer_norm",
        ref.layer_norm,
        lambda t: [
            call(t(3, 5), (5,), t(5), t(5)),
            call(t(2, 3, 4), (3, 4), t(3, 4), t(3, 4)),
            call(t(3, 5), (5,)),
            call(t(3, 5), (5,), t(5)),
            call(t(3, 5), (5,), bias=t(5), eps=0.1),
        ],
        lambda t: [
            call(t(0, 5), (5,), t(5), t(5)),
            call(t(3, 1), (1,), t(1), t(1)),
            call(t(2, 130), (130,), t(130), t(130)),
            call(t(3, 5) * t.of(0.1) + t.of(3.0), (5,)),
            call(t.of(3.0, 3.0, 3.0, 3.0), (4,)),
        ],
        tolerance=8,
    ),
    OpCase(
        "nn.functional.dropout",
        ref.dropout,
        lambda t: [call(t(3, 5), p=0.5), call(t(3, 5), p=0.25), call(t(3, 5), p=0.5, training=False)],
        lambda t: [call(t(0, 3), p=0.5), call(t(3, 5), p=1.0), call(t(3, 5), p=0.0), call(t(1), p=0.1)],
        random=True,
    ),
    OpCase(
        "nn.functional.scaled_dot_product_attention",
        ref.attention,
        lambda t: [
            call(t(1, 2, 3, 4), t(1, 2, 3, 4), t(1, 2, 3, 4), is_causal=True),
            call(t(2, 1, 3, 4), t(2, 1, 5, 4), t(2, 1, 5, 4)),
            call(t(1, 1, 2, 3), t(1, 1, 3, 3), t(1, 1, 3, 3), scale=0.3),
            call(t(2, 4, 3, 2), t(2, 2, 3, 2), t(2, 2, 3, 2), is_causal=True, enable_gqa=True),
            call(t(1, 4, 2, 3), t(1, 2, 3, 3), t(1, 1, 3, 2), enable_gqa=True),  # a value narrower than its key
            call(t(2, 2, 3, 2), t(2, 2, 4, 2), t(2, 2, 4, 2), t.mask(2, 1, 1, 4)),
            call(t(2, 3, 2), t(2, 4, 2), t(2, 4, 2), np.array([[True] * 4, [True, False] * 2, [False] * 4])),
            call(t(2, 2, 3, 2), t(2, 2, 4, 2), t(2, 2, 4, 2), t(3, 4)),
        ],
        lambda t: [
            call(t(1, 1, 0, 4), t(1, 1, 3, 4), t(1, 1, 3, 4)),
            call(t(1, 1, 1, 1), t(1, 1, 1, 1), t(1, 1, 1, 1), is_causal=True),
            call(t(1, 1, 9, 5), t(1, 1, 9, 5) * t.of(20.0), t(1, 1, 9, 5), is_causal=True),
            call(t(1, 2, 35, 8), t(1, 2, 35, 8), t(1, 2, 35, 8), is_causal=True),
        ],
        tolerance=4,
    ),
]


def written(x: np.ndarray, index: Any, value: Any) -> np.ndarray:
    y = x.copy()
    y[index] = value
    return y


WRITES = [
    in_place(
        "Tensor.copy_",
        lambda x, y: np.broadcast_to(y, x.shape),
        lambda t: [call(t(3, 4), t(3, 4)), call(t(3, 4), t(4)), call(t(3, 4), t())],
        lambda t: [call(t(0, 3), t(3)), call(t(), t())],
    ),
    in_place(
        "Tensor.fill_",
        np.full_like,
        lambda t: [call(t(3, 4), 2.5), call(t(), 1)],
        lambda t: [call(t(0, 3), 1)],
    ),
    in_place("Tensor.zero_", np.zeros_like, lambda t: [call(t(3, 4))], lambda t: [call(t(0, 3)), call(t.special)]),
    in_place(
        "Tensor.__setitem__",
        written,
        lambda t: [
            call(t(4, 3), 1, t(3)),
            call(t(4, 3), (slice(1, 3), slice(None, None, 2)), t(2, 2)),
            call(t(4, 3), (..., 0), 1.5),
            call(t(4, 3), t.mask(4, 3), 2.0),
            call(t(4, 3), (np.array([2, 0]), slice(None)), t(2, 3)),
            call(t(4, 3), (np.array([2, 0]), np.array([1, 1])), t(2)),
        ],
        lambda t: [call(t(4, 3), slice(4, 4), t(3)), call(t(0, 3), slice(None), t(3)), call(t(4), 0, t())],
    ),
]

MOVES = [OpCase("Tensor.cpu", np.copy, lambda t: [call(t(3, 4))], lambda t: [call(t(0, 3)), call(t())], dtypes=ALL)]

CASES = [
    *ARITHMETIC,
    *UNARY,
    *TESTS,
    *REDUCTIONS,
    *SHAPES,
    *SHAPES_OF_VIEWS,
    *INDEXING,
    *PRODUCTS,
    *ROWS,
    *WRITES,
    *MATH,
    *NN,
    *LINALG,
    *FUSED,
    *SPECIAL,
    *STATISTICAL,
    *MOVES,
]
