"""Rows of the op table: softmax, its logarithm, and the cross entropy of it."""

from __future__ import annotations

import numpy as np

from .. import references as ref
from ..op_case import INF, OpCase, call

SOFTMAXES = [
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
        for room in ("", "nn.functional.")
        for name, reference in ((f"{room}softmax", ref.softmax), (f"{room}log_softmax", ref.log_softmax))
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
]
