"""One recorded small operation, forward and backward: its host time, which in_turns and before_after measure.

The tensors are so small that what is timed is the library: recording, dispatch, the engine.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

import autograd_gpu

from . import record
from .timing import seconds_each

Step = Callable[[Any, Any], Any]

OPERATIONS: dict[str, Callable[[ModuleType], Step]] = {
    "x + y": lambda T: lambda x, y: x + y,
    "x * y": lambda T: lambda x, y: x * y,
    "x * 2.0": lambda T: lambda x, y: x * 2.0,
    "x / y": lambda T: lambda x, y: x / y,
    "x ** 2": lambda T: lambda x, y: x**2,
    "exp": lambda T: lambda x, y: x.exp(),
    "tanh": lambda T: lambda x, y: x.tanh(),
    "relu": lambda T: lambda x, y: x.relu(),
    "x @ y": lambda T: lambda x, y: x @ y,
    "x.t()": lambda T: lambda x, y: x.t(),
    "x.view": lambda T: lambda x, y: x.view(16),
    "x[0]": lambda T: lambda x, y: x[0],
    "cat": lambda T: lambda x, y: T.cat([x, y]),
    "softmax": lambda T: lambda x, y: x.softmax(-1),
    "layer_norm": lambda T: lambda x, y: T.nn.functional.layer_norm(x, (4,)),
    "rms_norm": lambda T: lambda x, y: T.nn.functional.rms_norm(x, (4,)),
    "cross_entropy": lambda T: (lambda t: lambda x, y: T.nn.functional.cross_entropy(x, t))(T.arange(4)),
    "gelu": lambda T: lambda x, y: T.nn.functional.gelu(x),
    "x + row": lambda T: lambda x, y: x + y[0],
}
CHAIN = 50  # operations in one backward, so that its fixed cost is spread


def forward_and_backward(
    library: ModuleType, make: Callable[[ModuleType], Step], in_place: bool = False
) -> Callable[[], None]:
    """One graph: a sum of the operation's results over CHAIN pairs, so each is recorded and run once."""
    step = make(library)
    x = library.ones(4, 4, requires_grad=True)
    y = library.ones(4, 4, requires_grad=True)
    gradient = library.ones_like(step(x, y))
    outputs_gradients = [gradient] * CHAIN

    def run() -> None:
        library.autograd.grad([step(x, y) for _ in range(CHAIN)], [x, y], outputs_gradients, allow_unused=True)

    return run


def forward_only(library: ModuleType, make: Callable[[ModuleType], Step]) -> Callable[[], None]:
    """The same operations, recorded and dropped."""
    step = make(library)
    x = library.ones(4, 4, requires_grad=True)
    y = library.ones(4, 4, requires_grad=True)

    def run() -> None:
        for _ in range(CHAIN):
            step(x, y)

    return run


def libraries() -> dict[str, ModuleType]:
    found = {"ours": autograd_gpu}
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    return {**found, "torch": torch}


def measure(budget: float = 0.4) -> list[record.Row]:
    """Microseconds for each operation."""
    rows = []
    gc.disable()
    try:
        for name, make in OPERATIONS.items():
            row: record.Row = {"operation": name}
            for what, build in (("forward", forward_only), ("both", forward_and_backward)):
                times = seconds_each({label: build(library, make) for label, library in libraries().items()}, budget)
                row |= {f"{label} {what} us": value / CHAIN * 1e6 for label, value in times.items()}
                if "torch" in times:
                    row[f"ratio {what}"] = times["ours"] / times["torch"]
            rows.append(row)
            gc.collect()
    finally:
        gc.enable()
    return rows
