"""Calls whose operands grow: a name, and what it does with matrices of so many elements."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 4_000_000)
GROWING: dict[str, Callable[..., Any]] = {
    "add": lambda T, x, y: x + y,
    "gelu": lambda T, x, y: T.nn.functional.gelu(x),
    "sum": lambda T, x, y: x.sum(0),
    "softmax": lambda T, x, y: x.softmax(-1),
    "layer_norm": lambda T, x, y: T.nn.functional.layer_norm(x, x.shape[1:]),
    "matmul": lambda T, x, y: x @ y.t(),
}


def operands_of(library: ModuleType, name: str, size: int) -> list[Any]:
    """Return two matrices of about `size` elements, as square as they come."""
    rows = int(size**0.5)
    return [library.randn(rows, size // rows, requires_grad=True) for _ in range(2)]
