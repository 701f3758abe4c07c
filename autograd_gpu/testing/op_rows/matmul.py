"""Rows of the op table: products of matrices, and layers made of them."""

from __future__ import annotations

import numpy as np

from .. import references as ref
from ..op_case import NUMBERS, OpCase, call

MATMULS = [
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
