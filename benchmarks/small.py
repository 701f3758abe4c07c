"""Operations on tensors so small that what is timed is the library: recording, dispatch, the engine."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

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
HOST = "4 x 4: "  # what names of such works begin with
CHAIN = 50  # operations in one backward, so that its fixed cost is spread


def forward_and_backward(library: ModuleType, make: Callable[[ModuleType], Step]) -> Callable[[], None]:
    """One graph: a sum of the operation's results over CHAIN pairs, so each is recorded and run once."""
    step = make(library)
    x = library.ones(4, 4, requires_grad=True)
    y = library.ones(4, 4, requires_grad=True)
    gradient = library.ones_like(step(x, y))
    outputs_gradients = [gradient] * CHAIN

    def run() -> None:
        library.autograd.grad([step(x, y) for _ in range(CHAIN)], [x, y], outputs_gradients, allow_unused=True)

    return run
